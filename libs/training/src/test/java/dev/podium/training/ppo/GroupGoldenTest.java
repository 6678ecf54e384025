package dev.podium.training.ppo;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.RoundConfig;
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
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Advantages, loss and gradients of GRPO (token-level, over all tokens) and RLOO are TRL's. */
class GroupGoldenTest {
    @ParameterizedTest
    @ValueSource(strings = {"grpo", "rloo"})
    void advantagesLossAndGradientsAreTrls(String name) throws Exception {
        JsonNode golden = GoldenFiles.json(name);
        double klCoefficient = golden.get("klCoefficient").asDouble();
        List<Sequence> rows = new ArrayList<>();
        int n = golden.get("prompts").size();
        double[][] old = new double[n][];
        double[][] reference = new double[n][];
        for (int i = 0; i < n; i++) {
            rows.add(new Sequence(
                    GoldenFiles.ids(golden.get("prompts").get(i)),
                    GoldenFiles.ids(golden.get("completions").get(i))));
            old[i] = GoldenFiles.doubles(golden.get("old").get(i));
            reference[i] = GoldenFiles.doubles(golden.get("reference").get(i));
        }
        boolean[] ended = new boolean[n];
        Arrays.fill(ended, true);
        Rollouts.Judged judged = new Rollouts.Judged(
                new Rollouts.Sampled(rows, ended),
                GoldenFiles.doubles(golden.get("scores")),
                new double[n],
                old,
                reference,
                new double[0][],
                new float[0][],
                0);
        RoundConfig.Ppo config = config(name, klCoefficient);
        Experience experience = Experience.of(judged, klCoefficient, config);
        for (int i = 0; i < n; i++) {
            assertEquals(golden.get("advantages").get(i).asDouble(), experience.advantages()[i][0], 1e-5);
        }
        try (TinyRound round = new TinyRound();
                LoraAdapter adapter = LoraAdapter.of(
                        round.model, LoraConfig.onAllLinear(8, 16), GoldenFiles.tensors("dpo", "weights"))) {
            adapter.requireGradients(true);
            PolicyObjective objective = new PolicyObjective(round.model, config);
            try (TensorScope scope = new TensorScope();
                    GradientMode gradients = GradientMode.on()) {
                TokenBatch batch = TokenBatch.of(round.model, rows);
                NDArray logp = batch.tokenLogProbabilities(round.model, Optional.of(adapter));
                int[] members = IntStream.range(0, n).toArray();
                NDArray loss = objective.loss(experience, members, logp, klCoefficient, experience.tokens(), n);
                GradientMode.backward(loss);
                double expected = golden.get("loss").asDouble();
                // A sum of terms of both signs, each up to three times as large: TRL's float32 carries no more.
                GoldenFiles.assertLoss(expected, loss.getFloat(), 2e-5);
                GoldenFiles.assertGradients(GoldenFiles.tensors(name, "gradients"), adapter.parameters(), 1e-4);
            }
        }
    }

    private static RoundConfig.Ppo config(String advantage, double klCoefficient) {
        RoundConfig.Ppo d = RoundConfig.Ppo.DEFAULT;
        return new RoundConfig.Ppo(
                1,
                d.lora(),
                d.training(),
                4,
                1,
                1,
                klCoefficient,
                0.2,
                0.2,
                0.1,
                1,
                0.95,
                1,
                64,
                0,
                0,
                advantage,
                2,
                0.0,
                0.0,
                0.0);
    }
}
