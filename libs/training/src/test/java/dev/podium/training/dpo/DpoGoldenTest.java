package dev.podium.training.dpo;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.RoundConfig;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.LoraConfig;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.GoldenFiles;
import dev.podium.training.TinyRound;
import dev.podium.training.batch.PairBatch;
import dev.podium.training.batch.TaskTokens;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Losses, metrics and gradients are TRL's, or those of the formulas, on the same weights and tokens. */
class DpoGoldenTest {
    private static final double[] ONES = {1, 1, 1};

    @Test
    void lossMetricsAndGradientsAreTrls() throws Exception {
        JsonNode golden = GoldenFiles.json("dpo");
        PairStatistics statistics = new PairStatistics(golden.get("beta").asDouble());
        double loss = loss(
                RoundConfig.Dpo.DEFAULT,
                rows(ONES, ONES),
                GoldenFiles.tensors("dpo", "gradients"),
                forward -> statistics.add(forward));

        GoldenFiles.assertLoss(golden.get("loss").asDouble(), loss, 1e-5);
        statistics.metrics().forEach((name, value) -> {
            double expected = golden.get("metrics").get(name).asDouble();
            assertEquals(expected, value, 1e-5 * Math.max(1, Math.abs(expected)), name);
        });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "hinge",
                "ipo",
                "exo_pair",
                "nca_pair",
                "bco_pair",
                "robust",
                "sppo_hard",
                "apo_zero",
                "apo_down",
                "discopop",
                "sigmoid_norm"
            })
    void everyLossOfTheSameNameIsTrls(String name) throws Exception {
        double smoothing = name.equals("exo_pair") || name.equals("robust") ? 0.1 : 0;
        RoundConfig.Dpo config = new RoundConfig.Dpo(
                1, RoundConfig.Dpo.DEFAULT.lora(), RoundConfig.Dpo.DEFAULT.training(), name, 0.1, smoothing);
        double expected = GoldenFiles.json("dpo", "losses").get(name).asDouble();

        Map<String, float[]> gradients = GoldenFiles.tensors("dpo", "gradients-" + name);
        GoldenFiles.assertLoss(expected, loss(config, rows(ONES, ONES), gradients, forward -> {}), 1e-5);
    }

    /** Losses that TRL does not have, or under another name, and what is added to one. */
    @ParameterizedTest
    @ValueSource(strings = {"cdpo", "simpo", "orpo", "margin", "sft_mix", "weights", "plackett_luce"})
    void everyOtherLossIsItsFormula(String name) throws Exception {
        JsonNode golden = GoldenFiles.json("formulas");
        boolean added = List.of("margin", "sft_mix", "weights").contains(name);
        RoundConfig.Dpo config = new RoundConfig.Dpo(
                1,
                RoundConfig.Dpo.DEFAULT.lora(),
                RoundConfig.Dpo.DEFAULT.training(),
                added ? "sigmoid" : name,
                golden.get("beta").asDouble(),
                name.equals("cdpo") ? golden.get("smoothing").asDouble() : 0,
                name.equals("margin") ? 0.4 : 0,
                name.equals("sft_mix") ? 0.3 : 0,
                false,
                1.0,
                1.0);
        double[] weights =
                name.equals("weights") ? GoldenFiles.doubles(golden.get("pairWeights")) : new double[] {1, 1, 1};
        List<TaskTokens> tasks = name.equals("plackett_luce")
                ? GoldenFiles.rankedTasks()
                : rows(weights, GoldenFiles.doubles(golden.get("margins")));
        double expected = golden.get(name).asDouble();

        double loss = loss(config, tasks, GoldenFiles.tensors("formulas", name), forward -> {});

        GoldenFiles.assertLoss(expected, loss, 1e-5);
    }

    @Test
    void ktoIsTrls() throws Exception {
        JsonNode golden = GoldenFiles.json("kto");
        List<TaskTokens> tasks = new ArrayList<>();
        Map<String, Sequence> mismatched = new HashMap<>();
        for (JsonNode row : golden.get("rows")) {
            String id = "task" + tasks.size();
            int[] prompt = GoldenFiles.ids(row.get("prompt"));
            tasks.add(new TaskTokens(
                    id,
                    prompt,
                    List.of(GoldenFiles.ids(row.get("completion"))),
                    List.of(),
                    List.of(),
                    new int[] {0},
                    new boolean[] {!row.get("desirable").asBoolean()}));
            mismatched.put(id, new Sequence(prompt, GoldenFiles.ids(row.get("mismatched"))));
        }
        RoundConfig.Dpo config = new RoundConfig.Dpo(
                1,
                RoundConfig.Dpo.DEFAULT.lora(),
                RoundConfig.Dpo.DEFAULT.training(),
                "kto",
                golden.get("beta").asDouble(),
                0,
                0.0,
                0.0,
                false,
                1.0,
                golden.get("undesirableWeight").asDouble());
        Objective objective = Objective.of(config);
        try (TinyRound round = new TinyRound();
                LoraAdapter fresh =
                        LoraAdapter.initialise(round.model, LoraConfig.onAllLinear(8, 16), new SplittableRandom(1));
                LoraAdapter adapter = adapter(round)) {
            // A fresh adapter changes nothing: the reference is the base.
            Mismatches mismatches = Mismatches.of(round.model, fresh, mismatched);
            double kl = mismatches.kl(round.model, adapter, tasks);
            assertEquals(golden.get("kl").asDouble(), kl, 1e-4);

            Map<String, float[]> reference = DpoTrainer.logProbabilities(round.model, Optional.empty(), tasks);
            try (TensorScope scope = new TensorScope();
                    GradientMode gradients = GradientMode.on()) {
                Objective.Forward forward =
                        DpoTrainer.forward(round.model, adapter, PairBatch.of(round.model, tasks), reference);
                NDArray loss = objective.loss(forward, objective.weight(tasks), kl);
                GradientMode.backward(loss);
                GoldenFiles.assertLoss(golden.get("loss").asDouble(), loss.getFloat(), 1e-5);
                GoldenFiles.assertGradients(GoldenFiles.tensors("kto", "gradients"), adapter.parameters(), 1e-4);
            }
        }
    }

    /** The golden rows, each a task of one pair. */
    private static List<TaskTokens> rows(double[] weights, double[] margins) throws Exception {
        List<TaskTokens> tasks = new ArrayList<>();
        for (JsonNode row : GoldenFiles.json("dpo").get("rows")) {
            tasks.add(new TaskTokens(
                    "task" + tasks.size(),
                    GoldenFiles.ids(row.get("prompt")),
                    List.of(GoldenFiles.ids(row.get("chosen")), GoldenFiles.ids(row.get("rejected"))),
                    List.of(new TaskTokens.Pair(0, 1, weights[tasks.size()], margins[tasks.size()]))));
        }
        return tasks;
    }

    /** The loss of tasks; fails unless its gradients are the expected ones. */
    private static double loss(
            RoundConfig.Dpo config,
            List<TaskTokens> tasks,
            Map<String, float[]> expectedGradients,
            Consumer<Objective.Forward> look) {
        Objective objective = Objective.of(config);
        try (TinyRound round = new TinyRound();
                LoraAdapter adapter = adapter(round)) {
            Map<String, float[]> reference = DpoTrainer.logProbabilities(round.model, Optional.empty(), tasks);
            try (TensorScope scope = new TensorScope();
                    GradientMode gradients = GradientMode.on()) {
                Objective.Forward forward =
                        DpoTrainer.forward(round.model, adapter, PairBatch.of(round.model, tasks), reference);
                NDArray loss = objective.loss(forward, objective.weight(tasks), 0);
                GradientMode.backward(loss);
                look.accept(forward);
                GoldenFiles.assertGradients(expectedGradients, adapter.parameters(), 1e-4);
                return loss.getFloat();
            }
        }
    }

    private static LoraAdapter adapter(TinyRound round) {
        LoraAdapter adapter =
                LoraAdapter.of(round.model, LoraConfig.onAllLinear(8, 16), GoldenFiles.tensors("dpo", "weights"));
        adapter.requireGradients(true);
        return adapter;
    }
}
