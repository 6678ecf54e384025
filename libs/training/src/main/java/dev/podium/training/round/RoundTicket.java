package dev.podium.training.round;

import dev.podium.contracts.RoundCommand;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.common.TopicPartition;

/**
 * One round in this process, from its command to its end.
 *
 * <pre>
 *   PENDING --(work thread takes it)--> RUNNING --> ENDED
 *      '------(cancelled in the queue)---------------^
 * </pre>
 */
final class RoundTicket {
    private final RoundCommand.StartRound command;
    // The same round may be commanded several times; all those records are done when it has ended.
    private final List<Position> positions = new ArrayList<>();
    private final AtomicReference<Phase> phase = new AtomicReference<>(Phase.PENDING);
    private volatile boolean cancelled;
    private volatile boolean abandoned;

    RoundTicket(RoundCommand.StartRound command) {
        this.command = command;
    }

    enum Phase {
        PENDING,
        RUNNING,
        ENDED
    }

    /** Where a command of the round stands. */
    record Position(TopicPartition partition, long offset) {}

    RoundCommand.StartRound command() {
        return command;
    }

    /** Poll thread only. */
    List<Position> positions() {
        return positions;
    }

    boolean begin() {
        return phase.compareAndSet(Phase.PENDING, Phase.RUNNING);
    }

    /** Whether it was still waiting, and now never begins. */
    boolean endInQueue() {
        return phase.compareAndSet(Phase.PENDING, Phase.ENDED);
    }

    void end() {
        phase.set(Phase.ENDED);
    }

    boolean isRunning() {
        return phase.get() == Phase.RUNNING;
    }

    /** By the operator. */
    void cancel() {
        cancelled = true;
    }

    boolean isCancelled() {
        return cancelled;
    }

    /** By this process: it stops, or another trainer has the partition now. Nothing more is said of the round here. */
    void abandon() {
        abandoned = true;
    }

    boolean isAbandoned() {
        return abandoned;
    }

    boolean mustStop() {
        return cancelled || abandoned;
    }
}
