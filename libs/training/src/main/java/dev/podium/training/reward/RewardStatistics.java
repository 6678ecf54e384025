package dev.podium.training.reward;

import dev.podium.training.batch.TaskTokens;
import java.util.LinkedHashMap;
import java.util.List;
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

    /** @param rewards of the tasks' outputs, in order */
    void add(float[] rewards, List<TaskTokens> tasks) {
        for (float reward : rewards) {
            outputs++;
            sum += reward;
            min = Math.min(min, reward);
            max = Math.max(max, reward);
        }
        int first = 0;
        for (TaskTokens task : tasks) {
            for (TaskTokens.Pair pair : task.pairs()) {
                double difference = (double) rewards[first + pair.chosen()] - rewards[first + pair.rejected()];
                pairs++;
                correct += difference > 0 ? 1 : 0;
                margins += difference;
            }
            first += task.completions().size();
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
