package dev.podium.training.loop;

import dev.podium.contracts.RoundConfig;

/** Linear warm-up, then linear decay to zero: TRL's default schedule. */
public final class LearningRate {
    private LearningRate() {}

    /**
     * The rate of a step; a pure function, so a checkpoint needs the step only.
     *
     * @param step from 0
     */
    public static double at(RoundConfig.Training training, int step, int totalSteps) {
        int warmup = (int) Math.ceil(training.warmupShare() * totalSteps);
        if (step < warmup) {
            return training.learningRate() * (step + 1) / (warmup + 1.0);
        }
        return training.learningRate() * (totalSteps - step) / Math.max(1, totalSteps - warmup);
    }
}
