package dev.podium.rewardtrainer;

import java.util.Optional;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
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
        return new HealthCheckResponse(
                "round-commands",
                service.host().isReady() ? HealthCheckResponse.Status.UP : HealthCheckResponse.Status.DOWN,
                Optional.of(service.host().shown()));
    }
}
