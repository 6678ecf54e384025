package dev.podium.feedback.round;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.Evaluation;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.RoundState;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * A round as the operator sees it.
 *
 * @param state REQUESTED, ACCEPTED, RUNNING, SUCCEEDED, FAILED or CANCELLED
 * @param metrics of the latest step; of the whole round when it has ended
 * @param info counts and sizes known at the start
 * @param reason why it was started, where it was not an operator's own act
 * @param rerun absent where the round is the first of its kind
 * @param evaluation what the result was judged by, once there is one, published or not
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
        @Nullable Instant endedAt,
        @Nullable String reason,
        @Nullable Rerun rerun,
        @Nullable Evaluation evaluation) {
    /** Why a round failed. */
    public record Problem(String code, String message) {}

    /**
     * What a round that was run again has to do with the first one.
     *
     * @param of id of the first round
     * @param sameData whether it reads the first round's data set
     * @param sameAdapter whether the files of both adapters are equal, byte for byte; absent until both are there
     */
    public record Rerun(
            String of, boolean sameData, @Nullable Boolean sameAdapter) {}

    static RoundView of(RoundRow row, JsonNode config, Fold fold, @Nullable Rerun rerun) {
        return new RoundView(
                row.id,
                row.projectId,
                row.kind,
                row.version,
                fold.state.label(),
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
                fold.endedAt,
                row.reason,
                rerun,
                fold.evaluation);
    }

    /** A round's events so far, folded in their order. */
    static final class Fold {
        private static final Logger LOG = Logger.getLogger(RoundView.class);

        private long nextOffset;
        private RoundState state = RoundState.REQUESTED;
        private int step;
        private int totalSteps;
        private @Nullable Double etaSeconds;
        private final Map<String, Double> metrics = new LinkedHashMap<>();
        private Map<String, Double> info = Map.of();
        private @Nullable Problem error;
        private @Nullable Instant endedAt;
        private @Nullable Evaluation evaluation;

        /** Where the events begin that are not in yet. */
        long nextOffset() {
            return nextOffset;
        }

        /** Whether nothing can change any more. */
        boolean ended() {
            return state.ended();
        }

        void add(long offset, RoundEvent event) {
            nextOffset = offset + 1;
            switch (state.after(event)) {
                case RoundState.Taken taken -> {
                    state = taken.state();
                    tell(event);
                }
                case RoundState.Refused refused ->
                    LOG.warnf("round %s: an event is left out: %s", event.roundId(), refused.why());
            }
        }

        /** What there is to show beside the state. */
        private void tell(RoundEvent event) {
            step = Math.max(state.step(), state.ended() ? step : 0);
            totalSteps = state.ended() ? totalSteps : state.totalSteps();
            switch (event) {
                case RoundEvent.Accepted accepted -> etaSeconds = null;
                case RoundEvent.Started started -> info = started.info();
                case RoundEvent.Progress progress -> {
                    etaSeconds = progress.etaSeconds();
                    metrics.putAll(progress.metrics());
                }
                case RoundEvent.Checkpointed checkpointed -> {
                    // Its step is in the state.
                }
                case RoundEvent.Succeeded succeeded -> {
                    step = totalSteps;
                    etaSeconds = null;
                    metrics.putAll(succeeded.metrics());
                    evaluation = succeeded.evaluation().orElse(null);
                    endedAt = succeeded.at();
                }
                case RoundEvent.Failed failed -> {
                    error = new Problem(failed.code(), failed.message());
                    metrics.putAll(failed.metrics());
                    evaluation = failed.evaluation().orElse(null);
                    endedAt = failed.at();
                }
                case RoundEvent.Cancelled cancelled -> endedAt = cancelled.at();
            }
        }
    }
}
