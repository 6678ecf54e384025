package dev.podium.training.ppo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.RoundConfig;
import dev.podium.training.loop.LossCurve;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class CollapseGuardTest {
    private static final double BEFORE = 0.5;

    @Test
    void threeBatchesInARowAWholeDeviationBelowTheStartAreACollapse() {
        CollapseGuard guard = guard(0);
        assertFalse(guard.after(batch(-0.51, 1)));
        assertFalse(guard.after(batch(-0.6, 1)));
        assertFalse(guard.after(batch(-0.4, 1)), "one that is not so low begins the count anew");
        assertFalse(guard.after(batch(-0.51, 1)));
        assertFalse(guard.after(batch(-0.51, 1)));
        assertTrue(guard.after(batch(-0.51, 1)));
        assertTrue(guard.message(7).contains("reward -0.510 (0.500 at the start)"), guard.message(7));
    }

    @Test
    void behindALowBatchThereIsNothingToGoBackTo() {
        CollapseGuard guard = guard(0);
        guard.after(batch(0.4, 1));
        assertTrue(guard.isSound());
        guard.after(batch(-0.6, 1));
        assertFalse(guard.isSound());
        guard.after(batch(Double.NaN, 1));
        assertFalse(guard.isSound(), "no number is no sound reward");
        guard.after(batch(0.4, 1));
        assertTrue(guard.isSound());
    }

    @Test
    void aKlOverTheLimitIsACollapseAtOnce() {
        CollapseGuard guard = guard(2);
        assertFalse(guard.after(batch(1, 2)));
        assertTrue(guard.after(batch(1, 2.01)));
        assertFalse(guard.isSound());
        assertTrue(guard(0).after(batch(1, Double.NaN)), "without a limit too");
        assertFalse(guard(0).after(batch(1, 1e6)));
    }

    @Test
    void theLastPolicyIsJudgedByItsEvaluation() {
        assertFalse(guard(2).after(new Rollouts.Evaluation(0.4, 1, 8, 256)));
        assertTrue(guard(2).after(new Rollouts.Evaluation(0.4, 2.1, 8, 256)));
        assertTrue(guard(2).after(new Rollouts.Evaluation(-0.6, 1, 8, 256)));
    }

    private static CollapseGuard guard(double maxKl) {
        LossCurve curve = new LossCurve();
        curve.note("reward_before", BEFORE);
        RoundConfig.Ppo d = RoundConfig.Ppo.DEFAULT;
        RoundConfig.Ppo config = new RoundConfig.Ppo(
                1, d.lora(), d.training(), 1, 1, 1, .05, .2, .2, .1, 1, .95, 1, 8, 0, 0, "gae", 1, 0.0, maxKl, 0.0);
        assertEquals(maxKl, config.maxKl());
        return new CollapseGuard(config, curve);
    }

    /** Two rollouts of a mean reward. */
    private static Experience batch(double reward, double kl) {
        double[][] none = new double[0][];
        return new Experience(
                List.of(),
                new double[] {reward - 1, reward + 1},
                none,
                none,
                none,
                new float[0][],
                none,
                none,
                kl,
                Map.of());
    }
}
