package dev.podium.feedback.ranking;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.Output;
import dev.podium.contracts.Task;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.task.Lease;
import dev.podium.feedback.task.TaskRow;
import dev.podium.feedback.task.TaskView;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.scheduler.Scheduled;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What labelers have done on a task so far, kept while they work. A draft is nobody's ranking: it may be incomplete, is
 * no event, and is gone once the ranking is submitted. The last one written counts, from whichever device; of one browser it
 * is the last one sent, since a request that was given up may arrive behind the next.
 */
@Singleton
public class Drafts {
    private static final Duration KEPT = Duration.ofDays(30);
    /** Longer than anything that a browser gave up is on its way. */
    private static final Duration DROP_KEPT = Duration.ofHours(1);

    private static final int MAX_COMMENT_CHARACTERS = 4000;

    private final EntityManager entities;

    Drafts(EntityManager entities) {
        this.entities = entities;
    }

    /**
     * A draft as the form sends it.
     *
     * @param revision the revision of the ranking that it would replace; 0 for a first one
     * @param places place by output id
     * @param activeMillis time spent on the task so far
     */
    public record Sent(
            int revision,
            @Nullable Map<String, Integer> places,
            @Nullable List<String> unacceptable,
            @Nullable String comment,
            @Nullable Map<String, Map<String, Integer>> ratings,
            long activeMillis) {
        Sent checked(Task task) {
            Set<String> known = task.outputs().stream().map(Output::id).collect(Collectors.toSet());
            Sent filled = new Sent(
                    revision,
                    places == null ? Map.of() : places,
                    unacceptable == null ? List.of() : unacceptable,
                    comment == null ? "" : comment,
                    ratings == null ? Map.of() : ratings,
                    activeMillis);
            Stream.of(filled.orEmpty().keySet().stream(), filled.marks().stream(), filled.rated().keySet().stream())
                    .flatMap(ids -> ids)
                    .filter(id -> !known.contains(id))
                    .findFirst()
                    .ifPresent(id -> {
                        throw Refusal.unprocessable(
                                "unknown_output", "Output " + id + " does not belong to this task.");
                    });
            if (filled.text().length() > MAX_COMMENT_CHARACTERS) {
                throw Refusal.unprocessable(
                        "comment_too_long", "A comment has at most " + MAX_COMMENT_CHARACTERS + " characters.");
            }
            return filled;
        }

        Map<String, Integer> orEmpty() {
            return places == null ? Map.of() : places;
        }

        List<String> marks() {
            return unacceptable == null ? List.of() : unacceptable;
        }

        Map<String, Map<String, Integer>> rated() {
            return ratings == null ? Map.of() : ratings;
        }

        String text() {
            return comment == null ? "" : comment;
        }
    }

    /** What a saved draft is known by. */
    public record Saved(long version, Instant savedAt) {}

    /**
     * Whose turn a draft is.
     *
     * @param writer a number of the browser's own
     * @param sequence grows with each draft of a task in that browser, and with each that is thrown away
     */
    public record Turn(long writer, long sequence) {}

    /**
     * Keeps a draft, unless the same writer has sent a later one or thrown it away since; who neither holds the task nor
     * has ranked it has none. One of a revision that was replaced since gives way. Must run in a transaction.
     *
     * @param turn empty where a program sends one after the other
     * @return what is kept now
     */
    public Saved save(String project, String taskId, String labeler, Sent sent, Optional<Turn> turn) {
        TaskRow row = TaskRow.findById(taskId);
        RankingRow ranking = RankingRow.findById(new RankingRow.Id(taskId, labeler));
        boolean held = Lease.count("taskId = ?1 and labeler = ?2", taskId, labeler) > 0;
        if (row == null || !row.projectId.equals(project) || (ranking == null && !held)) {
            throw Refusal.notFound("Task " + taskId);
        }
        Sent checked = sent.checked(row.task());
        if (checked.revision() != (ranking == null ? 0 : ranking.revision)) {
            throw stale("This ranking was submitted or changed since; the draft belongs to what was.");
        }
        turn.ifPresent(t -> lock(taskId, labeler));
        Instant now = Clock.systemUTC().instant();
        List<Long> version = entities.createNativeQuery(
                        "insert into draft (task_id, labeler, project_id, version, body, saved_at, writer, sequence)"
                                + " select :task, :labeler, :project, 1, :body, :now, sent.writer, sent.sequence"
                                + " from (select cast(nullif(:writer, '') as bigint) as writer,"
                                + " cast(nullif(:sequence, '') as bigint) as sequence) sent"
                                + " where not exists (select 1 from draft_drop d where d.task_id = :task"
                                + " and d.labeler = :labeler and d.writer = sent.writer and d.sequence >= sent.sequence)"
                                + " on conflict (task_id, labeler) do update set version = draft.version + 1,"
                                + " body = excluded.body, saved_at = excluded.saved_at, writer = excluded.writer,"
                                + " sequence = excluded.sequence"
                                + " where cast(cast(draft.body as json) ->> 'revision' as int) < :revision"
                                + " or cast(cast(draft.body as json) ->> 'revision' as int) = :revision"
                                + " and (draft.writer = excluded.writer and draft.sequence > excluded.sequence)"
                                + " is not true returning version",
                        Long.class)
                .setParameter("task", taskId)
                .setParameter("labeler", labeler)
                .setParameter("project", project)
                .setParameter("body", EventJson.writeText(checked))
                .setParameter("now", now)
                .setParameter("writer", turn.map(t -> Long.toString(t.writer())).orElse(""))
                .setParameter(
                        "sequence", turn.map(t -> Long.toString(t.sequence())).orElse(""))
                .setParameter("revision", checked.revision())
                .getResultList();
        return version.isEmpty()
                ? of(taskId, labeler, checked.revision())
                        .map(kept -> new Saved(kept.version(), kept.savedAt()))
                        .orElseThrow(() ->
                                stale("This draft was thrown away, or its ranking was submitted or changed since."))
                : new Saved(version.getFirst(), now);
    }

