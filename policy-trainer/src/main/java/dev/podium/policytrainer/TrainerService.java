package dev.podium.policytrainer;

import dev.podium.contracts.RoundKind;
import dev.podium.training.dpo.DpoTrainer;
import dev.podium.training.ppo.PpoTrainer;
import dev.podium.training.rollout.RolloutSettings;
import dev.podium.training.round.RoundRunnerConfig;
import dev.podium.training.round.TrainerHost;
import dev.podium.training.sample.SampleTrainer;
import dev.podium.training.sft.SftTrainer;
import io.micrometer.core.instrument.MeterRegistry;
import io.opentelemetry.api.trace.Tracer;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Clock;
import java.util.Map;
import org.eclipse.microprofile.config.Config;

/** Starts the trainer with the application, and stops it in good order. */
@ApplicationScoped
class TrainerService {
    private final TrainerHost host;

    TrainerService(Config config, MeterRegistry metrics, Tracer tracer) {
        this.host = new TrainerHost(
                name -> config.getOptionalValue(name, String.class),
                RoundRunnerConfig::policyTrainer,
                Map.of(
                        RoundKind.SAMPLE,
                                new SampleTrainer(
                                        Clock.systemUTC(),
                                        RolloutSettings.configured(
                                                name -> config.getOptionalValue(name, String.class))),
                        RoundKind.SFT, new SftTrainer(),
                        RoundKind.DPO, new DpoTrainer(),
                        RoundKind.PPO, new PpoTrainer()),
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
