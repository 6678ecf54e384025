package dev.podium.training.round;

import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.SampleSet;
import dev.podium.training.loop.StepReporter;
import dev.podium.training.publish.RoundEvents;
import dev.podium.training.track.RoundTracker;
import java.time.Clock;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Turns what a trainer tells into round events and, now and then, a line for the person on call. */
final class EventReporter implements RoundReporter {
    private static final Logger LOG = LoggerFactory.getLogger(EventReporter.class);
    private static final long LINE_EVERY_NANOS = Duration.ofSeconds(10).toNanos();

    private final RoundTicket ticket;
    private final RoundCommand.StartRound command;
    private final RoundEvents events;
    private final Map<String, Double> dataInfo;
    private final Attempts attempts;
    private final Clock clock;
    private final RoundTracker tracker;
    private final IntConsumer checkpoint;
    private volatile int step;
    private volatile int totalSteps;
    private long lineNanos = System.nanoTime() - LINE_EVERY_NANOS;

    /**
     * @param dataInfo what the runner knows of the data; what the trainer tells goes before it
     * @param checkpoint is told the step of each checkpoint that is safe on disk
     */
    EventReporter(
            RoundTicket ticket,
            RoundEvents events,
            Map<String, Double> dataInfo,
            Attempts attempts,
            Clock clock,
            RoundTracker tracker,
            IntConsumer checkpoint) {
        this.ticket = ticket;
        this.command = ticket.command();
        this.events = events;
        this.dataInfo = dataInfo;
        this.attempts = attempts;
        this.clock = clock;
        this.tracker = tracker;
        this.checkpoint = checkpoint;
    }

    int step() {
        return step;
    }

    int totalSteps() {
        return totalSteps;
    }

    @Override
    public void started(Map<String, Double> info, int resumedFromStep, int totalSteps) {
        this.step = resumedFromStep;
        this.totalSteps = totalSteps;
        Map<String, Double> all = new TreeMap<>(dataInfo);
        all.putAll(StepReporter.finite(info));
        if (resumedFromStep > 0) {
            LOG.info(
                    "round {}: {} goes on from its checkpoint at step {} of {}",
                    command.roundId(),
                    command.kind(),
                    resumedFromStep,
                    totalSteps);
        }
        RoundEvent started = new RoundEvent.Started(
                command.roundId(), command.projectId(), resumedFromStep, totalSteps, all, clock.instant());
        if (!events.tellSurely(started, ticket::mustStop)) {
            LOG.warn("round {}: its start was not stored, the round is being stopped", command.roundId());
        }
        tracker.started(command, resumedFromStep, totalSteps, all);
    }

    @Override
    public void progress(int step, int totalSteps, Map<String, Double> metrics, double etaSeconds) {
        this.step = step;
        this.totalSteps = totalSteps;
        double eta = Double.isFinite(etaSeconds) ? Math.max(0, etaSeconds) : 0;
        Map<String, Double> finite = StepReporter.finite(metrics);
        if (System.nanoTime() - lineNanos >= LINE_EVERY_NANOS || step == totalSteps) {
            lineNanos = System.nanoTime();
            LOG.info(
                    "round {}: {} step {}/{} ({}%), {} left; {}",
                    command.roundId(),
                    command.kind(),
                    step,
                    totalSteps,
                    totalSteps == 0 ? 100 : 100L * step / totalSteps,
                    words(eta),
                    rounded(finite));
        }
        events.tell(new RoundEvent.Progress(
                command.roundId(), command.projectId(), step, totalSteps, finite, eta, clock.instant()));
        tracker.progress(command, step, finite);
    }

    @Override
    public void checkpointed(int step) {
        attempts.forgive();
        checkpoint.accept(step);
        LOG.debug("round {}: checkpoint at step {}", command.roundId(), step);
        events.tell(new RoundEvent.Checkpointed(command.roundId(), command.projectId(), step, clock.instant()));
    }

    @Override
    public void guarded(Guard guard) {
        tracker.guarded(command, guard);
    }

    /** Returns when the set is stored: a checkpoint that follows may count on it. */
    @Override
    public void sample(SampleSet set) {
        boolean stored = events.sample(set, ticket::mustStop);
        if (!stored) {
            LOG.warn("round {}: sample {} was not stored, the round is being stopped", set.roundId(), set.index());
        }
    }

    private static String rounded(Map<String, Double> metrics) {
        StringBuilder line = new StringBuilder();
        new TreeMap<>(metrics)
                .forEach((name, value) -> line.append(line.isEmpty() ? "" : ", ")
                        .append(name)
                        .append(' ')
                        .append(String.format(Locale.ROOT, "%.4g", value)));
        return line.toString();
    }

    private static String words(double seconds) {
        long whole = Math.round(seconds);
        return whole < 60
                ? whole + " s"
                : whole < 3600
                        ? whole / 60 + " min " + whole % 60 + " s"
                        : whole / 3600 + " h " + whole % 3600 / 60 + " min";
    }
}
