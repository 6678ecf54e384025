package dev.podium.llm.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.files.ModelFileException;
import dev.podium.llm.files.SafetensorsFile;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.TinyModel;
import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.llm.torch.TorchRuntime;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What transformers and peft computed on the same weights; src/test/python/make_golden.py made the files. */
class GoldenTest {
    private static final Path FOLDER = Path.of("src/test/resources/golden/tiny-llama");
    private static JsonNode expected;
    private static CausalLM model;

    @BeforeAll
    static void load() throws IOException {
        expected = new ObjectMapper().readTree(Files.readAllBytes(FOLDER.resolve("expected.json")));
        ModelConfig config = ModelConfig.parse(Files.readAllBytes(FOLDER.resolve("config.json")));
        TorchRuntime runtime = TinyModel.runtime();
        try (SafetensorsFile weights = SafetensorsFile.open(FOLDER.resolve("model.safetensors"))) {
            model = CausalLM.load(config, weights, runtime);
        }
    }

    @AfterAll
    static void close() {
        model.close();
    }

    @Test
    void logitsEqualTransformers() {
        try (TensorScope scope = new TensorScope()) {
            assertClose(expected.path("logits"), logits(model, expected.path("ids"), Optional.empty()));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-qwen2", "tiny-qwen3"})
    void logitsOfOtherFamiliesEqualTransformers(String name) throws IOException {
        Path folder = FOLDER.resolveSibling(name);
        JsonNode golden = new ObjectMapper().readTree(Files.readAllBytes(folder.resolve("expected.json")));
        ModelConfig config = ModelConfig.parse(Files.readAllBytes(folder.resolve("config.json")));
        try (SafetensorsFile weights = SafetensorsFile.open(folder.resolve("model.safetensors"));
                CausalLM other = CausalLM.load(config, weights, TinyModel.runtime());
                TensorScope scope = new TensorScope()) {
            assertClose(golden.path("logits"), logits(other, golden.path("ids"), Optional.empty()));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"linear", "llama3", "yarn", "yarn-mscale"})
    void logitsWithScaledPositionsEqualTransformers(String kind) throws IOException {
        Path folder = FOLDER.resolveSibling("tiny-rope-" + kind);
        JsonNode golden = new ObjectMapper().readTree(Files.readAllBytes(folder.resolve("expected.json")));
        ModelConfig config = ModelConfig.parse(Files.readAllBytes(folder.resolve("config.json")));
        try (SafetensorsFile weights = SafetensorsFile.open(folder.resolve("model.safetensors"));
                CausalLM other = CausalLM.load(config, weights, TinyModel.runtime());
                TensorScope scope = new TensorScope()) {
            float[] all = logits(other, golden.path("ids"), Optional.empty());
            int vocabulary = config.vocabularySize();
            int every = golden.path("every").asInt();
            float[] some = new float[golden.path("logits").size()];
            for (int i = 0; i < some.length; i++) {
                some[i] = all[(i / vocabulary) * every * vocabulary + i % vocabulary];
            }
            assertClose(golden.path("logits"), some);
        }
    }

    @Test
    void logitsWithAnAdapterOfPeftEqualPeft() {
        try (LoraAdapter adapter = PeftFolder.read(FOLDER.resolve("adapter"), model);
                TensorScope scope = new TensorScope()) {
            assertClose(expected.path("adaptedLogits"), logits(model, expected.path("ids"), Optional.of(adapter)));
        }
    }

    @Test
    void lossAndGradientsOfAnAdapterEqualPeft() {
        try (LoraAdapter adapter = PeftFolder.read(FOLDER.resolve("adapter"), model);
                SafetensorsFile gradients = SafetensorsFile.open(FOLDER.resolve("gradients.safetensors"));
                TensorScope scope = new TensorScope();
                GradientMode on = GradientMode.on()) {
            adapter.requireGradients(true);
            List<Sequence> rows = new ArrayList<>();
            for (JsonNode row : expected.path("ids")) {
                int[] ids = ints(row);
                rows.add(new Sequence(Arrays.copyOf(ids, 5), Arrays.copyOfRange(ids, 5, 11)));
            }
            NDArray loss = TokenBatch.of(model, rows)
                    .logProbabilities(model, Optional.of(adapter))
                    .sum()
                    .neg();
            GradientMode.backward(loss);
            double wanted = expected.path("loss").asDouble();
            assertEquals(wanted, loss.getFloat(), 1e-5 * Math.abs(wanted));
            adapter.parameters().forEach(parameter -> {
                FloatBuffer golden = gradients.readFloat32(parameter.name());
                float[] ours = parameter.array().getGradient().toFloatArray();
                double error = 0;
                double norm = 0;
                for (float value : ours) {
                    float other = golden.get();
                    error += (value - other) * (value - other);
                    norm += other * other;
                }
                assertTrue(Math.sqrt(error) <= 1e-4 * Math.sqrt(norm), parameter.name() + " differs");
            });
        }
    }

    @Test
    void anAdapterSurvivesItsFolder(@TempDir Path folder) throws IOException {
        try (LoraAdapter adapter = PeftFolder.read(FOLDER.resolve("adapter"), model);
                ScalarHead head = ScalarHead.initialise(model, new SplittableRandom(3))) {
            PeftFolder.write(folder, adapter, Optional.of(head), "tiny");
            assertTrue(PeftFolder.faults(folder).isEmpty());
            try (LoraAdapter again = PeftFolder.read(folder, model);
                    ScalarHead headAgain = PeftFolder.readHead(folder, model)) {
                assertEquals(adapter.config(), again.config());
                adapter.export()
                        .forEach((name, values) ->
                                assertArrayEquals(values, again.export().get(name), name));
                assertArrayEquals(head.export(), headAgain.export());
            }
        }
    }

    @Test
    void anAdapterThatIsNotFiniteIsAFault(@TempDir Path folder) throws IOException {
        try (LoraAdapter adapter = PeftFolder.read(FOLDER.resolve("adapter"), model)) {
            var values = adapter.export();
            values.values().iterator().next()[3] = Float.NaN;
            try (LoraAdapter broken = LoraAdapter.of(model, adapter.config(), values)) {
                PeftFolder.write(folder, broken, Optional.empty(), "tiny");
            }
            assertTrue(PeftFolder.faults(folder).getFirst().contains("not finite"));
        }
    }

    @Test
    void whatIsNotBuiltOrDoesNotFitIsRefusedByName(@TempDir Path folder) throws IOException {
        String config = Files.readString(FOLDER.resolve("adapter/adapter_config.json"));
        Files.copy(FOLDER.resolve("adapter/adapter_model.safetensors"), folder.resolve(PeftFolder.WEIGHTS));
        assertRefused(folder, config.replace("\"use_dora\": false", "\"use_dora\": true"), "use_dora");
        assertRefused(folder, config.replace("\"bias\": \"none\"", "\"bias\": \"all\""), "bias");
        assertRefused(folder, config.replace("\"q_proj\"", "\"c_attn\""), "c_attn");
        assertRefused(folder, config.replace("\"r\": 8", "\"r\": 16"), "rank 16");
        assertRefused(folder, "{", "adapter_config.json");
        Files.write(folder.resolve(PeftFolder.WEIGHTS), new byte[] {(byte) 0x80, 2, '}', 'q', 0, '.', 0, 0, 0, 0});
        assertRefused(folder, config, "announces a header");
    }

    private static void assertRefused(Path folder, String config, String reason) throws IOException {
        Files.writeString(folder.resolve(PeftFolder.CONFIG), config);
        String message = assertThrows(ModelFileException.class, () -> PeftFolder.read(folder, model))
                .getMessage();
        assertTrue(message.contains(reason), message);
    }

    @Test
    void ranksThatServersDoNotLoadAreFaults(@TempDir Path folder) throws IOException {
        try (LoraAdapter adapter =
                LoraAdapter.initialise(model, LoraConfig.onAllLinear(5, 10), new SplittableRandom(1))) {
            PeftFolder.write(folder, adapter, Optional.empty(), "tiny");
        }
        assertTrue(PeftFolder.faults(folder).getFirst().contains("rank 5"));
    }

    @Test
    void rankStabilisedAdaptersAreWrittenAsPlainOnes(@TempDir Path folder) throws IOException {
        LoraConfig config =
                new LoraConfig(8, 16, 0, LoraConfig.onAllLinear(8, 16).targets(), true);
        try (LoraAdapter plain = PeftFolder.read(FOLDER.resolve("adapter"), model);
                LoraAdapter adapter = LoraAdapter.of(model, config, plain.export());
                TensorScope scope = new TensorScope()) {
            PeftFolder.write(folder, adapter, Optional.empty(), "tiny");
            try (LoraAdapter again = PeftFolder.read(folder, model)) {
                assertFalse(again.config().rsLora());
                assertArrayEquals(
                        logits(model, expected.path("ids"), Optional.of(adapter)),
                        logits(model, expected.path("ids"), Optional.of(again)),
                        2e-3f);
            }
        }
    }

    private static float[] logits(CausalLM model, JsonNode ids, Optional<LoraAdapter> adapter) {
        long[] flat = new long[ids.size() * ids.get(0).size()];
        int i = 0;
        for (JsonNode row : ids) {
            for (JsonNode id : row) {
                flat[i++] = id.asLong();
            }
        }
        NDArray array = TorchRuntime.longs(
                model.runtime().root(), flat, ids.size(), ids.get(0).size());
        NDArray hidden = model.hiddenStates(array, adapter);
        return model.logits(hidden.reshape(flat.length, model.config().hiddenSize()))
                .toFloatArray();
    }

    private static void assertClose(JsonNode golden, float[] ours) {
        assertEquals(golden.size(), ours.length);
        double worst = 0;
        double largest = 0;
        for (int i = 0; i < ours.length; i++) {
            worst = Math.max(worst, Math.abs(ours[i] - golden.get(i).asDouble()));
            largest = Math.max(largest, Math.abs(golden.get(i).asDouble()));
        }
        assertTrue(worst <= 1e-4 * largest, "largest difference " + worst);
    }

    private static int[] ints(JsonNode row) {
        int[] ids = new int[row.size()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = row.get(i).asInt();
        }
        return ids;
    }
}
