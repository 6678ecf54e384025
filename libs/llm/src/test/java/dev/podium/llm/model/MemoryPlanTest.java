package dev.podium.llm.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import dev.podium.llm.files.ModelConfig;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MemoryPlanTest {
    /** Wide enough that norms and tables of codes do not count. */
    private static final ModelConfig CONFIG =
            new ModelConfig(512, 256, 512, 3, 4, 2, 64, 10_000, 1e-5, 128, true, false, false, List.of(1));

    @ParameterizedTest
    @EnumSource(WeightFormat.class)
    void plannedWeightsAreThoseThatAreHeld(WeightFormat format) {
        try (CausalLM model = CausalLM.load(CONFIG, TinyModel.weights(CONFIG, 1), TinyModel.runtime(), format)) {
            long held = model.heldArrays().stream()
                    .filter(array -> array != model.cos() && array != model.sin())
                    .mapToLong(MemoryPlanTest::bytes)
                    .sum();
            long planned =
                    MemoryPlan.estimate(CONFIG, format, false, 0, false, 1, 0).weights();
            assertEquals(held, planned, 0.05 * held);
        }
    }

    private static long bytes(NDArray array) {
        return array.size() * array.getDataType().getNumOfBytes();
    }

    /** SmolLM2-135M: the shares that QLoRA promises. */
    @Test
    void quantisedBasesTakeTheirShareOfFloat32() {
        ModelConfig smollm2 =
                new ModelConfig(49_152, 576, 1536, 30, 9, 3, 64, 1e5, 1e-5, 8192, true, false, false, List.of(2));
        double float32 = weights(smollm2, WeightFormat.FLOAT32);
        assertTrue(weights(smollm2, WeightFormat.BFLOAT16) <= 0.501 * float32);
        assertTrue(weights(smollm2, WeightFormat.INT8) <= 0.55 * float32);
        assertTrue(weights(smollm2, WeightFormat.NF4) <= 0.30 * float32);
    }

    private static double weights(ModelConfig config, WeightFormat format) {
        return MemoryPlan.estimate(config, format, false, 0, false, 1, 0).weights();
    }

    @Test
    void recomputedActivationsOfALongRowFitWhereKeptOnesWouldNot() {
        ModelConfig smollm2 =
                new ModelConfig(49_152, 576, 1536, 30, 9, 3, 64, 1e5, 1e-5, 8192, true, false, false, List.of(2));
        long automatic = MemoryPlan.estimate(smollm2, WeightFormat.FLOAT32, false, 0, false, 8_000, 0)
                .activations();
        assertEquals(
                automatic,
                MemoryPlan.estimate(smollm2, WeightFormat.FLOAT32, false, 0, true, 8_000, 0)
                        .activations());
        assertTrue(automatic < 2e9, automatic + " bytes");
    }
}
