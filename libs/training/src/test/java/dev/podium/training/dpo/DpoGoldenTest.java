package dev.podium.training.dpo;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.RoundConfig;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.LoraConfig;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.GoldenFiles;
import dev.podium.training.TinyRound;
import dev.podium.training.batch.PairBatch;
import dev.podium.training.batch.TaskTokens;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class DpoGoldenTest {
    @Test
    void lossMetricsAndGradientsAreTrls() throws Exception {
        JsonNode golden = GoldenFiles.json("dpo");
        List<TaskTokens> tasks = new ArrayList<>();
        for (JsonNode row : golden.get("rows")) {
            tasks.add(new TaskTokens(
                    "task" + tasks.size(),
                    GoldenFiles.ids(row.get("prompt")),
                    List.of(GoldenFiles.ids(row.get("chosen")), GoldenFiles.ids(row.get("rejected"))),
                    List.of(new TaskTokens.Pair(0, 1, 1, 1))));
        }
        try (TinyRound round = new TinyRound();
                LoraAdapter adapter = LoraAdapter.of(
                        round.model, LoraConfig.onAllLinear(8, 16), GoldenFiles.tensors("dpo", "weights"))) {
            adapter.requireGradients(true);
            Map<String, float[]> reference = DpoTrainer.logProbabilities(round.model, Optional.empty(), tasks);
            try (TensorScope scope = new TensorScope();
                    GradientMode gradients = GradientMode.on()) {
                PairBatch batch = PairBatch.of(round.model, tasks);
                Objective.Forward pairs = DpoTrainer.forward(round.model, adapter, batch, reference);
                Objective objective = Objective.of(RoundConfig.Dpo.DEFAULT);
                NDArray loss = objective.loss(pairs, objective.weight(tasks), 0);
                GradientMode.backward(loss);
                PairStatistics statistics =
                        new PairStatistics(golden.get("beta").asDouble());
                statistics.add(pairs);

                assertEquals(golden.get("loss").asDouble(), loss.getFloat(), 1e-5);
                statistics.metrics().forEach((name, value) -> {
                    double expected = golden.get("metrics").get(name).asDouble();
                    assertEquals(expected, value, 1e-5 * Math.max(1, Math.abs(expected)), name);
                });
                GoldenFiles.assertGradients(GoldenFiles.tensors("dpo", "gradients"), adapter.parameters(), 1e-4);
            }
        }
    }
}
