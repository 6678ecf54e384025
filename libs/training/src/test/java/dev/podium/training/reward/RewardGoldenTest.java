package dev.podium.training.reward;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.LoraConfig;
import dev.podium.llm.lora.ScalarHead;
import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.GoldenFiles;
import dev.podium.training.TinyRound;
import dev.podium.training.loss.RewardLoss;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RewardGoldenTest {
    @Test
    void scoresLossAndGradientsAreTrls() throws Exception {
        JsonNode golden = GoldenFiles.json("reward");
        Map<String, float[]> weights = GoldenFiles.tensors("reward", "weights");
        List<Sequence> rows = new ArrayList<>();
        for (String side : List.of("chosen", "rejected")) {
            for (JsonNode row : golden.get(side)) {
                int[] ids = GoldenFiles.ids(row);
                rows.add(new Sequence(new int[] {ids[0]}, java.util.Arrays.copyOfRange(ids, 1, ids.length)));
            }
        }
        int n = rows.size() / 2;
        try (TinyRound round = new TinyRound();
                RewardModel model = new RewardModel(
                        round.model,
                        LoraAdapter.of(round.model, LoraConfig.onAllLinear(8, 16), weights),
                        ScalarHead.of(round.model, weights.get(ScalarHead.TENSOR)),
                        1,
                        0)) {
            model.adapter().requireGradients(true);
            model.head().requireGradients(true);
            try (TensorScope scope = new TensorScope();
                    GradientMode gradients = GradientMode.on()) {
                NDArray scores = model.raw(TokenBatch.of(round.model, rows));
                NDArray chosen = scores.get("0:" + n);
                NDArray rejected = scores.get(n + ":" + 2 * n);
                NDArray loss = RewardLoss.bradleyTerry(
                                chosen,
                                rejected,
                                chosen.zerosLike(),
                                golden.get("centering").asDouble(),
                                0)
                        .mean();
                GradientMode.backward(loss);

                float[] found = scores.toFloatArray();
                for (int i = 0; i < found.length; i++) {
                    assertEquals(golden.get("scores").get(i).asDouble(), found[i], 1e-4);
                }
                assertEquals(golden.get("loss").asDouble(), loss.getFloat(), 2e-5);
                GoldenFiles.assertGradients(GoldenFiles.tensors("reward", "gradients"), model.parameters(), 1e-4);
            }
        }
    }
}
