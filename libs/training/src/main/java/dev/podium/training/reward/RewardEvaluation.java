package dev.podium.training.reward;

import ai.djl.ndarray.types.DataType;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.batch.MicroBatches;
import dev.podium.training.batch.PairBatch;
import dev.podium.training.batch.TaskTokens;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * How a reward model does on tasks, which it should not have seen.
 *
 * @param accuracy share of pairs whose chosen output has the strictly higher reward
 * @param margin mean of r_c - r_r
 * @param brierScore mean of (1 - P(chosen))^2, P = 1 / (1 + e^-(r_c - r_r))
 * @param calibrationError expected calibration error of P over ten bins of its confidence
 * @param rewardMean of all outputs, raw
 * @param rewardDeviation of all outputs, raw, unbiased
 * @param lengthSlope least-squares slope of the normalised reward against the completion's tokens, per 100 tokens
 */
record RewardEvaluation(
        int pairs,
        double accuracy,
        double margin,
        double brierScore,
        double calibrationError,
        double rewardMean,
        double rewardDeviation,
        double lengthSlope) {
    private static final int BINS = 10;

    /** Of one model by its raw rewards; empty where there are no tasks. */
    static Optional<RewardEvaluation> of(RewardModel model, List<TaskTokens> tasks) {
        return of(
                model.base(),
                tasks,
                rows -> model.raw(rows).toType(DataType.FLOAT64, false).toDoubleArray());
    }

    /** Of an ensemble by the mean of its members' normalised rewards; empty where there are no tasks. */
    static Optional<RewardEvaluation> of(RewardEnsemble ensemble, List<TaskTokens> tasks) {
        RewardModel first = ensemble.first();
        return of(
                first.base(),
                tasks,
                rows -> ensemble.judge(rows, rows.states(first.base(), Optional.of(first.adapter())))
                        .mean());
    }

    private static Optional<RewardEvaluation> of(
            CausalLM base, List<TaskTokens> tasks, Function<TokenBatch, double[]> rewardsOf) {
        if (tasks.isEmpty()) {
            return Optional.empty();
        }
        List<Double> rewards = new ArrayList<>();
        List<Integer> lengths = new ArrayList<>();
        List<Double> differences = new ArrayList<>();
        for (List<TaskTokens> part : MicroBatches.ofTasks(tasks, MicroBatches.tokens(base.config()))) {
            try (TensorScope scope = new TensorScope();
                    GradientMode gradients = GradientMode.off()) {
                double[] own = rewardsOf.apply(PairBatch.of(base, part).outputs());
                int first = 0;
                for (TaskTokens task : part) {
                    for (int i = 0; i < task.completions().size(); i++) {
                        rewards.add(own[first + i]);
                        lengths.add(task.completions().get(i).length);
                    }
                    for (TaskTokens.Pair pair : task.pairs()) {
                        differences.add(own[first + pair.chosen()] - own[first + pair.rejected()]);
                    }
                    first += task.completions().size();
                }
            }
        }
        return Optional.of(of(rewards, lengths, differences));
    }

    static RewardEvaluation of(List<Double> rewards, List<Integer> lengths, List<Double> differences) {
        int n = differences.size();
        double correct = 0;
        double margin = 0;
        double brier = 0;
        double[] binConfidence = new double[BINS];
        double[] binCorrect = new double[BINS];
        for (double difference : differences) {
            double probability = 1 / (1 + Math.exp(-difference));
            correct += difference > 0 ? 1 : 0;
            margin += difference;
            brier += (1 - probability) * (1 - probability);
            // The model's claim is the side it favours; confidence in [0.5, 1].
            double confidence = Math.max(probability, 1 - probability);
            int bin = (int) Math.min(BINS - 1, (confidence - 0.5) * 2 * BINS);
            binConfidence[bin] += confidence;
            binCorrect[bin] += difference > 0 ? 1 : 0;
        }
        double calibrationError = 0;
        for (int i = 0; i < BINS; i++) {
            calibrationError += Math.abs(binConfidence[i] - binCorrect[i]) / n;
        }
        double mean = rewards.stream().mapToDouble(r -> r).average().orElse(0);
        double squares =
                rewards.stream().mapToDouble(r -> (r - mean) * (r - mean)).sum();
        double deviation = rewards.size() < 2 ? 0 : Math.sqrt(squares / (rewards.size() - 1));
        double meanLength = lengths.stream().mapToInt(l -> l).average().orElse(0);
        double covariance = 0;
        double variance = 0;
        for (int i = 0; i < rewards.size(); i++) {
            double length = lengths.get(i) - meanLength;
            covariance += length * (rewards.get(i) - mean);
            variance += length * length;
        }
        double slope = variance == 0 || deviation == 0 ? 0 : 100 * covariance / variance / deviation;
        return new RewardEvaluation(n, correct / n, margin / n, brier / n, calibrationError, mean, deviation, slope);
    }

    Map<String, Double> metrics() {
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put("heldout_accuracy_after", accuracy);
        metrics.put("heldout_margin", margin);
        metrics.put("heldout_brier", brierScore);
        metrics.put("heldout_ece", calibrationError);
        metrics.put("reward_length_slope", lengthSlope);
        return metrics;
    }
}
