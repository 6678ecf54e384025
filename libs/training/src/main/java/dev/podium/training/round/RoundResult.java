package dev.podium.training.round;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.Evaluation;
import dev.podium.contracts.RoundConfig;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a round made.
 *
 * @param adapter absent for SAMPLE
 * @param metrics held-out evaluation and totals, all finite
 * @param usedTasks tasks whose preference sets were learnt from or judged by, where that is not all of them
 * @param evaluation the verdict on what was made, and the tables behind the metrics; without a verdict it is published
 */
public record RoundResult(
        Optional<TrainedAdapter> adapter,
        Map<String, Double> metrics,
        Optional<Set<String>> usedTasks,
        Optional<Evaluation> evaluation) {
    public RoundResult {
        metrics = Map.copyOf(metrics);
        usedTasks = usedTasks.map(Set::copyOf);
    }

    /** A result for which all sets that were read were used. */
    public RoundResult(Optional<TrainedAdapter> adapter, Map<String, Double> metrics) {
        this(adapter, metrics, Optional.empty());
    }

    /** A result that nothing is said of but its metrics. */
    public RoundResult(Optional<TrainedAdapter> adapter, Map<String, Double> metrics, Optional<Set<String>> usedTasks) {
        this(adapter, metrics, usedTasks, Optional.empty());
    }

    /**
     * An adapter, or a whole model, to publish.
     *
     * @param folder PEFT files (of a model Hugging Face's), written whole
     * @param lora its shape as written; empty for a model
     * @param rewardGain normalised reward = gain * raw + bias (REWARD only)
     */
    public record TrainedAdapter(
            Path folder,
            AdapterManifest.Kind kind,
            Optional<RoundConfig.Lora> lora,
            Optional<Double> rewardGain,
            Optional<Double> rewardBias) {}
}
