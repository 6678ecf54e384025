package dev.podium.feedback.quality;

import dev.podium.feedback.aggregation.Aggregation;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.task.Walks;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.Tuple;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How a project's work is given out, watched and summed up; see {@link Values}. */
@Singleton
public class WorkRules {
    private static final String COLUMNS = "active_sampling, uniform_share, gold_share, gold_tasks_before_pause,"
            + " gold_threshold, aggregation, aggregation_ridge, listwise_from_aggregation, estimate_every_hours";

    private final EntityManager entities;
    private final Walks walks;

    WorkRules(EntityManager entities, Walks walks) {
        this.entities = entities;
        this.walks = walks;
    }

    /**
     * The rules.
     *
     * @param activeSampling the most uncertain task first; else in the order of import
     * @param uniformShare of requests that are given a task drawn uniformly, at least 0.1 with active sampling
     * @param goldShare of requests that are given a task with a known answer, as long as there is one left
     * @param goldTasksBeforePause answers after which a labeler may be paused
     * @param goldThreshold share of the known answers' pairs below which a labeler is paused
     * @param aggregation majority, bradley_terry or kemeny
     * @param aggregationRidge of Bradley-Terry
     * @param listwiseFromAggregation whether listwise exports give the order of the aggregation
     * @param estimateEveryHours how often labelers' reliability is estimated and published by itself; 0 never
     */
    public record Values(
            boolean activeSampling,
            double uniformShare,
            double goldShare,
            int goldTasksBeforePause,
            double goldThreshold,
            String aggregation,
            double aggregationRidge,
            boolean listwiseFromAggregation,
            int estimateEveryHours) {
        /** What holds where nothing was said. */
        public static final Values DEFAULT = new Values(true, 0.1, 0, 5, 0.7, "majority", 0.1, false, 0);

        /** The method by its word. */
        public Aggregation method() {
            return Aggregation.of(aggregation).orElse(Aggregation.MAJORITY);
        }
    }

    /** Rules to set; what is left out stays. */
    public record Change(
            @Nullable Boolean activeSampling,
            @Nullable Double uniformShare,
            @Nullable Double goldShare,
            @Nullable Integer goldTasksBeforePause,
            @Nullable Double goldThreshold,
            @Nullable String aggregation,
            @Nullable Double aggregationRidge,
            @Nullable Boolean listwiseFromAggregation,
            @Nullable Integer estimateEveryHours) {
        Values onto(Values v) {
            return new Values(
                    or(activeSampling, v.activeSampling()),
                    or(uniformShare, v.uniformShare()),
                    or(goldShare, v.goldShare()),
                    or(goldTasksBeforePause, v.goldTasksBeforePause()),
                    or(goldThreshold, v.goldThreshold()),
                    or(aggregation, v.aggregation()),
                    or(aggregationRidge, v.aggregationRidge()),
                    or(listwiseFromAggregation, v.listwiseFromAggregation()),
                    or(estimateEveryHours, v.estimateEveryHours()));
        }

        private static <T> T or(@Nullable T wanted, T is) {
            return wanted == null ? is : wanted;
        }
    }

    /** The rules of a project. */
    public Values of(String project) {
        List<Tuple> rows = entities.createNativeQuery(
                        "select " + COLUMNS + " from work_rules where project_id = :p", Tuple.class)
                .setParameter("p", project)
                .getResultList();
        return rows.stream()
                .findFirst()
                .map(r -> new Values(
                        r.get(0, Boolean.class),
                        r.get(1, Double.class),
                        r.get(2, Double.class),
                        r.get(3, Integer.class),
                        r.get(4, Double.class),
                        r.get(5, String.class),
                        r.get(6, Double.class),
                        r.get(7, Boolean.class),
                        r.get(8, Integer.class)))
                .orElse(Values.DEFAULT);
    }

    /** Changes the rules; must run in a transaction. */
    Values change(String project, Change change) {
        Values before = of(project);
        Values now = change.onto(before);
        check(now);
        entities.createNativeQuery("insert into work_rules (project_id, " + COLUMNS + ") values (:p, :active, :uniform,"
                        + " :gold, :before, :threshold, :aggregation, :ridge, :listwise, :hours)"
                        + " on conflict (project_id) do update set (" + COLUMNS + ") = (excluded."
                        + COLUMNS.replace(" ", "").replace(",", ", excluded.") + ")")
                .setParameter("p", project)
                .setParameter("active", now.activeSampling())
                .setParameter("uniform", now.uniformShare())
                .setParameter("gold", now.goldShare())
                .setParameter("before", now.goldTasksBeforePause())
                .setParameter("threshold", now.goldThreshold())
                .setParameter("aggregation", now.aggregation())
                .setParameter("ridge", now.aggregationRidge())
                .setParameter("listwise", now.listwiseFromAggregation())
                .setParameter("hours", now.estimateEveryHours())
                .executeUpdate();
        walks.forget(project);
        if (before.activeSampling() && !now.activeSampling()) {
            // Of equal urgency, tasks come in the order of import.
            entities.createNativeQuery(
                            "update task set urgency = 1, disagreement = 0 where project_id = :p and taken < overlap"
                                    + " and (urgency <> 1 or disagreement <> 0)")
                    .setParameter("p", project)
                    .executeUpdate();
        }
        if (!before.activeSampling() && now.activeSampling()) {
            entities.createNativeQuery("update task set disagreement = coalesce(cast(cast(body as json) -> 'selection'"
                            + " ->> 'score' as real), 0) where project_id = :p and taken < overlap and strpos(body,"
                            + " '\"source\":\"sampled\"') > 0 and strpos(body, '\"selection\":{') > 0")
                    .setParameter("p", project)
                    .executeUpdate();
        }
        return now;
    }

    private static void check(Values v) {
        require(v.uniformShare() >= 0.1 && v.uniformShare() <= 1, "uniformShare must be between 0.1 and 1");
        require(v.goldShare() >= 0 && v.goldShare() <= 0.5, "goldShare must be between 0 and 0.5");
        require(
                v.goldTasksBeforePause() >= 1 && v.goldTasksBeforePause() <= 1000,
                "goldTasksBeforePause must be between 1 and 1000");
        require(v.goldThreshold() >= 0 && v.goldThreshold() <= 1, "goldThreshold must be between 0 and 1");
        require(
                Aggregation.of(v.aggregation()).isPresent(),
                "aggregation must be one of "
                        + Arrays.stream(Aggregation.values())
                                .map(Aggregation::word)
                                .toList());
        require(
                v.aggregationRidge() >= 0.001 && v.aggregationRidge() <= 100,
                "aggregationRidge must be between 0.001 and 100");
        require(
                v.estimateEveryHours() >= 0 && v.estimateEveryHours() <= 24 * 365,
                "estimateEveryHours must be between 0 (never) and a year");
    }

    private static void require(boolean holds, String what) {
        if (!holds) {
            throw Refusal.unprocessable("invalid_work_rules", what + ".");
        }
    }
}
