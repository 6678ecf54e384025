package dev.podium.llm.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.podium.llm.base.BaseModelFiles;
import dev.podium.llm.base.BaseModels;
import dev.podium.llm.chat.ChatMessage;
import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.files.SafetensorsFile;
import dev.podium.llm.generate.Generator;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.LoraConfig;
import dev.podium.llm.lora.PeftFolder;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.llm.nano.SupportDialogues;
import dev.podium.llm.optim.AdamW;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.llm.torch.TorchRuntime;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Golden values of bitsandbytes and transformers; src/test/python/make_golden.py made them. */
class WeightFormatTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden");
    private static final List<Sequence> ROWS = List.of(
            new Sequence(new int[] {3, 4, 5, 6}, new int[] {7, 8, 9}),
            new Sequence(new int[] {3, 4, 5, 6}, new int[] {10}),
            new Sequence(new int[] {11, 12}, new int[] {13, 14, 15, 16, 17}));

    @Test
    void nf4IsPackedBitForBitAsBitsandbytesDoes() throws IOException {
        JsonNode golden = json("nf4.json");
        float[] matrix = floats(golden.path("matrix"));
        Nf4.Quantised quantised = Nf4.quantise(matrix);
        assertArrayEquals(bytes(golden.path("codes")), quantised.codes());
        assertEquals((float) golden.path("offset").asDouble(), quantised.offset(), 1e-7f);
        assertArrayEquals(floats(golden.path("scaleBlocks")), quantised.scaleBlocks(), 1e-7f);
        assertArrayEquals(bytes(golden.path("scales")), quantised.scales());
    }

    @Test
    void logitsOfANf4BaseEqualThoseOfTheWeightsThatBitsandbytesUnpacks() throws IOException {
        // bitsandbytes takes a scale's second nearest code now and then; one does here.
        assertArrayEquals(floats(json("nf4.json").path("logits")), logits(WeightFormat.NF4), 3e-3f);
    }

    @Test
    void logitsOfAWidenedBfloat16BaseEqualThoseOfRoundedWeights() throws IOException {
        assertArrayEquals(floats(json("nf4.json").path("bfloat16Logits")), logits(WeightFormat.BFLOAT16), 1e-4f);
    }

    /** Inputs of the products are rounded to eight bits as well: 2^-8 of the largest logit, a few times over. */
    @Test
    void logitsOfBfloat16ProductsAreThoseWithinTheRoundingOfTheirInputs() throws IOException {
        float[] exact = floats(json("nf4.json").path("bfloat16Logits"));
        float[] narrow = logits(WeightFormat.BFLOAT16, true);
        float largest = 0;
        for (float logit : exact) {
            largest = Math.max(largest, Math.abs(logit));
        }
        assertArrayEquals(exact, narrow, 0.02f * largest);
        assertFalse(Arrays.equals(exact, narrow));
    }

    private static float[] logits(WeightFormat format) throws IOException {
        return logits(format, false);
    }

    private static float[] logits(WeightFormat format, boolean narrowProducts) throws IOException {
        JsonNode ids = json("tiny-llama/expected.json").path("ids");
        try (CausalLM model = golden(format, narrowProducts);
                TensorScope scope = new TensorScope();
                GradientMode off = GradientMode.off()) {
            long[] flat = IntStream.range(0, ids.size() * ids.get(0).size())
                    .mapToLong(i -> ids.get(i / ids.get(0).size())
                            .get(i % ids.get(0).size())
                            .asLong())
                    .toArray();
            NDArray hidden = model.hiddenStates(
                    TorchRuntime.longs(
                            model.runtime().root(), flat, ids.size(), ids.get(0).size()),
                    Optional.empty());
            return model.logits(hidden.reshape(flat.length, model.config().hiddenSize()))
                    .toFloatArray();
        }
    }

    @ParameterizedTest
    @EnumSource(WeightFormat.class)
    void lossOfRealDialoguesStaysNearFloat32(WeightFormat format, @TempDir Path models) {
        double exact = loss(WeightFormat.FLOAT32, false, models);
        double allowed =
                switch (format) {
                    case FLOAT32 -> 0;
                    case BFLOAT16 -> 0.005;
                    case INT8 -> 0.02;
                    case NF4 -> 0.06;
                };
        assertEquals(exact, loss(format, false, models), allowed * exact);
        if (format == WeightFormat.BFLOAT16) {
            assertEquals(exact, loss(format, true, models), allowed * exact, "with bfloat16 products");
        }
    }

    @Test
    void gradientsOfBfloat16ProductsAreThoseWithinTheirRounding() throws IOException {
        Map<String, float[]> wide;
        try (CausalLM model = golden(WeightFormat.BFLOAT16, false);
                LoraAdapter adapter = nonZero(model)) {
            wide = gradients(model, adapter);
        }
        try (CausalLM model = golden(WeightFormat.BFLOAT16, true);
                LoraAdapter adapter = nonZero(model)) {
            Map<String, float[]> narrow = gradients(model, adapter);
            wide.forEach((name, expected) -> {
                double difference = 0;
                double size = 0;
                for (int i = 0; i < expected.length; i++) {
                    difference += Math.pow(narrow.get(name)[i] - expected[i], 2);
                    size += Math.pow(expected[i], 2);
                }
                assertTrue(difference < 0.01 * size, name + " is off by " + Math.sqrt(difference / size));
            });
            model.recomputeActivations(true);
            gradients(model, adapter).forEach((name, again) -> assertArrayEquals(narrow.get(name), again, name));
        }
    }

    private static double loss(WeightFormat format, boolean narrowProducts, Path models) {
        try (BaseModelFiles files = new BaseModels(models).open(BaseModels.NANO);
                CausalLM model =
                        CausalLM.load(files.config(), files.weights(), TinyModel.runtime(), format, narrowProducts);
                TensorScope scope = new TensorScope()) {
            List<Sequence> rows = new ArrayList<>();
            for (SupportDialogues.Task task : SupportDialogues.tasks(SupportDialogues.Split.HELD_OUT, 8, 5)) {
                int[] prompt = files.promptTokens(List.of(new ChatMessage("user", task.prompt())));
                task.answers()
                        .forEach(answer ->
                                rows.add(new Sequence(prompt, files.tokenizer().encode(answer))));
            }
            return -TokenBatch.of(model, rows)
                    .logProbabilities(model, Optional.empty())
                    .sum()
                    .getFloat();
        }
    }

    /** The widened weights of a layer are gone before the next is widened, so the layer is computed again. */
    @Test
    void gradientsWithRecomputedActivationsEqualThoseWithout() {
        try (CausalLM model = TinyModel.random(3);
                LoraAdapter adapter = nonZero(model)) {
            Map<String, float[]> kept = gradients(model, adapter);
            model.recomputeActivations(true);
            Map<String, float[]> recomputed = gradients(model, adapter);
            kept.forEach((name, values) -> assertArrayEquals(values, recomputed.get(name), 1e-6f, name));
            assertTrue(kept.values().stream().anyMatch(values -> Math.abs(values[0]) > 1e-3));
        }
    }

    @Test
    void gradientsOfEveryWeightWithRecomputedActivationsEqualThoseWithout() {
        try (CausalLM model = TinyModel.random(3)) {
            List<NamedParameter> weights = model.trainable();
            Map<String, float[]> kept = gradientsOfWeights(model, weights);
            model.recomputeActivations(true);
            Map<String, float[]> recomputed = gradientsOfWeights(model, weights);
            kept.forEach((name, values) -> assertArrayEquals(values, recomputed.get(name), 1e-5f, name));
            kept.forEach((name, values) -> {
                boolean learns = false;
                for (float value : values) {
                    learns |= Math.abs(value) > 1e-3;
                }
                assertTrue(learns, name);
            });
        }
    }

    private static Map<String, float[]> gradientsOfWeights(CausalLM model, List<NamedParameter> weights) {
        try (AdamW optimiser = new AdamW(model, weights)) {
            optimiser.zeroGradients();
            try (GradientMode on = GradientMode.on();
                    TensorScope scope = new TensorScope()) {
                GradientMode.backward(TokenBatch.of(model, ROWS)
                        .logProbabilities(model, Optional.empty())
                        .sum());
            }
            Map<String, float[]> gradients = new HashMap<>();
            try (TensorScope scope = new TensorScope()) {
                weights.forEach(each ->
                        gradients.put(each.name(), each.array().getGradient().toFloatArray()));
            }
            return gradients;
        }
    }

    @Test
    void dropoutDrawsTheSameMasksWhenALayerIsComputedAgain() {
        try (CausalLM model = TinyModel.random(3);
                LoraAdapter adapter = nonZero(model)) {
            adapter.useDropout(true);
            model.recomputeActivations(true);
            model.runtime().seed(5);
            Map<String, float[]> analytic = gradients(model, adapter);
            String name = adapter.parameters().get(1).name();
            NDArray parameter = adapter.parameters().get(1).array();
            float[] values = parameter.toFloatArray();
            double step = 2e-2;
            double numeric = (lossWith(model, adapter, parameter, values, step)
                            - lossWith(model, adapter, parameter, values, -step))
                    / (2 * step);
            assertEquals(numeric, analytic.get(name)[2], 2e-2 * Math.abs(numeric) + 1e-3);
        }
    }

    private static double lossWith(
            CausalLM model, LoraAdapter adapter, NDArray parameter, float[] values, double step) {
        float[] moved = values.clone();
        moved[2] += (float) step;
        try (GradientMode on = GradientMode.on();
                TensorScope scope = new TensorScope()) {
            parameter.set(FloatBuffer.wrap(moved));
            model.runtime().seed(5);
            return TokenBatch.of(model, ROWS)
                    .logProbabilities(model, Optional.of(adapter))
                    .sum()
                    .getFloat();
        } finally {
            parameter.set(FloatBuffer.wrap(values));
        }
    }

    @ParameterizedTest
    @EnumSource(WeightFormat.class)
    void anAdapterLearnsOnEveryFormatAndSamplesFromIt(WeightFormat format) throws IOException {
        try (CausalLM model = golden(format);
                LoraAdapter adapter = PeftFolder.read(GOLDEN.resolve("tiny-llama/adapter"), model)) {
            adapter.requireGradients(true);
            Map<String, float[]> gradients = gradients(model, adapter);
            assertTrue(gradients.values().stream().allMatch(values -> values[0] != 0), "every matrix has a gradient");
            try (Generator generator = new Generator(model, Optional.of(adapter));
                    TensorScope scope = new TensorScope()) {
                var completion = generator
                        .generate(List.of(new int[] {3, 4, 5}), 1, new SamplingParameters(1, 0, 1, 8, 2), new int[] {1})
                        .getFirst()
                        .getFirst();
                float[] expected = TokenBatch.of(
                                model, List.of(new Sequence(new int[] {3, 4, 5}, completion.tokenIds())))
                        .tokenLogProbabilities(model, Optional.of(adapter))
                        .toFloatArray();
                assertArrayEquals(expected, completion.logProbabilities(), 1e-4f);
            }
        }
    }

    @Test
    void aQuantisedBaseCannotBeTrainedItself() throws IOException {
        try (CausalLM model = golden(WeightFormat.INT8)) {
            assertThrows(IllegalStateException.class, model::trainable);
        }
    }

    private static LoraAdapter nonZero(CausalLM model) {
        LoraAdapter adapter = LoraAdapter.initialise(
                model,
                new LoraConfig(4, 8, 0.3, LoraConfig.onAllLinear(4, 8).targets(), false),
                new SplittableRandom(1));
        SplittableRandom random = new SplittableRandom(2);
        adapter.parameters().forEach(parameter -> {
            float[] values = new float[(int) parameter.array().size()];
            IntStream.range(0, values.length).forEach(i -> values[i] = (float) (random.nextDouble() - 0.5));
            parameter.array().set(FloatBuffer.wrap(values));
        });
        adapter.requireGradients(true);
        return adapter;
    }

    private static Map<String, float[]> gradients(CausalLM model, LoraAdapter adapter) {
        try (GradientMode on = GradientMode.on();
                TensorScope scope = new TensorScope()) {
            adapter.parameters().forEach(parameter -> {
                if (parameter.array().hasGradient()) {
                    parameter.array().setRequiresGradient(false);
                }
                parameter.array().setRequiresGradient(true);
            });
            GradientMode.backward(TokenBatch.of(model, ROWS)
                    .logProbabilities(model, Optional.of(adapter))
                    .sum());
            Map<String, float[]> all = new LinkedHashMap<>();
            adapter.parameters()
                    .forEach(parameter -> all.put(
                            parameter.name(), parameter.array().getGradient().toFloatArray()));
            adapter.parameters()
                    .forEach(parameter -> parameter.array().getGradient().muli(0));
            return all;
        }
    }

    private static CausalLM golden(WeightFormat format) throws IOException {
        return golden(format, false);
    }

    private static CausalLM golden(WeightFormat format, boolean narrowProducts) throws IOException {
        Path folder = GOLDEN.resolve("tiny-llama");
        ModelConfig config = ModelConfig.parse(Files.readAllBytes(folder.resolve("config.json")));
        try (SafetensorsFile weights = SafetensorsFile.open(folder.resolve("model.safetensors"))) {
            return CausalLM.load(config, weights, TinyModel.runtime(), format, narrowProducts);
        }
    }

    private static JsonNode json(String name) throws IOException {
        return new ObjectMapper().readTree(Files.readAllBytes(GOLDEN.resolve(name)));
    }

    private static float[] floats(JsonNode array) {
        float[] values = new float[array.size()];
        IntStream.range(0, values.length)
                .forEach(i -> values[i] = (float) array.get(i).asDouble());
        return values;
    }

    private static byte[] bytes(JsonNode array) {
        byte[] values = new byte[array.size()];
        IntStream.range(0, values.length)
                .forEach(i -> values[i] = (byte) array.get(i).asInt());
        return values;
    }
}
