package dev.podium.training.loop;

import dev.podium.training.round.RoundReporter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells of steps: the first, the last, and between them at most about two per second, with the time left. */
public final class StepReporter {
    private static final Logger LOG = LoggerFactory.getLogger(StepReporter.class);
    private static final long INTERVAL_NANOS = 450_000_000L;

    private final RoundReporter reporter;
    private final int firstStep;
    private final int totalSteps;
    private final LongSupplier nanoTime;
    private final long startNanos;
    private long lastNanos;
    private final Map<String, Double> untold = new LinkedHashMap<>();

    /** @param firstStep steps done before this process took over */
    public StepReporter(RoundReporter reporter, int firstStep, int totalSteps, LongSupplier nanoTime) {
        this.reporter = reporter;
        this.firstStep = firstStep;
        this.totalSteps = totalSteps;
        this.nanoTime = nanoTime;
        this.startNanos = nanoTime.getAsLong();
        this.lastNanos = startNanos - INTERVAL_NANOS;
    }

    /**
     * A step is done.
     *
     * @param done steps done so far, from 1
     * @param metrics of the step; what is not finite is left out, as JSON has no word for it. What only some steps measure
     *     and the step that is told does not comes from the newest one since the last that was told.
     */
    public void step(int done, Map<String, Double> metrics) {
        long now = nanoTime.getAsLong();
        if (done > firstStep + 1 && done < totalSteps && now - lastNanos < INTERVAL_NANOS) {
            untold.putAll(finite(metrics));
            return;
        }
        lastNanos = now;
        double secondsPerStep = (now - startNanos) / 1e9 / Math.max(1, done - firstStep);
        double etaSeconds = secondsPerStep * (totalSteps - done);
        Map<String, Double> finite = finite(metrics);
        // Not in place of a number that is not finite: it is of another step.
        untold.keySet().removeAll(metrics.keySet());
        finite.putAll(untold);
        untold.clear();
        LOG.debug("step {}/{} {}", done, totalSteps, finite);
        reporter.progress(done, totalSteps, finite, etaSeconds);
    }

    /** The metrics that are numbers: JSON has no word for others. */
    public static Map<String, Double> finite(Map<String, Double> metrics) {
        Map<String, Double> finite = new LinkedHashMap<>(metrics);
        finite.values().removeIf(value -> !Double.isFinite(value));
        return finite;
    }
}
