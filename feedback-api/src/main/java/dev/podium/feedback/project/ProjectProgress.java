package dev.podium.feedback.project;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.LabelerStatistics;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.Tuple;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Counts of a project: from the tables what is submitted, from the projection what the stream made of it. */
@Singleton
public class ProjectProgress {
    private final EntityManager entities;

    ProjectProgress(EntityManager entities) {
        this.entities = entities;
    }

    Map<String, Object> of(String project) {
        Tuple work = one(
                "select count(*) as tasks, count(*) filter (where taken < overlap) as open from task where project_id = :p",
                project);
        Tuple rankings = one("select count(*) as n from ranking where project_id = :p and not retracted", project);
        Tuple sets = one(
                "select count(*) as sets, count(*) filter (where rankings > 0) as ranked,"
                        + " count(*) filter (where decided) as decided, coalesce(sum(pairs), 0) as pairs,"
                        + " coalesce(sum(ties), 0) as ties from preference where project_id = :p",
                project);
        Tuple outbox = (Tuple)
                entities.createNativeQuery("select count(*) as n, min(created_at) as oldest from outbox", Tuple.class)
                        .getSingleResult();
        Map<String, Object> progress = new LinkedHashMap<>();
        progress.put("tasks", number(work, "tasks"));
        progress.put("openTasks", number(work, "open"));
        progress.put("rankings", number(rankings, "n"));
        progress.put("rankedTasks", number(sets, "ranked"));
        progress.put("decidedTasks", number(sets, "decided"));
        progress.put("pairs", number(sets, "pairs"));
        progress.put("ties", number(sets, "ties"));
        progress.put("labelers", labelers(project));
        progress.put("outboxRows", number(outbox, "n"));
        progress.put("outboxAgeSeconds", age(outbox));
        return progress;
    }

    private Tuple one(String sql, String project) {
        return (Tuple) entities.createNativeQuery(sql, Tuple.class)
                .setParameter("p", project)
                .getSingleResult();
    }

    private static long number(Tuple row, String name) {
        return ((Number) row.get(name)).longValue();
    }

    private static long age(Tuple outbox) {
        Object oldest = outbox.get("oldest");
        return oldest instanceof Instant instant
                ? Duration.between(instant, Clock.systemUTC().instant()).toSeconds()
                : 0;
    }

    private List<Map<String, Object>> labelers(String project) {
        List<Map<String, Object>> all = new ArrayList<>();
        for (Object body : entities.createNativeQuery(
                        "select body from labeler_statistics where project_id = :p order by labeler", String.class)
                .setParameter("p", project)
                .getResultList()) {
            try {
                LabelerStatistics statistics = EventJson.mapper().readValue((String) body, LabelerStatistics.class);
                Map<String, Object> row = new LinkedHashMap<>();
                row.put("labelerId", statistics.labelerId());
                row.put("rankings", statistics.rankings());
                if (statistics.pairsCompared() > 0) {
                    row.put("agreement", (double) statistics.pairsAgreed() / statistics.pairsCompared());
                }
                all.add(row);
            } catch (JsonProcessingException e) {
                throw new IllegalStateException("the projection of labelers cannot be read", e);
            }
        }
        return all;
    }
}
