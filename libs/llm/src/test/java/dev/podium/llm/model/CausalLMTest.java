package dev.podium.llm.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDManager;
import dev.podium.llm.generate.Completion;
import dev.podium.llm.generate.Generator;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.LoraConfig;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.llm.optim.AdamW;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class CausalLMTest {
    private static final List<Sequence> SEQUENCES = List.of(
            new Sequence(new int[] {3, 4, 5}, new int[] {6, 7, 1}),
            new Sequence(new int[] {8, 9}, new int[] {10, 11, 12, 13, 1}));

    @Test
    void aFreshAdapterChangesNothing() {
        try (CausalLM model = TinyModel.random(1);
                LoraAdapter adapter =
                        LoraAdapter.initialise(model, LoraConfig.onAllLinear(8, 16), new SplittableRandom(1));
                TensorScope scope = new TensorScope()) {
            TokenBatch batch = TokenBatch.of(model, SEQUENCES);
            float[] without = batch.logProbabilities(model, Optional.empty()).toFloatArray();
            float[] with = batch.logProbabilities(model, Optional.of(adapter)).toFloatArray();
            assertArrayEquals(without, with, 1e-5f);
        }
    }

    @Test
    void paddingDoesNotReachRealTokens() {
        try (CausalLM model = TinyModel.random(2);
                TensorScope scope = new TensorScope()) {
            float[] together = TokenBatch.of(model, SEQUENCES)
                    .logProbabilities(model, Optional.empty())
                    .toFloatArray();
            float[] alone = TokenBatch.of(model, SEQUENCES.subList(0, 1))
                    .logProbabilities(model, Optional.empty())
                    .toFloatArray();
            assertEquals(alone[0], together[0], 1e-5);
        }
    }

    @Test
    void gradientsOfTheAdapterAgreeWithFiniteDifferences() {
        try (CausalLM model = TinyModel.random(3)) {
            Map<String, float[]> values;
            LoraConfig config = LoraConfig.onAllLinear(8, 16);
            try (LoraAdapter fresh = LoraAdapter.initialise(model, config, new SplittableRandom(5))) {
                values = fresh.export();
            }
            SplittableRandom random = new SplittableRandom(6);
            values.values().forEach(v -> {
                for (int i = 0; i < v.length; i++) {
                    v[i] = (float) (random.nextGaussian() * 0.05);
                }
            });
            String name = "base_model.model.model.layers.1.mlp.down_proj.lora_B.weight";
            float gradient;
            try (LoraAdapter adapter = LoraAdapter.of(model, config, values);
                    TensorScope scope = new TensorScope();
                    GradientMode on = GradientMode.on()) {
                adapter.requireGradients(true);
                NDArray loss = TokenBatch.of(model, SEQUENCES)
                        .logProbabilities(model, Optional.of(adapter))
                        .sum();
                GradientMode.backward(loss);
                gradient = adapter.parameters().stream()
                        .filter(p -> p.name().equals(name))
                        .findFirst()
                        .orElseThrow()
                        .array()
                        .getGradient()
                        .toFloatArray()[5];
            }
            double step = 1e-2;
            double up = sumWith(model, config, values, name, step);
            double down = sumWith(model, config, values, name, -step);
            assertEquals((up - down) / (2 * step), gradient, 2e-2 * Math.max(0.1, Math.abs(gradient)));
        }
    }

    private static double sumWith(
            CausalLM model, LoraConfig config, Map<String, float[]> values, String name, double step) {
        float before = values.get(name)[5];
        values.get(name)[5] = (float) (before + step);
        try (LoraAdapter adapter = LoraAdapter.of(model, config, values);
                TensorScope scope = new TensorScope()) {
            return TokenBatch.of(model, SEQUENCES)
                    .logProbabilities(model, Optional.of(adapter))
                    .sum()
                    .getFloat();
        } finally {
            values.get(name)[5] = before;
        }
    }

    @Test
    void sampledLogProbabilitiesEqualATrainingForward() {
        try (CausalLM model = TinyModel.random(4)) {
            List<int[]> prompts = List.of(new int[] {3, 4, 5, 6}, new int[] {7, 8});
            List<List<Completion>> sampled = new Generator(model)
                    .generate(
                            prompts,
                            3,
                            new SamplingParameters(1.0, 0, 1.0, 12, 9),
                            Optional.empty(),
                            new int[] {1},
                            n -> {});
            for (int p = 0; p < prompts.size(); p++) {
                for (Completion completion : sampled.get(p)) {
                    try (TensorScope scope = new TensorScope()) {
                        float[] expected = TokenBatch.of(
                                        model, List.of(new Sequence(prompts.get(p), completion.tokenIds())))
                                .tokenLogProbabilities(model, Optional.empty())
                                .toFloatArray();
                        assertArrayEquals(expected, completion.logProbabilities(), 1e-4f);
                    }
                }
            }
        }
    }

    @Test
    void theSameSeedGivesTheSameTextWhateverElseIsInTheBatch() {
        try (CausalLM model = TinyModel.random(5)) {
            SamplingParameters parameters = new SamplingParameters(1.0, 20, 0.9, 10, 3);
            Generator generator = new Generator(model);
            List<int[]> two = List.of(new int[] {3, 4, 5, 6}, new int[] {7, 8});
            int[] ends = {1};
            var together = generator.generate(two, 2, parameters, Optional.empty(), ends, n -> {});
            var again = generator.generate(two, 2, parameters, Optional.empty(), ends, n -> {});
            var alone = generator.generate(two.subList(0, 1), 2, parameters, Optional.empty(), ends, n -> {});
            assertArrayEquals(
                    together.get(1).get(1).tokenIds(), again.get(1).get(1).tokenIds());
            assertArrayEquals(
                    together.get(0).get(1).tokenIds(), alone.get(0).get(1).tokenIds());
        }
    }

    @Test
    void trainingLowersTheLossAndKeepsTheNumberOfArraysConstant() {
        try (CausalLM model = TinyModel.random(6);
                LoraAdapter adapter =
                        LoraAdapter.initialise(model, LoraConfig.onAllLinear(8, 16), new SplittableRandom(1));
                AdamW optimiser = new AdamW(model, adapter.parameters())) {
            adapter.requireGradients(true);
            double first = 0;
            double last = 0;
            int arrays = 0;
            for (int step = 0; step < 200; step++) {
                try (TensorScope scope = new TensorScope();
                        GradientMode on = GradientMode.on()) {
                    NDArray loss = TokenBatch.of(model, SEQUENCES)
                            .logProbabilities(model, Optional.of(adapter))
                            .sum()
                            .neg();
                    GradientMode.backward(loss);
                    last = loss.getFloat();
                    first = step == 0 ? last : first;
                }
                optimiser.step(1e-2, 1.0);
                int now = countArrays(model);
                if (step == 20) {
                    arrays = now;
                } else if (step > 20) {
                    assertEquals(arrays, now, "arrays at step " + step);
                }
            }
            assertTrue(last < 0.5 * first, first + " -> " + last);
        }
    }

    private static int countArrays(CausalLM model) {
        return ((PtNDManager) model.runtime().root()).getManagedArrays().size();
    }
}
