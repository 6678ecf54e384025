package dev.podium.training.sft;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.LoraConfig;
import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.GoldenFiles;
import dev.podium.training.TinyRound;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Loss and gradients are TRL's, on completions only and on everything. */
class SftGoldenTest {
    @ParameterizedTest
    @ValueSource(strings = {"completion", "all"})
    void lossAndGradientsAreTrls(String scored) throws Exception {
        JsonNode golden = GoldenFiles.json("sft");
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
        try (TinyRound round = new TinyRound();
                LoraAdapter adapter = LoraAdapter.of(
                        round.model, LoraConfig.onAllLinear(8, 16), GoldenFiles.tensors("dpo", "weights"))) {
            adapter.requireGradients(true);
            try (TensorScope scope = new TensorScope();
                    GradientMode gradients = GradientMode.on()) {
                NDArray loss = SftTrainer.loss(
                        round.model, adapter, TokenBatch.of(round.model, rows), SftTrainer.scored(rows));
                GradientMode.backward(loss);
                double expected = golden.get(scored).asDouble();
                assertEquals(expected, loss.getFloat(), 1e-5 * expected);
                GoldenFiles.assertGradients(
                        GoldenFiles.tensors("sft", "gradients-" + scored), adapter.parameters(), 1e-4);
            }
        }
    }
}
