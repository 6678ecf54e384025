package dev.podium.training.ppo;

import dev.podium.contracts.RoundConfig;
import dev.podium.training.loop.LossCurve;
import java.util.Arrays;
import java.util.Locale;

/**
 * Sees a policy that went where the reward model knows nothing: its KL to the reference over the limit, or its reward a
 * whole standard deviation below that of the start, in some batches in a row. What was learnt before is in a checkpoint.
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
        this.floor = curve.notes().getOrDefault("reward_before", Double.NEGATIVE_INFINITY) - DROP;
    }

    /** Whether the policy that made these rollouts has collapsed. */
    boolean after(Experience experience) {
        kl = experience.meanKl();
        reward = Arrays.stream(experience.scores()).average().orElse(Double.NaN);
        low = reward < floor ? low + 1 : 0;
        return !Double.isFinite(kl) || maxKl > 0 && kl > maxKl || low >= IN_A_ROW;
    }

    String message(int step) {
        return String.format(
                Locale.ROOT,
                "the policy collapsed before step %d: KL %.3g (limit %s), reward %.3g (%.3g at the start)",
                step + 1,
                kl,
                maxKl > 0 ? String.format(Locale.ROOT, "%.3g", maxKl) : "none",
                reward,
                floor + DROP);
    }
}
