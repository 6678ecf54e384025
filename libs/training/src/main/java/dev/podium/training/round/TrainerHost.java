package dev.podium.training.round;

import dev.podium.contracts.KafkaSettings;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.Topics;
import dev.podium.contracts.adapter.ArtifactStore;
import dev.podium.contracts.process.ParentWatch;
import dev.podium.training.publish.Publishing;
import dev.podium.training.track.MeterTracker;
import dev.podium.training.track.SpanTracker;
import dev.podium.training.track.Trackers;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.opentelemetry.api.trace.Tracer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.IntConsumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a trainer's application starts and stops: a {@link RoundRunner} as soon as Kafka answers, with its gauges and its
 * trackers.
 */
public final class TrainerHost implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TrainerHost.class);
    private static final Duration RETRY_PAUSE = Duration.ofSeconds(2);

    private final Function<String, Optional<String>> settings;
    private final BiFunction<Map<String, Object>, Path, RoundRunnerConfig> place;
    private final Map<RoundKind, Trainer> trainers;
    private final MeterRegistry metrics;
    private final Tracer tracer;
    private final IntConsumer exit;
    private final CountDownLatch stop = new CountDownLatch(1);
    private volatile @Nullable RoundRunner runner;
    private volatile @Nullable Trackers trackers;
    private volatile Optional<ArtifactStore> store = Optional.empty();
    private volatile String problem = "waiting for Kafka";

    /**
     * @param settings value of a name, where it is set: {@code podium.work.dir}, {@code podium.models.dir}, {@code
     *     podium.device}, {@code podium.threads}, {@code podium.topics.*}, {@code podium.tracking.*}, {@code
     *     podium.signing.key.file}, {@code podium.trusted.keys.file}, {@code podium.store.*}, {@code
     *     podium.parent.watch}, {@code kafka.*}
     * @param place the trainer's place in the log, from Kafka's settings and the work folder
     * @param exit ends the process with a status: 1 to be started again, see {@link RoundRunner#start}; 0 with its parent
     */
    public TrainerHost(
            Function<String, Optional<String>> settings,
            BiFunction<Map<String, Object>, Path, RoundRunnerConfig> place,
            Map<RoundKind, Trainer> trainers,
            MeterRegistry metrics,
            Tracer tracer,
            IntConsumer exit) {
        this.settings = settings;
        this.place = place;
        this.trainers = Map.copyOf(trainers);
        this.metrics = metrics;
        this.tracer = tracer;
        this.exit = exit;
    }

    /** Returns at once; a thread of its own waits for Kafka. */
    public void start() {
        Thread.ofPlatform()
                .daemon()
                .name("trainer-start")
                .uncaughtExceptionHandler(RoundRunner.endingWith(this::endBroken))
                .start(this::startWhenKafkaAnswers);
        if (settings.apply(ParentWatch.SETTING).map(Boolean::parseBoolean).orElse(false)) {
            ParentWatch.start(() -> exit.accept(0));
        }
    }

    private void endBroken() {
        exit.accept(1);
    }

    /** Whether round commands reach this trainer. */
    public boolean isReady() {
        RoundRunner started = runner;
        return started != null && started.isReady();
    }

    /** What it works on, or why it does not yet. */
    public Map<String, Object> shown() {
        RoundRunner started = runner;
        if (started == null) {
            return Map.of("problem", problem);
        }
        Map<String, Object> shown = new LinkedHashMap<>();
        shown.put("waiting", (long) started.waiting());
        started.status().ifPresent(status -> {
            shown.put("round", status.roundId());
            shown.put("kind", status.kind().name());
            shown.put("step", (long) status.step());
            shown.put("totalSteps", (long) status.totalSteps());
        });
        return shown;
    }

    private void startWhenKafkaAnswers() {
        Map<String, Object> kafka = KafkaSettings.from(settings);
        RoundRunnerConfig config;
        TorchBaseModels models;
        int partitions;
        short replication;
        try {
            // All of it, before anything is waited for: no waiting mends a setting.
            partitions = Integer.parseInt(setting("podium.topics.partitions"));
            replication = Short.parseShort(setting("podium.topics.replication"));
            models = models();
            RoundRunnerConfig untracked = place.apply(kafka, Path.of(setting("podium.work.dir")));
            Trackers configured = Trackers.configured(
                    settings, new MeterTracker(metrics), new SpanTracker(tracer, untracked.traces()));
            trackers = configured;
            Publishing publishing = Publishing.configured(settings);
            store = publishing.store();
            config = untracked.trackedBy(configured).publishing(publishing);
        } catch (IllegalArgumentException | IOException e) {
            problem = "not started, and not trying again: " + e.getMessage();
            LOG.error(problem);
            return;
        }
        while (stop.getCount() > 0) {
            try (Admin admin = Admin.create(kafka)) {
                Topics.createMissing(admin, partitions, replication);
                RoundRunner started = RoundRunner.start(config, trainers, models, this::endBroken);
                watch(started);
                runner = started;
                if (stop.getCount() == 0) {
                    started.close();
                }
                return;
            } catch (ExecutionException | KafkaException | IOException e) {
                problem = e.toString();
                LOG.warn("not started yet, trying again: {}", problem);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
            pause();
        }
    }

    private String setting(String name) {
        return settings.apply(name).orElseThrow(() -> new IllegalArgumentException(name + " is not set"));
    }

    private void pause() {
        try {
            if (stop.await(RETRY_PAUSE.toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.debug("stopped before the start");
            }
        } catch (InterruptedException e) {
            stop.countDown();
        }
    }

    private TorchBaseModels models() {
        return new TorchBaseModels(
                Path.of(setting("podium.models.dir")),
                setting("podium.device"),
                Integer.parseInt(setting("podium.threads")));
    }

    private void watch(RoundRunner started) {
        Gauge.builder("podium.rounds.waiting", started, RoundRunner::waiting)
                .description("Rounds that wait for the one at work")
                .register(metrics);
        Gauge.builder(
                        "podium.round.step",
                        started,
                        r -> r.status().map(RoundRunner.Status::step).orElse(0))
                .description("Step of the round at work; 0 when idle")
                .register(metrics);
        Gauge.builder(
                        "podium.round.total.steps",
                        started,
                        r -> r.status().map(RoundRunner.Status::totalSteps).orElse(0))
                .description("Steps of the round at work; 0 when idle")
                .register(metrics);
        for (String outcome : started.ended().keySet()) {
            FunctionCounter.builder(
                            "podium.rounds.ended", started, r -> r.ended().getOrDefault(outcome, 0L))
                    .description("Rounds that left this trainer")
                    .tag("outcome", outcome)
                    .register(metrics);
        }
    }

    /** Stops the round at work at its next step; it goes on from its checkpoint when a trainer starts again. */
    @Override
    public void close() {
        stop.countDown();
        RoundRunner started = runner;
        if (started != null) {
            started.close();
        }
        Trackers told = trackers;
        if (told != null) {
            told.close();
        }
        store.ifPresent(ArtifactStore::close);
    }
}