    private static Refusal stale(String why) {
        return new Refusal(409, "stale_draft", why);
    }

    /** What is saved and what is thrown away see each other only one after the other. */
    private void lock(String taskId, String labeler) {
        entities.createNativeQuery(
                        "select cast(pg_advisory_xact_lock(hashtextextended(:of, 19)) as text)", String.class)
                .setParameter("of", taskId + "\n" + labeler)
                .getSingleResult();
    }

    /** The draft of a labeler, unless the ranking has moved on since. */
    public Optional<TaskView.Draft> of(String taskId, String labeler, int revision) {
        List<?> found = entities.createNativeQuery(
                        "select version, body, saved_at from draft where task_id = :task and labeler = :labeler")
                .setParameter("task", taskId)
                .setParameter("labeler", labeler)
                .getResultList();
        if (found.isEmpty()) {
            return Optional.empty();
        }
        Object[] values = (Object[]) found.getFirst();
        Sent sent = read((String) values[1]);
        return sent.revision() != revision
                ? Optional.empty()
                : Optional.of(new TaskView.Draft(
                        ((Number) values[0]).longValue(),
                        (Instant) values[2],
                        sent.orEmpty(),
                        sent.marks(),
                        sent.text(),
                        sent.rated(),
                        sent.activeMillis()));
    }

    private static Sent read(String body) {
        try {
            return EventJson.mapper().readValue(body, Sent.class);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a stored draft cannot be read", e);
        }
    }

    /** Drops a draft; harmless where there is none. Must run in a transaction. */
    public void drop(String taskId, String labeler) {
        entities.createNativeQuery("delete from draft where task_id = :task and labeler = :labeler")
                .setParameter("task", taskId)
                .setParameter("labeler", labeler)
                .executeUpdate();
    }

    /**
     * Drops a draft, unless the same writer has sent a later one; what it sent before and arrives later is not kept. Must run
     * in a transaction.
     *
     * @param turn empty where a program sends one after the other
     */
    public void drop(String project, String taskId, String labeler, Optional<Turn> turn) {
        if (turn.isEmpty()) {
            drop(taskId, labeler);
            return;
        }
        lock(taskId, labeler);
        for (String sql : List.of(
                "insert into draft_drop (task_id, labeler, writer, sequence, dropped_at)"
                        + " select t.id, :labeler, :writer, :sequence, now() from task t"
                        + " where t.id = :task and t.project_id = :project"
                        // Nobody else's draft would be kept anyway.
                        + " and (exists (select 1 from lease l where l.task_id = t.id and l.labeler = :labeler)"
                        + " or exists (select 1 from ranking r where r.task_id = t.id and r.labeler = :labeler))"
                        + " on conflict (task_id, labeler, writer) do update"
                        + " set sequence = greatest(draft_drop.sequence, excluded.sequence), dropped_at = excluded.dropped_at",
                "delete from draft where task_id = :task and labeler = :labeler and project_id = :project"
                        + " and (writer = :writer and sequence > :sequence) is not true")) {
            entities.createNativeQuery(sql)
                    .setParameter("task", taskId)
                    .setParameter("labeler", labeler)
                    .setParameter("project", project)
                    .setParameter("writer", turn.get().writer())
                    .setParameter("sequence", turn.get().sequence())
                    .executeUpdate();
        }
    }

    /** Forgets drafts that nobody comes back to. */
    @Scheduled(every = "1h", delayed = "5m", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
    void forgetOld() {
        Instant now = Clock.systemUTC().instant();
        QuarkusTransaction.requiringNew().run(() -> {
            entities.createNativeQuery("delete from draft where saved_at < :before")
                    .setParameter("before", now.minus(KEPT))
                    .executeUpdate();
            entities.createNativeQuery("delete from draft_drop where dropped_at < :before")
                    .setParameter("before", now.minus(DROP_KEPT))
                    .executeUpdate();
        });
    }
}
