package dev.podium.training.dpo;

import dev.podium.training.loss.PairLogProbabilities;
import java.util.LinkedHashMap;
import java.util.Map;

/** Means over the pairs of a batch, under TRL's names. */
final class PairStatistics {
    private final double beta;
    private int pairs;
    private int correct;
    private double chosenRewards;
    private double rejectedRewards;
    private double chosenLogProbabilities;
    private double rejectedLogProbabilities;
    private double entropy;
    private int tokens;

    PairStatistics(double beta) {
        this.beta = beta;
    }

    void add(Objective.Forward forward) {
        if (forward.batch().pairs() > 0) {
            add(forward.pairs());
        }
    }

    private void add(PairLogProbabilities p) {
        float[] chosen = p.chosen().toFloatArray();
        float[] rejected = p.rejected().toFloatArray();
        float[] chosenRatios = p.chosenLogRatio().toFloatArray();
        float[] rejectedRatios = p.rejectedLogRatio().toFloatArray();
        pairs += chosen.length;
        for (int i = 0; i < chosen.length; i++) {
            correct += chosenRatios[i] > rejectedRatios[i] ? 1 : 0;
            chosenRewards += beta * chosenRatios[i];
            rejectedRewards += beta * rejectedRatios[i];
            chosenLogProbabilities += chosen[i];
            rejectedLogProbabilities += rejected[i];
        }
    }

    /** @param nats of the policy at each completion token of a part */
    void addEntropies(float[] nats) {
        for (float each : nats) {
            entropy += each;
        }
        tokens += nats.length;
    }

    Map<String, Double> metrics() {
        Map<String, Double> metrics = new LinkedHashMap<>();
        double n = Math.max(1, pairs);
        metrics.put("rewards/chosen", chosenRewards / n);
        metrics.put("rewards/rejected", rejectedRewards / n);
        metrics.put("rewards/accuracies", correct / n);
        metrics.put("rewards/margins", (chosenRewards - rejectedRewards) / n);
        metrics.put("logps/chosen", chosenLogProbabilities / n);
        metrics.put("logps/rejected", rejectedLogProbabilities / n);
        if (tokens > 0) {
            metrics.put("entropy", entropy / tokens);
        }
        return metrics;
    }
}
