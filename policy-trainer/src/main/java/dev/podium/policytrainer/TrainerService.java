package dev.podium.policytrainer;

import dev.podium.contracts.KafkaSettings;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.Topics;
import dev.podium.training.dpo.DpoTrainer;
import dev.podium.training.ppo.PpoTrainer;
import dev.podium.training.round.RoundRunner;
import dev.podium.training.round.RoundRunnerConfig;
import dev.podium.training.round.TorchBaseModels;
import dev.podium.training.round.Trainer;
import dev.podium.training.sample.SampleTrainer;
import dev.podium.training.sft.SftTrainer;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.KafkaException;
import org.eclipse.microprofile.config.Config;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** Starts the trainer as soon as Kafka answers, and stops it in good order. */
@ApplicationScoped
class TrainerService {
    private static final Logger LOG = Logger.getLogger(TrainerService.class);
    private static final Duration RETRY_PAUSE = Duration.ofSeconds(2);

    private final Config config;
    private final MeterRegistry metrics;
    private final CountDownLatch stop = new CountDownLatch(1);
    private volatile @Nullable RoundRunner runner;
    private volatile String problem = "waiting for Kafka";

    TrainerService(Config config, MeterRegistry metrics) {
        this.config = config;
        this.metrics = metrics;
    }

    void start(@Observes StartupEvent event) {
        Thread.ofPlatform().daemon().name("trainer-start").start(this::startWhenKafkaAnswers);
    }

    void stop(@Observes ShutdownEvent event) {
        stop.countDown();
        RoundRunner started = runner;
        if (started != null) {
            started.close();
        }
    }

    /** What is at work. */
    Optional<RoundRunner> runner() {
        return Optional.ofNullable(runner);
    }

    /** Why there is no runner. */
    String problem() {
        return problem;
    }

    private void startWhenKafkaAnswers() {
        Map<String, Object> kafka = KafkaSettings.from(name -> config.getOptionalValue(name, String.class));
        while (stop.getCount() > 0) {
            try (Admin admin = Admin.create(kafka)) {
                Topics.createMissing(
                        admin,
                        config.getValue("podium.topics.partitions", Integer.class),
                        config.getValue("podium.topics.replication", Short.class));
                RoundRunner started = RoundRunner.start(runnerConfig(kafka), trainers(), models());
                watch(started);
                runner = started;
                if (stop.getCount() == 0) {
                    started.close();
                }
                return;
            } catch (ExecutionException | KafkaException | IOException e) {
                problem = e.toString();
                LOG.warnf("not started yet, trying again: %s", problem);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
            pause();
        }
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

    private RoundRunnerConfig runnerConfig(Map<String, Object> kafka) {
        return RoundRunnerConfig.policyTrainer(kafka, Path.of(config.getValue("podium.work.dir", String.class)));
    }

    private static Map<RoundKind, Trainer> trainers() {
        return Map.of(
                RoundKind.SAMPLE, new SampleTrainer(Clock.systemUTC()),
                RoundKind.SFT, new SftTrainer(),
                RoundKind.DPO, new DpoTrainer(),
                RoundKind.PPO, new PpoTrainer());
    }

    private TorchBaseModels models() {
        return new TorchBaseModels(
                Path.of(config.getValue("podium.models.dir", String.class)),
                config.getValue("podium.device", String.class),
                config.getValue("podium.threads", Integer.class));
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
}
