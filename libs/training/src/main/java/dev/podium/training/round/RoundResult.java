package dev.podium.training.round;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.RoundConfig;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * What a round made.
 *
 * @param adapter absent for SAMPLE
 * @param metrics held-out evaluation and totals, all finite
 */
public record RoundResult(Optional<TrainedAdapter> adapter, Map<String, Double> metrics) {
    public RoundResult {
        metrics = Map.copyOf(metrics);
    }

    /**
     * An adapter to publish.
     *
     * @param folder PEFT files, written whole
     * @param lora its shape as written
     * @param rewardGain normalised reward = gain * raw + bias (REWARD only)
     */
    public record TrainedAdapter(
            Path folder,
            AdapterManifest.Kind kind,
            RoundConfig.Lora lora,
            Optional<Double> rewardGain,
            Optional<Double> rewardBias) {}
}
