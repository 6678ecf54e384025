package dev.podium.training.reward;

import ai.djl.ndarray.types.DataType;
import dev.podium.contracts.Evaluation;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.batch.MicroBatches;
import dev.podium.training.batch.PairBatch;
import dev.podium.training.batch.TaskTokens;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
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
 * @param reliability the ten bins behind the calibration error
 * @param byLabeler agreement with each labeler's own order; {@code byGroup} with the decided pairs of each group
 */
record RewardEvaluation(
        int pairs,
        double accuracy,
        double margin,
        double brierScore,
        double calibrationError,
        double rewardMean,
        double rewardDeviation,
        double lengthSlope,
        List<Evaluation.Bin> reliability,
        List<Evaluation.Share> byLabeler,
        List<Evaluation.Share> byGroup) {
    static final String ACCURACY = "heldout_accuracy_after";

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
        Shares labelers = new Shares();
        Shares groups = new Shares();
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
                        double difference = own[first + pair.chosen()] - own[first + pair.rejected()];
                        differences.add(difference);
                        groups.add(task.origin().group(), difference > 0);
                    }
                    for (TaskTokens.Opinion opinion : task.origin().opinions()) {
                        addOpinion(labelers, opinion, own, first);
                    }
                    first += task.completions().size();
                }
            }
        }
        return Optional.of(of(rewards, lengths, differences, labelers.rows(), groups.rows()));
    }

    /** Each strict preference of a labeler. */
    private static void addOpinion(Shares labelers, TaskTokens.Opinion opinion, double[] rewards, int first) {
        int[] ranks = opinion.ranks();
        for (int i = 0; i < ranks.length; i++) {
            for (int j = 0; j < ranks.length; j++) {
                if (ranks[i] > 0 && ranks[i] < ranks[j]) {
                    labelers.add(opinion.labelerId(), rewards[first + i] > rewards[first + j]);
                }
            }
        }
    }

    /** Pairs and right ones by name. */
    private static final class Shares {
        private final Map<String, int[]> byName = new TreeMap<>();

        void add(String name, boolean right) {
            int[] counts = byName.computeIfAbsent(name, n -> new int[2]);
            counts[0]++;
            counts[1] += right ? 1 : 0;
        }

        /** The largest first; what is over the limit in one row. */
        List<Evaluation.Share> rows() {
            List<Evaluation.Share> rows = new ArrayList<>();
            int[] others = new int[2];
            List<Map.Entry<String, int[]>> sorted = new ArrayList<>(byName.entrySet());
            sorted.sort(Comparator.comparingInt(entry -> -entry.getValue()[0]));
            boolean all = sorted.size() <= Evaluation.MOST_ROWS;
            for (Map.Entry<String, int[]> entry : sorted) {
                int[] counts = entry.getValue();
                if (all || rows.size() < Evaluation.MOST_ROWS - 1) {
                    rows.add(new Evaluation.Share(entry.getKey(), counts[0], (double) counts[1] / counts[0]));
                } else {
                    others[0] += counts[0];
                    others[1] += counts[1];
                }
            }
            if (!all) {
                rows.add(new Evaluation.Share(Evaluation.OTHERS, others[0], (double) others[1] / others[0]));
            }
            return rows;
        }
    }

    static RewardEvaluation of(
            List<Double> rewards,
            List<Integer> lengths,
            List<Double> differences,
            List<Evaluation.Share> byLabeler,
            List<Evaluation.Share> byGroup) {
        int n = differences.size();
        double correct = 0;
        double margin = 0;
        double brier = 0;
        double[] binConfidence = new double[BINS];
        double[] binCorrect = new double[BINS];
        int[] binPairs = new int[BINS];
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
            binPairs[bin]++;
        }
        double calibrationError = 0;
        List<Evaluation.Bin> reliability = new ArrayList<>();
        for (int i = 0; i < BINS; i++) {
            calibrationError += Math.abs(binConfidence[i] - binCorrect[i]) / n;
            int pairs = Math.max(1, binPairs[i]);
            reliability.add(new Evaluation.Bin(
                    edge(i), edge(i + 1), binPairs[i], binConfidence[i] / pairs, binCorrect[i] / pairs));
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
        return new RewardEvaluation(
                n,
                correct / n,
                margin / n,
                brier / n,
                calibrationError,
                mean,
                deviation,
                slope,
                reliability,
                byLabeler,
                byGroup);
    }

    private static double edge(int bin) {
        return (BINS + bin) / (2.0 * BINS);
    }

    /** The tables, with a verdict. */
    Evaluation tables(Optional<Evaluation.Verdict> verdict) {
        return new Evaluation(verdict, reliability, byLabeler, byGroup);
    }

    Map<String, Double> metrics() {
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put(ACCURACY, accuracy);
        metrics.put("heldout_margin", margin);
        metrics.put("heldout_brier", brierScore);
        metrics.put("heldout_ece", calibrationError);
        metrics.put("reward_length_slope", lengthSlope);
        return metrics;
    }
}
