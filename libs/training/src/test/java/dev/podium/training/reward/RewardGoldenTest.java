package dev.podium.training.reward;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.RoundConfig;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.LoraConfig;
import dev.podium.llm.lora.ScalarHead;
import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.GoldenFiles;
import dev.podium.training.TinyRound;
import dev.podium.training.batch.PairBatch;
import dev.podium.training.batch.TaskTokens;
import dev.podium.training.loss.RewardLoss;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
                GoldenFiles.assertLoss(golden.get("loss").asDouble(), loss.getFloat(), 1e-5);
                GoldenFiles.assertGradients(GoldenFiles.tensors("reward", "gradients"), model.parameters(), 1e-4);
            }
        }
    }

    /** With margin, smoothing and pair weights; with ties; on whole rankings. TRL has none of them. */
    @ParameterizedTest
    @ValueSource(strings = {"bradley_terry", "davidson", "plackett_luce"})
    void everyOtherLossIsItsFormula(String loss) throws Exception {
        JsonNode golden = GoldenFiles.json("formulas");
        boolean pairs = loss.equals("bradley_terry");
        RoundConfig.Reward config = new RoundConfig.Reward(
                1,
                RoundConfig.Reward.DEFAULT.lora(),
                RoundConfig.Reward.DEFAULT.training(),
                0.02,
                pairs ? golden.get("smoothing").asDouble() : 0,
                loss,
                pairs ? 0.3 : 0,
                1);
        List<TaskTokens> tasks = new ArrayList<>();
        for (TaskTokens task : GoldenFiles.rankedTasks()) {
            tasks.add(compared(task));
        }
        RewardObjective objective = RewardObjective.of(config, RewardObjective.tieShare(tasks));
        Map<String, float[]> weights = GoldenFiles.tensors("reward", "weights");
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
                PairBatch batch = PairBatch.of(round.model, tasks);
                NDArray found = objective.loss(round.model, batch, model.raw(batch.outputs()), objective.weight(tasks));
                GradientMode.backward(found);

                double expected = golden.get("reward_" + loss).asDouble();
                GoldenFiles.assertLoss(expected, found.getFloat(), 1e-5);
                GoldenFiles.assertGradients(
                        GoldenFiles.tensors("formulas", "reward_" + loss), model.parameters(), 1e-4);
            }
        }
    }

    /** A task with the pairs and ties of its ranks; each pair weighs one by their number. */
    private static TaskTokens compared(TaskTokens task) {
        int[] ranks = task.ranks();
        List<TaskTokens.Pair> pairs = new ArrayList<>();
        List<TaskTokens.Tie> ties = new ArrayList<>();
        for (int i = 0; i < ranks.length; i++) {
            for (int j = 0; j < ranks.length; j++) {
                if (ranks[i] < ranks[j]) {
                    pairs.add(new TaskTokens.Pair(i, j, 1, (ranks[j] - ranks[i]) / (ranks.length - 1.0)));
                } else if (ranks[i] == ranks[j] && i < j) {
                    ties.add(new TaskTokens.Tie(i, j));
                }
            }
        }
        List<TaskTokens.Pair> weighted = pairs.stream()
                .map(p -> new TaskTokens.Pair(p.chosen(), p.rejected(), 1.0 / pairs.size(), p.margin()))
                .toList();
        return new TaskTokens(
                task.taskId(), task.prompt(), task.completions(), weighted, ties, ranks, task.unacceptable());
    }
}
