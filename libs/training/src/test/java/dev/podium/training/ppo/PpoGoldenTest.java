package dev.podium.training.ppo;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
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
import dev.podium.training.loss.PolicyLoss;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Generalised advantages and PPO's two losses are those of the formulas, with their gradients. */
class PpoGoldenTest {
    @Test
    void advantagesLossesAndGradientsAreThoseOfTheFormulas() throws Exception {
        JsonNode golden = GoldenFiles.json("formulas").get("ppo");
        RoundConfig.Ppo config = config(golden);
        List<Sequence> rows = new ArrayList<>();
        for (int i = 0; i < golden.get("prompts").size(); i++) {
            rows.add(new Sequence(
                    GoldenFiles.ids(golden.get("prompts").get(i)),
                    GoldenFiles.ids(golden.get("completions").get(i))));
        }
        int n = rows.size();
        boolean[] ended = new boolean[n];
        Arrays.fill(ended, true);
        Experience experience = Experience.of(
                new Rollouts.Judged(
                        new Rollouts.Sampled(rows, ended),
                        GoldenFiles.doubles(golden.get("scores")),
                        new double[n],
                        rows(golden.get("old")),
                        rows(golden.get("reference")),
                        rows(golden.get("values")),
                        new float[n][0],
                        0),
                config.klCoefficient(),
                config);
        double[][] whitened = rows(golden.get("whitened"));
        double[][] returns = rows(golden.get("returns"));
        for (int i = 0; i < n; i++) {
            assertArrayEquals(whitened[i], experience.advantages()[i], 1e-5);
            assertArrayEquals(returns[i], experience.returns()[i], 1e-5);
        }
        Map<String, float[]> gradients = GoldenFiles.tensors("formulas", "ppo");
        float[] headGradient = gradients.remove("value");
        int[] members = IntStream.range(0, n).toArray();
        try (TinyRound round = new TinyRound();
                LoraAdapter adapter = LoraAdapter.of(
                        round.model, LoraConfig.onAllLinear(8, 16), GoldenFiles.tensors("dpo", "weights"));
                ScalarHead head = ScalarHead.of(round.model, floats(golden.get("head")))) {
            adapter.requireGradients(true);
            head.requireGradients(true);
            PolicyObjective objective = new PolicyObjective(round.model, config);
            try (TensorScope scope = new TensorScope();
                    GradientMode on = GradientMode.on()) {
                NDArray logp =
                        TokenBatch.of(round.model, rows).tokenLogProbabilities(round.model, Optional.of(adapter));
                NDArray policy =
                        objective.loss(experience, members, logp, config.klCoefficient(), experience.tokens(), n);
                NDArray values = head.apply(states(round, golden));
                NDArray value = PolicyLoss.clippedValue(
                        values,
                        objective.flat(experience.values(), members),
                        objective.flat(experience.returns(), members),
                        values.onesLike(),
                        config.valueClip(),
                        experience.tokens());
                GradientMode.backward(policy);
                GradientMode.backward(value);

                GoldenFiles.assertLoss(golden.get("policyLoss").asDouble(), policy.getFloat(), 1e-5);
                GoldenFiles.assertLoss(golden.get("valueLoss").asDouble(), value.getFloat(), 1e-5);
                GoldenFiles.assertGradients(gradients, adapter.parameters(), 1e-4);
                GoldenFiles.assertGradients(
                        Map.of(head.parameter().name(), headGradient), List.of(head.parameter()), 1e-4);
            }
        }
    }

    private static NDArray states(TinyRound round, JsonNode golden) {
        int hidden = round.base.config().hiddenSize();
        List<Float> all = new ArrayList<>();
        golden.get("states").forEach(row -> row.forEach(x -> all.add((float) x.asDouble())));
        float[] values = new float[all.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = all.get(i);
        }
        return round.model.runtime().root().create(values, new Shape(values.length / hidden, hidden));
    }

    private static double[][] rows(JsonNode node) {
        double[][] rows = new double[node.size()][];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = GoldenFiles.doubles(node.get(i));
        }
        return rows;
    }

    private static float[] floats(JsonNode node) {
        float[] values = new float[node.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) node.get(i).asDouble();
        }
        return values;
    }

    private static RoundConfig.Ppo config(JsonNode golden) {
        RoundConfig.Ppo d = RoundConfig.Ppo.DEFAULT;
        return new RoundConfig.Ppo(
                1,
                d.lora(),
                d.training(),
                4,
                1,
                1,
                golden.get("klCoefficient").asDouble(),
                golden.get("clip").asDouble(),
                golden.get("clip").asDouble(),
                0.1,
                golden.get("gamma").asDouble(),
                golden.get("lambda").asDouble(),
                1,
                64,
                0,
                0);
    }
}
