package dev.podium.llm.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.files.ModelFileException;
import dev.podium.llm.generate.Completion;
import dev.podium.llm.generate.Generator;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.LoraConfig;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.llm.optim.AdamW;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
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
    void adaptersAreSwitchedPerCallAndAMergedOneLeavesTheBaseBitForBit() {
        try (CausalLM model = TinyModel.random(15);
                LoraAdapter first = random(model, 1);
                LoraAdapter second = random(model, 2)) {
            float[] base = logProbabilities(model, Optional.empty());
            float[] ofFirst = logProbabilities(model, Optional.of(first));
            float[] ofSecond = logProbabilities(model, Optional.of(second));
            assertFalse(Arrays.equals(base, ofFirst));
            assertFalse(Arrays.equals(ofFirst, ofSecond));
            SamplingParameters parameters = new SamplingParameters(1, 0, 1, 6, 3);
            List<int[]> prompts = List.of(new int[] {3, 4, 5});
            try (Generator merged = new Generator(model, Optional.of(first))) {
                Completion drawn = merged.generate(prompts, 1, parameters, new int[] {1})
                        .get(0)
                        .get(0);
                try (TensorScope scope = new TensorScope()) {
                    float trained = TokenBatch.of(model, List.of(new Sequence(prompts.get(0), drawn.tokenIds())))
                            .logProbabilities(model, Optional.of(first))
                            .toFloatArray()[0];
                    double sampled = IntStream.range(0, drawn.logProbabilities().length)
                            .mapToDouble(i -> drawn.logProbabilities()[i])
                            .sum();
                    assertEquals(trained, sampled, 1e-4);
                }
                // The merge is in copies: while it is in use, and after, the base and the others are what they were.
                assertArrayEquals(base, logProbabilities(model, Optional.empty()));
                assertArrayEquals(ofSecond, logProbabilities(model, Optional.of(second)));
            }
            assertArrayEquals(base, logProbabilities(model, Optional.empty()));
            assertArrayEquals(ofFirst, logProbabilities(model, Optional.of(first)));
        }
    }

    private static LoraAdapter random(CausalLM model, long seed) {
        LoraConfig config = LoraConfig.onAllLinear(8, 16);
        try (LoraAdapter fresh = LoraAdapter.initialise(model, config, new SplittableRandom(seed))) {
            Map<String, float[]> values = fresh.export();
            SplittableRandom random = new SplittableRandom(seed);
            values.values().forEach(v -> {
                for (int i = 0; i < v.length; i++) {
                    v[i] = (float) (random.nextGaussian() * 0.1);
                }
            });
            return LoraAdapter.of(model, config, values);
        }
    }

    private static float[] logProbabilities(CausalLM model, Optional<LoraAdapter> adapter) {
        try (TensorScope scope = new TensorScope()) {
            return TokenBatch.of(model, SEQUENCES)
                    .logProbabilities(model, adapter)
                    .toFloatArray();
        }
    }

    @Test
    void neighboursInABatchDoNotReachEachOther() {
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
    void aSharedPromptGivesTheValuesAndGradientsOfSeparateRows() {
        List<Sequence> shared = List.of(
                new Sequence(new int[] {3, 4, 5}, new int[] {6, 7, 1}),
                new Sequence(new int[] {8, 9}, new int[] {10, 11, 1}),
                new Sequence(new int[] {3, 4, 5}, new int[] {12, 13, 14, 15, 1}),
                new Sequence(new int[] {3, 4, 5}, new int[] {}));
        float[] factors = {1, -2, 3, 1};
        try (CausalLM model = TinyModel.random(12);
                LoraAdapter adapter =
                        LoraAdapter.initialise(model, LoraConfig.onAllLinear(8, 16), new SplittableRandom(1))) {
            adapter.requireGradients(true);
            NDArray parameter = adapter.parameters().get(1).array();
            float[] together;
            float[] gradient;
            try (TensorScope scope = new TensorScope();
                    GradientMode on = GradientMode.on()) {
                TokenBatch batch = TokenBatch.of(model, shared);
                assertEquals(3 + 3 + 5 + 2 + 3, batch.ids().size());
                NDArray sums = batch.logProbabilities(model, Optional.of(adapter));
                GradientMode.backward(
                        sums.mul(model.runtime().root().create(factors)).sum());
                together = sums.toFloatArray();
                gradient = parameter.getGradient().toFloatArray();
                parameter.getGradient().muli(0);
            }
            for (int i = 0; i < 3; i++) {
                try (TensorScope scope = new TensorScope();
                        GradientMode on = GradientMode.on()) {
                    NDArray sum =
                            TokenBatch.of(model, List.of(shared.get(i))).logProbabilities(model, Optional.of(adapter));
                    GradientMode.backward(sum.mul(factors[i]).sum());
                    assertEquals(sum.toFloatArray()[0], together[i], 1e-4);
                }
            }
            assertArrayEquals(parameter.getGradient().toFloatArray(), gradient, 1e-4f);
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
        try (CausalLM model = TinyModel.random(4);
                Generator generator = new Generator(model, Optional.empty())) {
            List<int[]> prompts = List.of(new int[] {3, 4, 5, 6}, new int[] {7, 8});
            List<List<Completion>> sampled =
                    generator.generate(prompts, 3, new SamplingParameters(1.0, 0, 1.0, 12, 9), new int[] {1});
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
        try (CausalLM model = TinyModel.random(5);
                Generator generator = new Generator(model, Optional.empty())) {
            SamplingParameters parameters = new SamplingParameters(1.0, 20, 0.9, 10, 3);
            List<int[]> two = List.of(new int[] {3, 4, 5, 6}, new int[] {7, 8});
            int[] ends = {1};
            var together = generator.generate(two, 2, parameters, ends);
            var again = generator.generate(two, 2, parameters, ends);
            var alone = generator.generate(two.subList(0, 1), 2, parameters, ends);
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
                int now = model.runtime().arrays();
                if (step == 20) {
                    arrays = now;
                } else if (step > 20) {
                    assertEquals(arrays, now, "arrays at step " + step);
                }
            }
            assertTrue(last < 0.5 * first, first + " -> " + last);
        }
    }

    @Test
    void aFrozenHeadGivesTheGradientsOfThePlainOne() {
        try (CausalLM model = TinyModel.random(7);
                NDManager owner = model.runtime().root().newSubManager()) {
            SplittableRandom random = new SplittableRandom(8);
            float[] values = new float[300 * model.config().hiddenSize()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextGaussian();
            }
            NDArray hidden = owner.create(values, new Shape(300, model.config().hiddenSize()));
            NDArray weights = owner.create(Arrays.copyOf(values, 300));
            NDArray targets = owner.create(random.longs(300, 0, 64).toArray());
            hidden.setRequiresGradient(true);
            float[] frozen;
            float[] frozenGradient;
            try (TensorScope scope = new TensorScope();
                    GradientMode on = GradientMode.on()) {
                NDArray logProbabilities = model.logProbabilities(hidden, targets);
                GradientMode.backward(logProbabilities.mul(weights).sum());
                frozen = logProbabilities.toFloatArray();
                frozenGradient = hidden.getGradient().toFloatArray();
                hidden.getGradient().muli(0);
            }
            model.trainable();
            try (TensorScope scope = new TensorScope();
                    GradientMode on = GradientMode.on()) {
                NDArray logProbabilities = model.logProbabilities(hidden, targets);
                GradientMode.backward(logProbabilities.mul(weights).sum());
                assertArrayEquals(logProbabilities.toFloatArray(), frozen, 1e-5f);
                assertArrayEquals(hidden.getGradient().toFloatArray(), frozenGradient, 1e-5f);
            }
        }
    }

    @Test
    void fullTrainingLearnsAlsoTheEmbeddings() {
        try (CausalLM model = TinyModel.random(8)) {
            List<NamedParameter> parameters = model.trainable();
            try (AdamW optimiser = new AdamW(model, parameters)) {
                float[] before = parameters.getFirst().array().toFloatArray();
                double first = 0;
                double last = 0;
                for (int step = 0; step < 30; step++) {
                    try (TensorScope scope = new TensorScope();
                            GradientMode on = GradientMode.on()) {
                        NDArray loss = TokenBatch.of(model, SEQUENCES)
                                .logProbabilities(model, Optional.empty())
                                .sum()
                                .neg();
                        GradientMode.backward(loss);
                        last = loss.getFloat();
                        first = step == 0 ? last : first;
                    }
                    optimiser.step(1e-2, 1.0);
                }
                assertTrue(last < 0.5 * first, first + " -> " + last);
                assertFalse(Arrays.equals(before, parameters.getFirst().array().toFloatArray()));
            }
        }
    }

    @Test
    void dropoutIsSeededAndBelongsToPassesWithGradientsOnly() {
        LoraConfig config =
                new LoraConfig(8, 16, 0.5, LoraConfig.onAllLinear(8, 16).targets(), false);
        try (CausalLM model = TinyModel.random(9)) {
            Map<String, float[]> values;
            try (LoraAdapter fresh = LoraAdapter.initialise(model, config, new SplittableRandom(1))) {
                values = fresh.export();
            }
            values.values().forEach(v -> Arrays.fill(v, 0.1f));
            try (LoraAdapter adapter = LoraAdapter.of(model, config, values)) {
                float[] plain = pass(model, adapter, true);
                adapter.useDropout(true);
                float[] once = pass(model, adapter, true);
                assertArrayEquals(plain, pass(model, adapter, false), 1e-5f);
                assertArrayEquals(once, pass(model, adapter, true), 1e-6f);
                assertFalse(Arrays.equals(plain, once));
            }
        }
    }

    private static float[] pass(CausalLM model, LoraAdapter adapter, boolean gradients) {
        model.runtime().seed(11);
        try (TensorScope scope = new TensorScope();
                GradientMode mode = gradients ? GradientMode.on() : GradientMode.off()) {
            return TokenBatch.of(model, SEQUENCES)
                    .logProbabilities(model, Optional.of(adapter))
                    .toFloatArray();
        }
    }

    @Test
    void rowsThatEndLeaveTheOthersAsTheyWere() {
        try (CausalLM model = TinyModel.random(4);
                Generator generator = new Generator(model, Optional.empty())) {
            SamplingParameters parameters = new SamplingParameters(1.0, 0, 1.0, 20, 9);
            List<int[]> prompts = List.of(new int[] {3, 4, 5, 6}, new int[] {7, 8});
            int[] ends = IntStream.range(0, 8).toArray();
            var until = generator.generate(prompts, 6, parameters, ends);
            var full = generator.generate(prompts, 6, parameters, new int[0]);
            int stopped = 0;
            for (int p = 0; p < prompts.size(); p++) {
                for (int k = 0; k < 6; k++) {
                    int[] tokens = until.get(p).get(k).tokenIds();
                    assertArrayEquals(Arrays.copyOf(full.get(p).get(k).tokenIds(), tokens.length), tokens);
                    assertEquals(20, full.get(p).get(k).tokenIds().length);
                    if (until.get(p).get(k).reason() == Completion.FinishReason.STOP) {
                        assertTrue(tokens[tokens.length - 1] < 8);
                        stopped++;
                    }
                }
            }
            assertTrue(stopped >= 6, stopped + " rows ended early");
        }
    }

    @Test
    void weightsOfAnotherShapeAreRefusedByName() {
        ModelConfig c = TinyModel.CONFIG;
        ModelConfig wider = new ModelConfig(
                c.vocabularySize(),
                c.hiddenSize(),
                c.intermediateSize() + 8,
                c.layers(),
                c.heads(),
                c.keyValueHeads(),
                c.headSize(),
                c.ropeTheta(),
                c.normEpsilon(),
                c.maxPositions(),
                c.tiedEmbeddings(),
                false,
                false,
                c.endIds());
        String message = assertThrows(
                        ModelFileException.class,
                        () -> CausalLM.load(wider, TinyModel.weights(c, 1), TinyModel.runtime()))
                .getMessage();
        assertTrue(message.contains("gate_proj"), message);
    }
}
