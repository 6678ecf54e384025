package dev.podium.training.loop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.RoundConfig;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.model.NamedParameter;
import dev.podium.llm.optim.AdamW;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.TinyRound;
import dev.podium.training.round.Guard;
import dev.podium.training.round.RoundFailure;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class StepGuardTest {
    private static final RoundConfig.Training TRAINING = TinyRound.training(1e-2, 1, 2);

    private TinyRound round;
    private LoraAdapter adapter;
    private AdamW optimizer;

    @BeforeEach
    void open() {
        round = new TinyRound();
        adapter = RoundStart.newAdapter(round.model, TinyRound.LORA, 1);
        optimizer = new AdamW(round.model, adapter.parameters());
    }

    @AfterEach
    void close() {
        optimizer.close();
        adapter.close();
        round.close();
    }

    @Test
    void aStepThatIsNotFiniteIsSkippedAndTheThirdInARowEndsTheRound() throws Exception {
        float[] before = parameter();
        LossCurve curve = new LossCurve();
        StepGuard guard = guard(TRAINING, curve);

        guard.step(optimizer, 1e-2, Double.NaN, 0);
        guard.step(optimizer, 1e-2, Double.POSITIVE_INFINITY, 1);
        guard.step(optimizer, 1e-2, 0.5, 2);
        guard.step(optimizer, 1e-2, Double.NaN, 3);
        gradient(Float.NaN);
        guard.step(optimizer, 1e-2, 0.5, 4);
        RoundFailure failure = assertThrows(RoundFailure.class, () -> guard.step(optimizer, 1e-2, Double.NaN, 5));

        assertEquals("not_finite", failure.code());
        assertEquals(5, guard.metrics().get("skipped_steps"));
        assertEquals(0.5, curve.first(), "a skipped step's loss is no part of the curve");
        assertEquals(0.5, curve.last());
        assertEquals(Collections.nCopies(5, Guard.NON_FINITE), round.recorder.guards);
        assertArrayEquals(before, parameter());
    }

    /** Of a value model, whose loss may be finite all the same. */
    @Test
    void neitherOfTwoStepsIsTakenWhereTheGradientBesideIsNotFiniteAndTheThirdEndsTheRound() throws Exception {
        try (LoraAdapter value = RoundStart.newAdapter(round.model, TinyRound.LORA, 2);
                AdamW beside = new AdamW(round.model, value.parameters())) {
            StepGuard guard = guard(TRAINING, new LossCurve());
            float[] before = parameter(adapter);
            float[] besideBefore = parameter(value);
            for (int step = 0; step < 2; step++) {
                gradient(adapter, 0.01f);
                gradient(value, Float.NaN);
                assertTrue(Double.isNaN(guard.stepByGradient(optimizer, beside, 1e-2, 0.5, step)));
            }
            assertArrayEquals(before, parameter(adapter));
            assertArrayEquals(besideBefore, parameter(value));
            gradient(adapter, 0.01f);
            gradient(value, Float.NaN);

            RoundFailure failure =
                    assertThrows(RoundFailure.class, () -> guard.stepByGradient(optimizer, beside, 1e-2, 0.5, 2));

            assertEquals("not_finite", failure.code());
            assertEquals(Collections.nCopies(3, Guard.NON_FINITE), round.recorder.guards);
            gradient(adapter, 0.01f);
            gradient(value, 0.01f);
            assertTrue(guard.stepByGradient(optimizer, beside, 1e-2, 0.5, 3) > 0);
            assertFalse(Arrays.equals(before, parameter(adapter)));
            assertFalse(Arrays.equals(besideBefore, parameter(value)));
        }
    }

    @Test
    void aLossFarAboveWhatIsUsualIsSkippedAndCounted() throws Exception {
        LossCurve curve = new LossCurve();
        usualSteps(guard(TRAINING, curve));
        float[] before = parameter();
        // What is usual is in the checkpoint.
        LossCurve resumed = new LossCurve();
        resumed.restore(curve.state());
        StepGuard guard = guard(TRAINING, resumed);

        gradient(0.01f);
        double norm = guard.step(optimizer, 1e-2, 0.5 * 11, 12);

        assertTrue(Double.isNaN(norm));
        assertArrayEquals(before, parameter());
        assertEquals(1, guard.metrics().get("spike_steps"));
        assertEquals(List.of(Guard.SPIKE), round.recorder.guards);
        gradient(0.01f);
        assertTrue(guard.step(optimizer, 1e-2, 0.5 * 9, 13) > 0, "a hard batch is no spike");
    }

    @Test
    void aGradientFarAboveWhatIsUsualIsSkippedWhateverTheLossSays() throws Exception {
        StepGuard guard = guard(TRAINING, new LossCurve());
        usualSteps(guard);
        float[] before = parameter();

        gradient(0.11f);
        guard.stepByGradient(optimizer, 1e-2, -3, 12);

        assertArrayEquals(before, parameter());
        assertEquals(1, guard.metrics().get("spike_steps"));
    }

    @Test
    void manySpikesInARowAreADivergenceAndEndTheRound() throws Exception {
        StepGuard guard = guard(TRAINING, new LossCurve());
        usualSteps(guard);

        RoundFailure failure = assertThrows(RoundFailure.class, () -> {
            for (int step = 12; step < 40; step++) {
                guard.step(optimizer, 1e-2, 100, step);
            }
        });

        assertEquals("diverged", failure.code());
        assertTrue(failure.getMessage().contains("training.spikeFactor"), failure.getMessage());
        assertEquals(10, guard.metrics().get("spike_steps"));
    }

    @Test
    void aFactorOfZeroLetsEverySpikePass() throws Exception {
        StepGuard guard = guard(TRAINING.guarded(0, "always"), new LossCurve());
        usualSteps(guard);

        gradient(1f);
        assertTrue(guard.step(optimizer, 1e-2, 1000, 12) > 0);

        assertEquals(0, guard.metrics().get("spike_steps"));
    }

    @Test
    void aClippedGradientIsCounted() throws Exception {
        StepGuard guard = guard(TRAINING, new LossCurve());

        gradient(10f);
        double norm = guard.step(optimizer, 1e-2, 0.5, 0);

        assertTrue(norm > TRAINING.maxGradientNorm());
        assertEquals(1, guard.metrics().get("clipped_steps"));
        assertEquals(List.of(Guard.CLIP), round.recorder.guards);
    }

    /** Loss 0.5 and a small gradient. */
    private void usualSteps(StepGuard guard) throws RoundFailure {
        for (int step = 0; step < 12; step++) {
            gradient(0.01f);
            guard.step(optimizer, 1e-2, 0.5, step);
        }
    }

    private StepGuard guard(RoundConfig.Training training, LossCurve curve) {
        return new StepGuard(round.recorder, training, curve);
    }

    /** A gradient of this value on one element of one parameter. */
    private void gradient(float value) {
        gradient(adapter, value);
    }

    private static void gradient(LoraAdapter of, float value) {
        NamedParameter first = of.parameters().getFirst();
        try (TensorScope scope = new TensorScope();
                GradientMode on = GradientMode.on()) {
            GradientMode.backward(first.array().flatten().get("0:1").mul(value).sum());
        }
    }

    private float[] parameter() {
        return parameter(adapter);
    }

    private static float[] parameter(LoraAdapter of) {
        return of.parameters().getFirst().array().toFloatArray();
    }
}
