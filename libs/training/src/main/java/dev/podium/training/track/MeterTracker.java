package dev.podium.training.track;

import dev.podium.contracts.RoundCommand;
import dev.podium.training.round.Guard;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The metrics of the round at work as gauges {@code podium.round.metric}, one per name, not a number when idle; and how
 * often each guard has acted in this process, as counters {@code podium.guard.actions}, there from the start.
 */
public final class MeterTracker implements RoundTracker {
    private final MeterRegistry registry;
    private final Map<String, Double> latest = new ConcurrentHashMap<>();
    private final Map<Guard, Counter> actions = new EnumMap<>(Guard.class);

    public MeterTracker(MeterRegistry registry) {
        this.registry = registry;
        for (Guard guard : Guard.values()) {
            actions.put(
                    guard,
                    Counter.builder("podium.guard.actions")
                            .description("How often a guard has acted in rounds of this trainer")
                            .tag("guard", guard.label())
                            .register(registry));
        }
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
    public void guarded(RoundCommand.StartRound command, Guard guard) {
        Objects.requireNonNull(actions.get(guard)).increment();
    }

    @Override
    public void ended(RoundCommand.StartRound command, String outcome, Map<String, Double> metrics) {
        latest.replaceAll((name, value) -> Double.NaN);
    }
}
