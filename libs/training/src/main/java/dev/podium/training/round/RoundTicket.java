package dev.podium.training.round;

import dev.podium.contracts.RoundCommand;
import java.time.Duration;
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
    private static final int MOST_DOUBLINGS = 10;

    private final RoundCommand.StartRound command;
    // The same round may be commanded several times; all those records are done when it has ended.
    private final List<Position> positions = new ArrayList<>();
    private final AtomicReference<Phase> phase = new AtomicReference<>(Phase.PENDING);
    private volatile boolean cancelled;
    private volatile boolean abandoned;
    // How often it was left here, and when it may begin after that.
    private int left;
    private long beginNanos;

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

    /**
     * The same round once more, in the same state of being cancelled.
     *
     * @param pause before it begins, doubled with each time that the round was left
     */
    RoundTicket again(long nowNanos, Duration pause, Duration longest) {
        RoundTicket again = new RoundTicket(command);
        again.positions.addAll(positions);
        again.cancelled = cancelled;
        again.left = left + 1;
        long nanos = pause.toNanos() << Math.min(left, MOST_DOUBLINGS);
        again.beginNanos = nowNanos + Math.min(nanos, longest.toNanos());
        return again;
    }

    /** Of one that was left before: whether its pause is over. */
    boolean mayBegin(long nowNanos) {
        return nowNanos - beginNanos >= 0;
    }

    boolean isPending() {
        return phase.get() == Phase.PENDING;
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
