package dev.podium.llm.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.podium.llm.base.BaseModelFiles;
import dev.podium.llm.base.BaseModels;
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
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.Stream;
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

    /** Also in float16 and bfloat16, in one file and several, with some targets and with rsLoRA. */
    @ParameterizedTest
    @ValueSource(strings = {"tiny-llama2", "tiny-llama3", "tiny-mistral", "tiny-qwen2", "tiny-qwen3"})
    void foldersOfEachFamilyGiveTheLogitsAndGradientsOfTransformersAndPeft(String name, @TempDir Path models)
            throws IOException {
        Path folder = FOLDER.resolveSibling(name);
        JsonNode golden = new ObjectMapper().readTree(Files.readAllBytes(folder.resolve("expected.json")));
        try (BaseModelFiles files = new BaseModels(withTokenizer(folder, models)).open(name);
                CausalLM other = CausalLM.load(files.config(), files.weights(), TinyModel.runtime());
                LoraAdapter adapter = PeftFolder.read(folder.resolve("adapter"), other);
                TensorScope scope = new TensorScope()) {
            assertClose(golden.path("logits"), logits(other, golden.path("ids"), Optional.empty()));
            assertClose(golden.path("adaptedLogits"), logits(other, golden.path("ids"), Optional.of(adapter)));
            assertLossAndGradients(golden, folder, other, adapter);
        }
    }

    /** The golden folders have no tokenizer of their own. */
    private static Path withTokenizer(Path folder, Path models) throws IOException {
        Path copy = Files.createDirectory(models.resolve(folder.getFileName()));
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        Files.writeString(copy.resolve("tokenizer.json"), """
                {"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": null,
                 "post_processor": null, "decoder": null,
                 "model": {"type": "WordLevel", "vocab": {"a": 0, "<end>": 1}, "unk_token": "a"}}
                """);
        Files.writeString(
                copy.resolve("tokenizer_config.json"), "{\"chat_template\": \"a\", \"eos_token\": \"<end>\"}");
        return models;
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
                TensorScope scope = new TensorScope()) {
            assertLossAndGradients(expected, FOLDER, model, adapter);
        }
    }

    /** Of minus the log-probabilities of the last six tokens of each row. */
    private static void assertLossAndGradients(JsonNode golden, Path folder, CausalLM model, LoraAdapter adapter) {
        try (SafetensorsFile gradients = SafetensorsFile.open(folder.resolve("gradients.safetensors"));
                GradientMode on = GradientMode.on()) {
            adapter.requireGradients(true);
            List<Sequence> rows = new ArrayList<>();
            for (JsonNode row : golden.path("ids")) {
                int[] ids = ints(row);
                rows.add(new Sequence(
                        Arrays.copyOf(ids, ids.length - 6), Arrays.copyOfRange(ids, ids.length - 6, ids.length)));
            }
            NDArray loss = TokenBatch.of(model, rows)
                    .logProbabilities(model, Optional.of(adapter))
                    .sum()
                    .neg();
            GradientMode.backward(loss);
            double wanted = golden.path("loss").asDouble();
            assertEquals(wanted, loss.getFloat(), 1e-5 * Math.abs(wanted));
            assertEquals(gradients.names().size(), adapter.parameters().size());
            adapter.parameters().forEach(parameter -> {
                FloatBuffer other = gradients.readFloat32(parameter.name());
                double error = 0;
                double norm = 0;
                for (float value : parameter.array().getGradient().toFloatArray()) {
                    float theirs = other.get();
                    error += (value - theirs) * (value - theirs);
                    norm += theirs * theirs;
                }
                assertTrue(Math.sqrt(error) <= 1e-4 * Math.sqrt(norm), parameter.name() + " differs");
            });
        }
    }

    /** tiny-llama/ours was written by this test, which does so again where it is missing; then peft read it. */
    @Test
    void peftReadsAFolderOfPodiumToTheSameLogits(@TempDir Path folder) throws IOException {
        LoraConfig config =
                new LoraConfig(8, 12, 0.1, EnumSet.of(LoraTarget.Q_PROJ, LoraTarget.O_PROJ, LoraTarget.UP_PROJ), true);
        try (LoraAdapter adapter = repeatable(config);
                TensorScope scope = new TensorScope()) {
            PeftFolder.write(folder, adapter, Optional.empty(), "tiny-llama");
            Path ours = FOLDER.resolve("ours");
            if (!Files.exists(ours)) {
                PeftFolder.write(ours, adapter, Optional.empty(), "tiny-llama");
                fail("wrote " + ours + "; run make_golden.py to see what peft makes of it");
            }
            for (String file : List.of(PeftFolder.CONFIG, PeftFolder.WEIGHTS)) {
                assertArrayEquals(
                        Files.readAllBytes(ours.resolve(file)), Files.readAllBytes(folder.resolve(file)), file);
            }
            JsonNode peft = new ObjectMapper().readTree(Files.readAllBytes(FOLDER.resolve("ours.json")));
            assertClose(peft.path("logits"), logits(model, expected.path("ids"), Optional.of(adapter)));
        }
    }

    /** An adapter whose matrices are the same on every machine. */
    private static LoraAdapter repeatable(LoraConfig config) {
        try (LoraAdapter start = LoraAdapter.initialise(model, config, new SplittableRandom(1))) {
            Map<String, float[]> matrices = start.export();
            SplittableRandom random = new SplittableRandom(2);
            matrices.values().forEach(values -> {
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) (random.nextDouble() - 0.5) / 4;
                }
            });
            return LoraAdapter.of(model, config, matrices);
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
        assertRefused(
                folder,
                config.replaceAll("\"init_lora_weights\": \\w+", "\"init_lora_weights\": \"pissa_niter_4\""),
                "init_lora_weights pissa_niter_4 changes the base model");
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
