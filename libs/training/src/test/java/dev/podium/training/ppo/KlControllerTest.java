package dev.podium.training.ppo;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.podium.contracts.RoundConfig;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.training.loop.LossCurve;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KlControllerTest {
    private static final double START = .05;

    /** Of one rollout whose KL is 0.4: each moves the coefficient by an error of one in 10,000 of itself. */
    @ParameterizedTest
    @CsvSource({
        // target, error
        ".39, .0256410",
        ".41, -.0243902",
        ".40, 0",
        // Clipped.
        ".1, .2",
        "10, -.2",
        // Not steered.
        "0, 0"
    })
    void aKlAboveItsTargetRaisesTheCoefficientAndOneBelowLowersIt(double target, double error) {
        RoundConfig.Ppo config = config(target);
        LossCurve curve = new LossCurve();
        KlController controller = new KlController(config, curve);

        controller.adapt(experience(config));

        assertEquals(START * (1 + error / 10_000), controller.coefficient(), START * 1e-9);
        assertEquals(controller.coefficient(), new KlController(config, curve).coefficient(), "kept by the checkpoint");
    }

    private static Experience experience(RoundConfig.Ppo config) {
        return Experience.of(
                new Rollouts.Judged(
                        new Rollouts.Sampled(
                                List.of(new Sequence(new int[] {5}, new int[] {6, 7, 2})), new boolean[] {true}),
                        new double[] {1},
                        new double[] {0},
                        new double[][] {{-1, -.5, -2}},
                        new double[][] {{-1.2, -.4, -2.3}},
                        new double[][] {{.1, .2, .3}},
                        new float[1][0],
                        2),
                config.klCoefficient(),
                config);
    }

    private static RoundConfig.Ppo config(double adaptiveKl) {
        RoundConfig.Ppo d = RoundConfig.Ppo.DEFAULT;
        return new RoundConfig.Ppo(
                1,
                d.lora(),
                d.training(),
                1,
                1,
                1,
                START,
                .2,
                .2,
                .1,
                1,
                .95,
                1,
                8,
                0,
                0,
                "gae",
                1,
                adaptiveKl,
                0.0,
                0.0);
    }
}
