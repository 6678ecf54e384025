package dev.podium.feedback.ranking;

import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.feedback.rest.Refusal;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The revisions of a ranking that later ones replaced, kept as they were. */
@Singleton
public class Revisions {
    private final EntityManager entities;

    Revisions(EntityManager entities) {
        this.entities = entities;
    }

    /** One revision; of a retraction only when it was. */
    public record View(
            int revision,
            Instant at,
            boolean retracted,
            List<List<String>> groups,
            List<String> unacceptable,
            Optional<String> comment,
            Map<String, Map<String, Integer>> ratings,
            long durationMillis) {
        static View of(int revision, Instant at, boolean retracted, String body) {
            if (retracted) {
                return new View(revision, at, true, List.of(), List.of(), Optional.empty(), Map.of(), 0);
            }
            RankingSubmitted event = Rankings.submitted(body);
            return new View(
                    revision,
                    at,
                    false,
                    event.groups(),
                    event.unacceptable(),
                    event.comment(),
                    event.ratings(),
                    event.durationMillis());
        }
    }

    /** Keeps what is about to be replaced. Must run in the transaction that replaces it. */
    void keep(RankingRow row) {
        RankingRow.Id id = row.id;
        if (id == null) {
            return;
        }
        entities.createNativeQuery("insert into ranking_revision"
                        + " (task_id, labeler, project_id, revision, retracted, body, submitted_at)"
                        + " values (:task, :labeler, :project, :revision, :retracted, :body, :at)"
                        + " on conflict do nothing")
                .setParameter("task", id.taskId())
                .setParameter("labeler", id.labeler())
                .setParameter("project", row.projectId)
                .setParameter("revision", row.revision)
                .setParameter("retracted", row.retracted)
                .setParameter("body", row.retracted ? "" : row.body)
                .setParameter("at", row.submittedAt)
                .executeUpdate();
    }

    /** The newest first; a 404 where the labeler has ranked no such task. */
    List<View> of(String project, String taskId, String labeler) {
        RankingRow row = RankingRow.findById(new RankingRow.Id(taskId, labeler));
        if (row == null || !row.projectId.equals(project)) {
            throw Refusal.notFound("A ranking of task " + taskId);
        }
        List<View> views = new ArrayList<>();
        views.add(View.of(row.revision, row.submittedAt, row.retracted, row.body));
        for (Object before : entities.createNativeQuery("select revision, submitted_at, retracted, body"
                        + " from ranking_revision where task_id = :task and labeler = :labeler"
                        + " and revision < :newest order by revision desc limit 200")
                .setParameter("task", taskId)
                .setParameter("labeler", labeler)
                .setParameter("newest", row.revision)
                .getResultList()) {
            Object[] values = (Object[]) before;
            views.add(View.of(
                    ((Number) values[0]).intValue(), (Instant) values[1], (Boolean) values[2], (String) values[3]));
        }
        return views;
    }
}
