package dev.podium.training.ppo;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.podium.contracts.RoundConfig;
import dev.podium.llm.model.TokenBatch.Sequence;
import java.util.List;
import org.junit.jupiter.api.Test;

class ExperienceTest {
    private static final double[][] LOGP = {{-1, -.5, -2}};
    private static final double[][] REFERENCE = {{-1.2, -.4, -1.5}};
    private static final double[][] VALUES = {{.1, .2, .3}};

    @Test
    void aRolloutByHand() {
        Experience experience = experience(true, 0);
        assertArrayEquals(new double[] {.944612, .102827, -1.047439}, experience.advantages()[0], 1e-6);
        assertArrayEquals(new double[] {.944062, .99375, 1.025}, experience.returns()[0], 1e-6);
        assertEquals(.2 - .1 - .5, experience.metrics().get("objective/kl"), 1e-12);
        assertEquals(-.05 * -.4, experience.metrics().get("objective/non_score_reward"), 1e-12);
        assertEquals(1.02, experience.metrics().get("objective/rlhf_reward"), 1e-12);
        assertEquals(3.5, experience.metrics().get("objective/entropy"), 1e-12);
        assertEquals(1, experience.metrics().get("val/num_eos_tokens"));
        assertEquals(3, experience.tokens());
    }

    @Test
    void aMissingEndTokenCostsThePenalty() {
        assertEquals(1, experience(true, .5).metrics().get("objective/scores"), 1e-12);
        assertEquals(.5, experience(false, .5).metrics().get("objective/scores"), 1e-12);
    }

    @Test
    void whatTheEnsembleDisagreesOnCostsItsSpread() {
        Experience experience = experience(true, 0, .5, .4);
        // 1 - 0.4 * 0.5, learnt from; the score that tells of a collapse has no penalty in it.
        assertEquals(.8, experience.metrics().get("objective/scores"), 1e-12);
        assertEquals(.5, experience.metrics().get("objective/reward_spread"), 1e-12);
        assertArrayEquals(new double[] {1}, experience.scores(), 1e-12);
        // Of the last token: reward .8 - .05 * -.5, value .3.
        assertEquals(.825, experience.returns()[0][2], 1e-12);
    }

    private static Experience experience(boolean ended, double missingEndPenalty) {
        return experience(ended, missingEndPenalty, 0, 0);
    }

    private static Experience experience(boolean ended, double missingEndPenalty, double spread, double spreadPenalty) {
        RoundConfig.Ppo d = RoundConfig.Ppo.DEFAULT;
        RoundConfig.Ppo config = new RoundConfig.Ppo(
                1,
                d.lora(),
                d.training(),
                1,
                1,
                1,
                .05,
                .2,
                .2,
                .1,
                1,
                .95,
                1,
                8,
                missingEndPenalty,
                0,
                "gae",
                1,
                0.0,
                0.0,
                spreadPenalty);
        List<Sequence> rows = List.of(new Sequence(new int[] {5}, new int[] {6, 7, 2}));
        return Experience.of(
                new Rollouts.Judged(
                        new Rollouts.Sampled(rows, new boolean[] {ended}),
                        new double[] {1},
                        new double[] {spread},
                        LOGP,
                        REFERENCE,
                        VALUES,
                        new float[1][0],
                        2),
                config.klCoefficient(),
                config);
    }
}
