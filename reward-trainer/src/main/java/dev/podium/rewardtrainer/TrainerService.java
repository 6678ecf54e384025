package dev.podium.rewardtrainer;

import dev.podium.contracts.RoundKind;
import dev.podium.training.reward.RewardTrainer;
import dev.podium.training.round.RoundRunnerConfig;
import dev.podium.training.round.TrainerHost;
import io.micrometer.core.instrument.MeterRegistry;
import io.opentelemetry.api.trace.Tracer;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.util.Map;
import org.eclipse.microprofile.config.Config;

/** Starts the trainer with the application, and stops it in good order. */
@ApplicationScoped
class TrainerService {
    private final TrainerHost host;

    TrainerService(Config config, MeterRegistry metrics, Tracer tracer) {
        this.host = new TrainerHost(
                name -> config.getOptionalValue(name, String.class),
                RoundRunnerConfig::rewardTrainer,
                Map.of(RoundKind.REWARD, new RewardTrainer()),
                metrics,
                tracer,
                Quarkus::asyncExit);
    }

    void start(@Observes StartupEvent event) {
        host.start();
    }

    void stop(@Observes ShutdownEvent event) {
        host.close();
    }

    /** What is at work, or why there is nothing. */
    TrainerHost host() {
        return host;
    }
}
