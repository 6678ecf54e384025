package dev.podium.feedback.round;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.RoundEvent;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A round as the operator sees it.
 *
 * @param state REQUESTED, ACCEPTED, RUNNING, SUCCEEDED, FAILED or CANCELLED
 * @param metrics of the latest step; of the whole round when it has ended
 * @param info counts and sizes known at the start
 */
public record RoundView(
        String id,
        String projectId,
        String kind,
        String version,
        String state,
        int step,
        int totalSteps,
        @Nullable Double etaSeconds,
        Map<String, Double> metrics,
        Map<String, Double> info,
        @Nullable Problem error,
        JsonNode config,
        @Nullable String initialAdapter,
        @Nullable String rewardAdapter,
        String requestedBy,
        Instant requestedAt,
        @Nullable Instant endedAt) {
    /** Why a round failed. */
    public record Problem(String code, String message) {}

    static RoundView of(RoundRow row, JsonNode config, Fold fold) {
        return new RoundView(
                row.id,
                row.projectId,
                row.kind,
                row.version,
                fold.state,
                fold.step,
                fold.totalSteps,
                fold.etaSeconds,
                Collections.unmodifiableMap(new LinkedHashMap<>(fold.metrics)),
                fold.info,
                fold.error,
                config,
                row.initialAdapter,
                row.rewardAdapter,
                row.requestedBy,
                row.requestedAt,
                fold.endedAt);
    }

    /** A round's events so far, folded in their order. */
    static final class Fold {
        private long nextOffset;
        private String state = "REQUESTED";
        private int step;
        private int totalSteps;
        private @Nullable Double etaSeconds;
        private final Map<String, Double> metrics = new LinkedHashMap<>();
        private Map<String, Double> info = Map.of();
        private @Nullable Problem error;
        private @Nullable Instant endedAt;

        /** Where the events begin that are not in yet. */
        long nextOffset() {
            return nextOffset;
        }

        /** Whether nothing can change any more. */
        boolean ended() {
            return endedAt != null;
        }

        void add(long offset, RoundEvent event) {
            nextOffset = offset + 1;
            if (endedAt != null) {
                return;
            }
            switch (event) {
                case RoundEvent.Accepted accepted -> state = "ACCEPTED";
                case RoundEvent.Started started -> {
                    state = "RUNNING";
                    step = started.resumedFromStep();
                    totalSteps = started.totalSteps();
                    info = started.info();
                }
                case RoundEvent.Progress progress -> {
                    state = "RUNNING";
                    step = progress.step();
                    totalSteps = progress.totalSteps();
                    etaSeconds = progress.etaSeconds();
                    metrics.putAll(progress.metrics());
                }
                case RoundEvent.Checkpointed checkpointed -> step = Math.max(step, checkpointed.step());
                case RoundEvent.Succeeded succeeded -> {
                    state = "SUCCEEDED";
                    step = totalSteps;
                    etaSeconds = null;
                    metrics.putAll(succeeded.metrics());
                    endedAt = succeeded.at();
                }
                case RoundEvent.Failed failed -> {
                    state = "FAILED";
                    error = new Problem(failed.code(), failed.message());
                    endedAt = failed.at();
                }
                case RoundEvent.Cancelled cancelled -> {
                    state = "CANCELLED";
                    endedAt = cancelled.at();
                }
            }
        }
    }
}
