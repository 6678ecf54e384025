package dev.podium.training.round;

import dev.podium.contracts.SampleSet;
import java.util.Map;

/** Where a trainer tells what it does; becomes round events. Calls return at once. */
public interface RoundReporter {
    /**
     * Training begins, or goes on.
     *
     * @param info counts and sizes, see {@link dev.podium.contracts.RoundEvent.Started}
     * @param resumedFromStep 0 for a fresh start
     */
    void started(Map<String, Double> info, int resumedFromStep, int totalSteps);

    /** One logged step; the trainer keeps these to about two per second. */
    void progress(int step, int totalSteps, Map<String, Double> metrics, double etaSeconds);

    /** A checkpoint is safe on disk. */
    void checkpointed(int step);

    /** A guard has acted. */
    default void guarded(Guard guard) {}

    /** A prompt with its fresh outputs; may come again after a crash, under the same index. */
    void sample(SampleSet set);
}
