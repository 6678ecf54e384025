package dev.podium.feedback.ranking;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.LabelerStatistics;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** What labelers may know of their own work. */
@Singleton
public class OwnProgress {
    private final EntityManager entities;

    OwnProgress(EntityManager entities) {
        this.entities = entities;
    }

    /**
     * Count, time and agreement.
     *
     * @param medianMillis of all rankings with a known duration; 0 where there is none
     * @param sinceRankings rankings since the instant that was asked for, such as the start of the labeler's day
     * @param pairsAgreed pairs on which this labeler agrees with what was decided, of {@code pairsCompared}
     * @param sharedTasks tasks that others have ranked too; without one, agreement says nothing
     */
    public record View(
            long rankings,
            long millis,
            long medianMillis,
            long sinceRankings,
            long sinceMillis,
            long skipped,
            long pairsAgreed,
            long pairsCompared,
            long sharedTasks) {}

    /** Must run in a transaction. */
    public View of(String project, String labeler, Instant since) {
        Object[] work = (Object[]) entities.createNativeQuery("select count(*), coalesce(sum(duration_millis), 0),"
                        + " coalesce(percentile_disc(0.5) within group (order by duration_millis)"
                        + " filter (where duration_millis > 0), 0),"
                        + " count(*) filter (where submitted_at >= :since),"
                        + " coalesce(sum(duration_millis) filter (where submitted_at >= :since), 0)"
                        + " from ranking where project_id = :project and labeler = :labeler and not retracted")
                .setParameter("project", project)
                .setParameter("labeler", labeler)
                .setParameter("since", since)
                .getSingleResult();
        Number skipped = (Number) entities.createNativeQuery("select count(*) from remark"
                        + " where project_id = :project and labeler = :labeler and kind = 'SKIP'")
                .setParameter("project", project)
                .setParameter("labeler", labeler)
                .getSingleResult();
        Number shared = (Number) entities.createNativeQuery("select count(*) from ranking r"
                        + " join preference p on p.task_id = r.task_id and p.rankings > 1"
                        + " where r.project_id = :project and r.labeler = :labeler and not r.retracted")
                .setParameter("project", project)
                .setParameter("labeler", labeler)
                .getSingleResult();
        Optional<LabelerStatistics> statistics = statistics(project, labeler);
        return new View(
                number(work[0]),
                number(work[1]),
                number(work[2]),
                number(work[3]),
                number(work[4]),
                skipped.longValue(),
                statistics.map(LabelerStatistics::pairsAgreed).orElse(0L),
                statistics.map(LabelerStatistics::pairsCompared).orElse(0L),
                shared.longValue());
    }

    private static long number(Object value) {
        return ((Number) value).longValue();
    }

    private Optional<LabelerStatistics> statistics(String project, String labeler) {
        List<?> found = entities.createNativeQuery(
                        "select body from labeler_statistics where project_id = :project and labeler = :labeler",
                        String.class)
                .setParameter("project", project)
                .setParameter("labeler", labeler)
                .getResultList();
        if (found.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(EventJson.mapper().readValue((String) found.getFirst(), LabelerStatistics.class));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("the projection of labelers cannot be read", e);
        }
    }
}
