package dev.podium.training.track;

import dev.podium.contracts.RoundCommand;
import dev.podium.training.round.Guard;
import java.util.Map;

/**
 * Is told how rounds go, besides their events. Called on the thread that trains: it must not block, and what it throws is
 * logged and forgotten, because a round is worth more than its curves.
 */
public interface RoundTracker extends AutoCloseable {
    /**
     * A round starts, or goes on.
     *
     * @param resumedFromStep 0 for a fresh start
     */
    void started(RoundCommand.StartRound command, int resumedFromStep, int totalSteps, Map<String, Double> info);

    /** Metrics of a step, all finite. */
    void progress(RoundCommand.StartRound command, int step, Map<String, Double> metrics);

    /** A guard has acted in a round. */
    default void guarded(RoundCommand.StartRound command, Guard guard) {}

    /**
     * A round has left this process.
     *
     * @param outcome SUCCEEDED, FAILED, CANCELLED or ABANDONED
     * @param metrics of the result; empty but for SUCCEEDED
     */
    void ended(RoundCommand.StartRound command, String outcome, Map<String, Double> metrics);

    @Override
    default void close() {}
}
