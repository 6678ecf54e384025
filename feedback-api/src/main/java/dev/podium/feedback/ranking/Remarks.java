package dev.podium.feedback.ranking;

import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.task.Lease;
import dev.podium.feedback.task.TaskRow;
import dev.podium.feedback.task.Tasks;
import dev.podium.feedback.task.Walks;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.LockModeType;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What labelers say about a task instead of a ranking (a skip) or beside it (a flag). Operators read and settle it. */
@Singleton
public class Remarks {
    private static final int MAX_NOTE_CHARACTERS = 2000;

    private final EntityManager entities;
    private final Drafts drafts;
    private final Walks walks;

    Remarks(EntityManager entities, Drafts drafts, Walks walks) {
        this.entities = entities;
        this.drafts = drafts;
        this.walks = walks;
    }

    /** Whether the task was passed by, or only spoken of. */
    public enum Kind {
        SKIP,
        FLAG;

        /** The kind of that name, or a 422. */
        static Kind of(@Nullable String name) {
            for (Kind kind : values()) {
                if (kind.name().equalsIgnoreCase(name)) {
                    return kind;
                }
            }
            throw Refusal.unprocessable("unknown_kind", "The kind must be SKIP or FLAG.");
        }
    }

    /** Why. */
    public enum Reason {
        UNCLEAR,
        NOT_MY_FIELD,
        LANGUAGE,
        HARMFUL,
        PERSONAL_DATA,
        BROKEN,
        OTHER;

        static Reason of(@Nullable String name) {
            for (Reason reason : values()) {
                if (reason.name().equals(name == null ? "" : name.toUpperCase(Locale.ROOT))) {
                    return reason;
                }
            }
            throw Refusal.unprocessable("unknown_reason", "The reason must be one of " + List.of(values()) + ".");
        }
    }

    /** A remark to make. */
    public record Sent(@Nullable String reason, @Nullable String note) {}

    /** A remark as operators see it; the prompt is its last message, cut. */
    public record Made(
            String taskId,
            String labeler,
            Kind kind,
            Reason reason,
            String note,
            Instant at,
            String prompt,
            Optional<String> settledBy,
            Optional<Instant> settledAt) {}

    /**
     * Passes a task by: the labeler's place is free again, and the task is not offered to them any more. Repeating it
     * changes the reason. Must run in a transaction.
     */
    public void skip(String project, String taskId, String labeler, Sent sent) {
        TaskRow row = TaskRow.findById(taskId, LockModeType.PESSIMISTIC_WRITE);
        Lease lease = Lease.<Lease>find("taskId = ?1 and labeler = ?2", taskId, labeler)
                .firstResult();
        if (row == null || !row.projectId.equals(project) || (lease == null && !exists(taskId, labeler, Kind.SKIP))) {
            throw Refusal.notFound("Task " + taskId);
        }
        RankingRow ranking = RankingRow.findById(new RankingRow.Id(taskId, labeler));
        if (ranking != null && !ranking.retracted) {
            throw new Refusal(409, "ranked_already", "You have ranked this task; take the ranking back instead.");
        }
        write(project, taskId, labeler, Kind.SKIP, sent);
        if (lease != null) {
            Lease.delete("taskId = ?1 and labeler = ?2", taskId, labeler);
            row.taken--;
        }
        drafts.drop(taskId, labeler);
    }

    /** Says that something is wrong with a task that the labeler holds or has ranked. Must run in a transaction. */
    public void flag(String project, String taskId, String labeler, Sent sent) {
        TaskRow row = TaskRow.findById(taskId);
        boolean met = Lease.count("taskId = ?1 and labeler = ?2", taskId, labeler) > 0
                || RankingRow.findById(new RankingRow.Id(taskId, labeler)) != null;
        if (row == null || !row.projectId.equals(project) || !met) {
            throw Refusal.notFound("Task " + taskId);
        }
        write(project, taskId, labeler, Kind.FLAG, sent);
    }

