package dev.podium.training.reward;

import java.util.LinkedHashMap;
import java.util.Map;

/** A step's rewards under TRL's names. */
final class RewardStatistics {
    private int pairs;
    private int correct;
    private double margins;
    private int outputs;
    private double sum;
    private double min = Double.POSITIVE_INFINITY;
    private double max = Double.NEGATIVE_INFINITY;

    void add(float[] rewards, float[] chosen, float[] rejected) {
        for (float reward : rewards) {
            outputs++;
            sum += reward;
            min = Math.min(min, reward);
            max = Math.max(max, reward);
        }
        for (int i = 0; i < chosen.length; i++) {
            pairs++;
            correct += chosen[i] > rejected[i] ? 1 : 0;
            margins += chosen[i] - rejected[i];
        }
    }

    Map<String, Double> metrics() {
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put("accuracy", (double) correct / Math.max(1, pairs));
        metrics.put("margin", margins / Math.max(1, pairs));
        metrics.put("min_reward", min);
        metrics.put("mean_reward", sum / Math.max(1, outputs));
        metrics.put("max_reward", max);
        return metrics;
    }
}
