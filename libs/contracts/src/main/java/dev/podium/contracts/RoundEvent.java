package dev.podium.contracts;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * What happens to a round. Value of {@link Topics#ROUND_EVENTS}; key = round id. Which may follow which is in {@link
 * RoundState}.
 *
 * <pre>
 *   (command) -> Accepted -> Started -> Progress* / Checkpointed* -> Succeeded | Failed | Cancelled
 *                                ^            |
 *                                +--- killed -+   (Started again, with resumedFromStep)
 * </pre>
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
    @JsonSubTypes.Type(value = RoundEvent.Accepted.class, name = "Accepted"),
    @JsonSubTypes.Type(value = RoundEvent.Started.class, name = "Started"),
    @JsonSubTypes.Type(value = RoundEvent.Progress.class, name = "Progress"),
    @JsonSubTypes.Type(value = RoundEvent.Checkpointed.class, name = "Checkpointed"),
    @JsonSubTypes.Type(value = RoundEvent.Succeeded.class, name = "Succeeded"),
    @JsonSubTypes.Type(value = RoundEvent.Failed.class, name = "Failed"),
    @JsonSubTypes.Type(value = RoundEvent.Cancelled.class, name = "Cancelled")
})
public sealed interface RoundEvent {
    String roundId();

    String projectId();

    Instant at();

    /** A trainer has taken the round. */
    record Accepted(String roundId, String projectId, String trainer, Instant at) implements RoundEvent {}

    /**
     * Training begins, or goes on after a crash.
     *
     * @param info counts and sizes known at the start: tasks, pairs, heldOutTasks, tooLong, missing,
     *     trainableParameters, allParameters
     */
    record Started(
            String roundId, String projectId, int resumedFromStep, int totalSteps, Map<String, Double> info, Instant at)
            implements RoundEvent {
        public Started {
            info = info == null ? Map.of() : Map.copyOf(info);
        }
    }

    /**
     * One logged step.
     *
     * @param metrics under TRL's names, e.g. {@code loss}, {@code rewards/margins}, {@code objective/kl}
     * @param etaSeconds estimate of the time left
     */
    record Progress(
            String roundId,
            String projectId,
            int step,
            int totalSteps,
            Map<String, Double> metrics,
            double etaSeconds,
            Instant at)
            implements RoundEvent {
        public Progress {
            metrics = metrics == null ? Map.of() : Map.copyOf(metrics);
        }
    }

    /** A checkpoint is safe on disk. */
    record Checkpointed(String roundId, String projectId, int step, Instant at) implements RoundEvent {}

    /**
     * The round is done; in the same transaction as the manifest it names.
     *
     * @param version the adapter published; absent for SAMPLE
     * @param metrics held-out evaluation and totals
     * @param evaluation the tables behind them, where there are any
     */
    record Succeeded(
            String roundId,
            String projectId,
            Optional<String> version,
            Map<String, Double> metrics,
            Instant at,
            Optional<Evaluation> evaluation)
            implements RoundEvent {
        public Succeeded {
            version = version == null ? Optional.empty() : version;
            metrics = metrics == null ? Map.of() : Map.copyOf(metrics);
            evaluation = evaluation == null ? Optional.empty() : evaluation;
        }

        /** Without tables. */
        public Succeeded(
                String roundId, String projectId, Optional<String> version, Map<String, Double> metrics, Instant at) {
            this(roundId, projectId, version, metrics, at, Optional.empty());
        }
    }

    /**
     * The round ended without a result.
     *
     * @param code stable, e.g. {@code no_data}, {@code unknown_base_model}, {@code not_finite}, {@code
     *     evaluation_failed}, {@code internal}
     * @param message for the operator, with the remedy
     * @param metrics of a result that is not published; else empty
     * @param evaluation of a result that is not published
     */
    record Failed(
            String roundId,
            String projectId,
            String code,
            String message,
            Instant at,
            Map<String, Double> metrics,
            Optional<Evaluation> evaluation)
            implements RoundEvent {
        public Failed {
            metrics = metrics == null ? Map.of() : Map.copyOf(metrics);
            evaluation = evaluation == null ? Optional.empty() : evaluation;
        }

        /** Without a result. */
        public Failed(String roundId, String projectId, String code, String message, Instant at) {
            this(roundId, projectId, code, message, at, Map.of(), Optional.empty());
        }
    }

    /** The operator cancelled it. */
    record Cancelled(String roundId, String projectId, int step, Instant at) implements RoundEvent {}
}
