package dev.podium.training.ppo;

import dev.podium.contracts.RoundConfig;
import dev.podium.training.loop.LossCurve;
import java.util.Arrays;
import java.util.Locale;

/**
 * Sees a policy that went where the reward model knows nothing: its KL to the reference over the limit, or its reward a
 * whole standard deviation below that of the start, in some batches in a row. What was learnt before is in a checkpoint.
 *
 * <p>Rollouts judge the policy that made them, which the step before has left. So a checkpoint is written only behind
 * rollouts that are sound: what a round goes back to has been judged. And no count of low batches need be kept in it,
 * for it is 0 there.
 */
final class CollapseGuard {
    static final String REMEDY =
            "there is no checkpoint from before; lower training.learningRate, or raise klCoefficient or maxKl";

    private static final int IN_A_ROW = 3;
    /** Rewards are normalised to a standard deviation of 1. */
    private static final double DROP = 1;

    private final double maxKl;
    private final double floor;
    private int low;
    private double reward;
    private double kl;

    /** @param curve has the reward before the first step */
    CollapseGuard(RoundConfig.Ppo config, LossCurve curve) {
        this.maxKl = config.maxKl();
        this.floor = curve.note("reward_before").orElse(Double.NEGATIVE_INFINITY) - DROP;
    }

    /** Whether the policy that made these rollouts has collapsed. */
    boolean after(Experience experience) {
        judge(experience.meanKl(), Arrays.stream(experience.scores()).average().orElse(Double.NaN));
        return isTooFar() || low >= IN_A_ROW;
    }

    /** Whether the policy at the end of the round has: an evaluation is of many rollouts, so one low reward will do. */
    boolean after(Rollouts.Evaluation evaluation) {
        judge(evaluation.kl(), evaluation.reward());
        return isTooFar() || low > 0;
    }

    private void judge(double newKl, double newReward) {
        kl = newKl;
        reward = newReward;
        low = reward >= floor ? 0 : low + 1;
    }

    private boolean isTooFar() {
        return !Double.isFinite(kl) || maxKl > 0 && kl > maxKl;
    }

    /** Whether nothing speaks against the policy that was judged last. */
    boolean isSound() {
        return !isTooFar() && low == 0;
    }

    /** @param step steps that the policy has behind it */
    String message(int step) {
        return String.format(
                Locale.ROOT,
                "the policy collapsed, seen after step %d: KL %.3g (limit %s), reward %.3g (%.3g at the start)",
                step,
                kl,
                maxKl > 0 ? String.format(Locale.ROOT, "%.3g", maxKl) : "none",
                reward,
                floor + DROP);
    }
}
