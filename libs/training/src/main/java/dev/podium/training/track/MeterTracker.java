package dev.podium.training.track;

import dev.podium.contracts.RoundCommand;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The metrics of the round at work as gauges {@code podium.round.metric}, one per name; not a number when idle. */
public final class MeterTracker implements RoundTracker {
    private final MeterRegistry registry;
    private final Map<String, Double> latest = new ConcurrentHashMap<>();

    public MeterTracker(MeterRegistry registry) {
        this.registry = registry;
    }

    @Override
    public void started(
            RoundCommand.StartRound command, int resumedFromStep, int totalSteps, Map<String, Double> info) {
        latest.replaceAll((name, value) -> Double.NaN);
    }

    @Override
    public void progress(RoundCommand.StartRound command, int step, Map<String, Double> metrics) {
        metrics.forEach((name, value) -> {
            if (latest.put(name, value) == null) {
                Gauge.builder("podium.round.metric", latest, all -> all.getOrDefault(name, Double.NaN))
                        .description("A metric of the round at work, under TRL's name")
                        .tag("metric", name)
                        .register(registry);
            }
        });
    }

    @Override
    public void ended(RoundCommand.StartRound command, String outcome, Map<String, Double> metrics) {
        latest.replaceAll((name, value) -> Double.NaN);
    }
}
