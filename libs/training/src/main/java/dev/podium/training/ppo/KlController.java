package dev.podium.training.ppo;

import dev.podium.contracts.RoundConfig;
import dev.podium.training.loop.LossCurve;

/**
 * The weight of the KL penalty: fixed, or steered to a target. Ziegler et al. 2019, Fine-Tuning Language Models from
 * Human Preferences, section 2.2: coefficient *= 1 + clip(KL / target - 1, -0.2, 0.2) n / 10000 with n rollouts.
 */
final class KlController {
    private static final String NOTE = "kl_coefficient";
    private static final double HORIZON = 10_000;

    private final double target;
    private final LossCurve curve;
    private double coefficient;

    /** @param curve keeps the coefficient from checkpoint to checkpoint */
    KlController(RoundConfig.Ppo config, LossCurve curve) {
        this.target = config.adaptiveKl();
        this.curve = curve;
        this.coefficient = curve.note(NOTE).orElse(config.klCoefficient());
    }

    double coefficient() {
        return coefficient;
    }

    /** After a batch of rollouts. */
    void adapt(Experience experience) {
        if (target <= 0) {
            return;
        }
        double error = Math.clamp(experience.meanKl() / target - 1, -0.2, 0.2);
        coefficient *= 1 + error * experience.rows().size() / HORIZON;
        curve.note(NOTE, coefficient);
    }
}
