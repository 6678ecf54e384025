package dev.podium.rewardtrainer;

import dev.podium.training.round.RoundRunner;
import java.util.Optional;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.HealthCheckResponseBuilder;
import org.eclipse.microprofile.health.Readiness;

/** Ready means: round commands reach this trainer. What it works on is shown beside it. */
@Readiness
class TrainerReadiness implements HealthCheck {
    private final TrainerService service;

    TrainerReadiness(TrainerService service) {
        this.service = service;
    }

    @Override
    public HealthCheckResponse call() {
        HealthCheckResponseBuilder answer = HealthCheckResponse.named("round-commands");
        Optional<RoundRunner> runner = service.host().runner();
        if (runner.isEmpty()) {
            return answer.down().withData("problem", service.host().problem()).build();
        }
        answer.status(runner.get().isReady()).withData("waiting", runner.get().waiting());
        runner.get()
                .status()
                .ifPresent(status -> answer.withData("round", status.roundId())
                        .withData("kind", status.kind().name())
                        .withData("step", status.step())
                        .withData("totalSteps", status.totalSteps()));
        return answer.build();
    }
}
