package dev.podium.training.sft;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.Message;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundConfig;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.LoraConfig;
import dev.podium.llm.model.NamedParameter;
import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.GoldenFiles;
import dev.podium.training.TinyRound;
import dev.podium.training.batch.PromptTokenizer;
import dev.podium.training.data.TrainingData;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Loss and gradients are TRL's, on completions only and on everything. */
class SftGoldenTest {
    private static List<Sequence> rows(JsonNode golden, String scored) {
        List<Sequence> rows = new ArrayList<>();
        for (JsonNode row : golden.get("rows")) {
            int[] prompt = GoldenFiles.ids(row.get("prompt"));
            int[] completion = GoldenFiles.ids(row.get("completion"));
            if (scored.equals("all")) {
                completion = IntStream.concat(Arrays.stream(prompt).skip(1), Arrays.stream(completion))
                        .toArray();
                prompt = new int[] {prompt[0]};
            }
            rows.add(new Sequence(prompt, completion));
        }
        return rows;
    }

    @ParameterizedTest
    @ValueSource(strings = {"completion", "all"})
    void lossAndGradientsOfEveryWeightAreTrls(String scored) throws Exception {
        JsonNode golden = GoldenFiles.json("sft");
        try (TinyRound round = new TinyRound()) {
            List<Sequence> rows = rows(golden, scored);
            List<NamedParameter> weights = round.model.trainable();
            double expected = golden.get("full-" + scored).asDouble();
            assertEquals(expected, backward(round, rows, rows.size()), 1e-5 * expected);
            GoldenFiles.assertGradients(GoldenFiles.tensors("sft", "gradients-full-" + scored), weights, 1e-4);
        }
    }

    /** Packing is a matter of time only: rows in one pass, or each in a pass of its own. */
    @Test
    void packedRowsGiveTheLossAndGradientsOfRowsOnTheirOwn() throws Exception {
        try (TinyRound packed = new TinyRound();
                TinyRound apart = new TinyRound()) {
            List<Sequence> rows = rows(GoldenFiles.json("sft"), "completion");
            List<NamedParameter> weights = packed.model.trainable();
            List<NamedParameter> others = apart.model.trainable();
            double together = backward(packed, rows, rows.size());
            assertEquals(together, backward(apart, rows, 1), 1e-6 * together);
            Map<String, float[]> gradients = new TreeMap<>();
            weights.forEach(weight ->
                    gradients.put(weight.name(), weight.array().getGradient().toFloatArray()));
            GoldenFiles.assertGradients(gradients, others, 1e-5);
        }
    }

    /** @param perPass rows of a pass */
    private static double backward(TinyRound round, List<Sequence> rows, int perPass) {
        double loss = 0;
        for (int from = 0; from < rows.size(); from += perPass) {
            try (TensorScope scope = new TensorScope();
                    GradientMode gradients = GradientMode.on()) {
                List<Sequence> some = rows.subList(from, Math.min(rows.size(), from + perPass));
                NDArray part = SftTrainer.loss(
                        round.model, Optional.empty(), TokenBatch.of(round.model, some), SftTrainer.scored(rows));
                GradientMode.backward(part);
                loss += part.getFloat();
            }
        }
        return loss;
    }

    /**
     * TRL learns everything that the template writes after the answer; a completion of ours ends with the end token, as
     * sampling does (no line break after it is ever generated).
     */
    @Test
    void aConversationHasTrlsTokensUpToTheEndToken() throws Exception {
        try (TinyRound round = new TinyRound()) {
            PromptTokenizer tokenizer = new PromptTokenizer(round.base, 512);
            for (JsonNode row : GoldenFiles.json("sft").get("chat")) {
                List<Message> messages = new ArrayList<>();
                row.get("messages")
                        .forEach(message -> messages.add(new Message(
                                message.get("role").asText(),
                                message.get("content").asText())));
                Message answer = messages.removeLast();
                RoundConfig.Sft config = RoundConfig.Sft.DEFAULT;
                SftRecords records = SftRecords.of(
                        round.context(
                                config,
                                TrainingData.NONE,
                                List.of(),
                                List.of(new RoundCommand.SftRecord(messages, answer.content())),
                                Path.of("unused"),
                                Optional.empty(),
                                Optional.empty(),
                                () -> false),
                        tokenizer,
                        config);
                Sequence found = records.train().getFirst();
                int[] learnt = GoldenFiles.ids(row.get("completion"));
                assertArrayEquals(GoldenFiles.ids(row.get("prompt")), found.prompt());
                assertArrayEquals(Arrays.copyOf(learnt, found.completion().length), found.completion());
                assertEquals(tokenizer.endIds()[0], found.completion()[found.completion().length - 1]);
                assertEquals(learnt.length - 1, found.completion().length, "TRL's line break after the end token");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"completion", "all"})
    void lossAndGradientsAreTrls(String scored) throws Exception {
        JsonNode golden = GoldenFiles.json("sft");
        List<Sequence> rows = rows(golden, scored);
        try (TinyRound round = new TinyRound();
                LoraAdapter adapter = LoraAdapter.of(
                        round.model, LoraConfig.onAllLinear(8, 16), GoldenFiles.tensors("dpo", "weights"))) {
            adapter.requireGradients(true);
            try (TensorScope scope = new TensorScope();
                    GradientMode gradients = GradientMode.on()) {
                NDArray loss = SftTrainer.loss(
                        round.model, Optional.of(adapter), TokenBatch.of(round.model, rows), SftTrainer.scored(rows));
                GradientMode.backward(loss);
                double expected = golden.get(scored).asDouble();
                assertEquals(expected, loss.getFloat(), 1e-5 * expected);
                GoldenFiles.assertGradients(
                        GoldenFiles.tensors("sft", "gradients-" + scored), adapter.parameters(), 1e-4);
            }
        }
    }
}