    private boolean exists(String taskId, String labeler, Kind kind) {
        return !entities.createNativeQuery(
                        "select 1 from remark where task_id = :task and labeler = :labeler and kind = :kind")
                .setParameter("task", taskId)
                .setParameter("labeler", labeler)
                .setParameter("kind", kind.name())
                .getResultList()
                .isEmpty();
    }

    private void write(String project, String taskId, String labeler, Kind kind, Sent sent) {
        Reason reason = Reason.of(sent.reason());
        String note = sent.note() == null ? "" : sent.note().strip();
        if (note.length() > MAX_NOTE_CHARACTERS) {
            throw Refusal.unprocessable("note_too_long", "A note has at most " + MAX_NOTE_CHARACTERS + " characters.");
        }
        if (reason == Reason.OTHER && note.isEmpty()) {
            throw Refusal.unprocessable("note_missing", "Say in a few words what it is.");
        }
        entities.createNativeQuery("insert into remark (task_id, labeler, kind, project_id, reason, note, at)"
                        + " values (:task, :labeler, :kind, :project, :reason, :note, :at)"
                        + " on conflict (task_id, labeler, kind) do update set reason = excluded.reason,"
                        + " note = excluded.note, at = excluded.at, settled_by = null, settled_at = null")
                .setParameter("task", taskId)
                .setParameter("labeler", labeler)
                .setParameter("kind", kind.name())
                .setParameter("project", project)
                .setParameter("reason", reason.name())
                .setParameter("note", note)
                .setParameter("at", Clock.systemUTC().instant())
                .executeUpdate();
    }

    /** Takes a remark back; after a skip the task may be offered to this labeler again. Must run in a transaction. */
    public void remove(String project, String taskId, String labeler, Kind kind) {
        int removed = entities.createNativeQuery("delete from remark where task_id = :task and project_id = :project"
                        + " and labeler = :labeler and kind = :kind")
                .setParameter("task", taskId)
                .setParameter("project", project)
                .setParameter("labeler", labeler)
                .setParameter("kind", kind.name())
                .executeUpdate();
        if (removed == 0) {
            throw Refusal.notFound("A remark of task " + taskId + " by " + labeler);
        }
        walks.forget(project);
    }

    /** Marks a remark as dealt with. Must run in a transaction. */
    public void settle(String project, String taskId, String labeler, Kind kind, String by) {
        int settled = entities.createNativeQuery("update remark set settled_by = :by, settled_at = :at"
                        + " where task_id = :task and project_id = :project and labeler = :labeler and kind = :kind")
                .setParameter("by", by)
                .setParameter("at", Clock.systemUTC().instant())
                .setParameter("task", taskId)
                .setParameter("project", project)
                .setParameter("labeler", labeler)
                .setParameter("kind", kind.name())
                .executeUpdate();
        if (settled == 0) {
            throw Refusal.notFound("A remark of task " + taskId + " by " + labeler);
        }
    }

    /** Remarks of a project, the newest first. */
    public List<Made> list(String project, boolean withSettled, int most) {
        List<Made> made = new ArrayList<>();
        for (Object row : entities.createNativeQuery("select r.task_id, r.labeler, r.kind, r.reason, r.note, r.at,"
                        + " r.settled_by, r.settled_at, t.body from remark r join task t on t.id = r.task_id"
                        + " where r.project_id = :project" + (withSettled ? "" : " and r.settled_at is null")
                        + " order by r.at desc, r.task_id limit :most")
                .setParameter("project", project)
                .setParameter("most", most)
                .getResultList()) {
            Object[] values = (Object[]) row;
            made.add(new Made(
                    (String) values[0],
                    (String) values[1],
                    Kind.of((String) values[2]),
                    Reason.of((String) values[3]),
                    (String) values[4],
                    (Instant) values[5],
                    Tasks.shortened(TaskRow.task((String) values[8])),
                    Optional.ofNullable((String) values[6]),
                    Optional.ofNullable((Instant) values[7])));
        }
        return made;
    }
}
