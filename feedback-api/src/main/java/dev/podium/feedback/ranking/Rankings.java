package dev.podium.feedback.ranking;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.RankingEvent.RankingRetracted;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import dev.podium.feedback.outbox.Outbox;
import dev.podium.feedback.quality.GoldTasks;
import dev.podium.feedback.quality.WorkRules;
import dev.podium.feedback.rest.IdempotentAnswers;
import dev.podium.feedback.rest.IdempotentAnswers.Answer;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.rest.UncheckedSqlException;
import dev.podium.feedback.security.ErasedNames;
import dev.podium.feedback.task.Assignment;
import dev.podium.feedback.task.KnownTasks;
import dev.podium.feedback.task.LeaseIds;
import dev.podium.feedback.task.TaskRow;
import io.agroal.api.AgroalDataSource;
import io.quarkus.narayana.jta.QuarkusTransaction;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.LockModeType;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Submits, corrects and retracts rankings; the row and its event are one transaction, under the task's lock. */
@Singleton
public class Rankings {
    private final EntityManager entities;
    private final AgroalDataSource database;
    private final Outbox outbox;
    private final LeaseIds leaseIds;
    private final KnownTasks tasks;
    private final Assignment assignment;
    private final Drafts drafts;
    private final Revisions revisions;
    private final GoldTasks gold;
    private final WorkRules workRules;
    private final ErasedNames erased;
    private final FirstRankings firsts;

    Rankings(
            EntityManager entities,
            AgroalDataSource database,
            Outbox outbox,
            LeaseIds leaseIds,
            KnownTasks tasks,
            Assignment assignment,
            Drafts drafts,
            Revisions revisions,
            GoldTasks gold,
            WorkRules workRules,
            ErasedNames erased,
            FirstRankings firsts) {
        this.entities = entities;
        this.database = database;
        this.outbox = outbox;
        this.leaseIds = leaseIds;
        this.tasks = tasks;
        this.assignment = assignment;
        this.drafts = drafts;
        this.revisions = revisions;
        this.gold = gold;
        this.workRules = workRules;
        this.erased = erased;
        this.firsts = firsts;
    }

    /**
     * What came in.
     *
     * @param key of the request (Idempotency-Key)
     * @param request what makes requests the same
     * @param seenRevision from If-Match; absent for a first submission
     * @param person version of the labeler's rights by which the request was let in, see {@code Recalled}; empty where
     *     they were looked up
     */
    record Sent(
            String project,
            String taskId,
            String labeler,
            String key,
            String request,
            Judgement judgement,
            @Nullable Integer seenRevision,
            Optional<Long> person) {}

    /** The answer to a submission; its body, and the task that came along. */
    record Taken(int status, String body, boolean replayed, Optional<Assignment.Assigned> next) {}

    /**
     * Takes a ranking: the first one against a lease, a correction against the revision the labeler has seen. Done once
     * per (labeler, key). Not inside a transaction.
     *
     * @param makeSure refuses who may not submit any more; run before anything is looked at closely
     * @param after where the next task is wanted along with the answer, the one on the labeler's screen or ""
     */
    Taken submit(Sent sent, Runnable makeSure, Optional<String> after) {
        String sha256 = IdempotentAnswers.sha256(sent.request());
        return first(sent, sha256, after).orElseGet(() -> {
            makeSure.run();
            return QuarkusTransaction.requiringNew().call(() -> looked(sent, sha256));
        });
    }

    /** A ranking as most are; empty where somebody has to look at it more closely, if only to say what is wrong. */
    private Optional<Taken> first(Sent sent, String sha256, Optional<String> after) {
        Optional<Task> known =
                tasks.find(sent.taskId()).filter(t -> t.projectId().equals(sent.project()));
        if (known.isEmpty() || sent.seenRevision() != null) {
            return Optional.empty();
        }
        Task task = known.get();
        Instant now = Clock.systemUTC().instant();
        RankingSubmitted event;
        String payload;
        try {
            Judgement.Checked checked = sent.judgement().check(task, task.rules());
            event = event(sent, checked, 1, Assignment.shuffled(task, sent.labeler()), now);
            payload = Outbox.requireFits(Topics.RANKINGS, event);
        } catch (Refusal e) {
            return Optional.empty();
        }
        String body = EventJson.writeText(answer(sent.taskId(), 1, event.eventId()));
        Assignment.Question question = assignment.question(
                sent.project(), sent.labeler(), after.filter(a -> !a.isEmpty()).orElse(null), now);
        return firsts.write(new Submission.First(
                        event,
                        payload,
                        erased.hash(sent.labeler()),
                        sent.key(),
                        sha256,
                        body,
                        outbox.cause(),
                        sent.person(),
                        after.isPresent(),
                        question))
                .map(given -> new Taken(201, body, false, next(question, given)));
    }

    private static Optional<Assignment.Assigned> next(Assignment.Question question, Assignment.Given given) {
        try {
            return question.given(given);
        } catch (Refusal e) {
            // The ranking is taken all the same; who asks for the next task is told why there is none.
            return Optional.empty();
        }
    }

    private static RankingSubmitted event(
            Sent sent, Judgement.Checked checked, int revision, List<String> shown, Instant at) {
        return new RankingSubmitted(
                UUID.randomUUID().toString(),
                sent.project(),
                sent.taskId(),
                sent.labeler(),
                revision,
                checked.groups(),
                checked.unacceptable(),
                shown,
                checked.durationMillis(),
                Optional.ofNullable(sent.judgement().comment()).filter(c -> !c.isBlank()),
                checked.ratings(),
                at);
    }

    /** Any submission, with one question to the database and one write. Must run in a transaction. */
    private Taken looked(Sent sent, String sha256) {
        String project = sent.project();
        String taskId = sent.taskId();
        String labeler = sent.labeler();
        try (Connection connection = database.getConnection()) {
            Submission.State state =
                    Submission.ask(connection, labeler, erased.hash(labeler), sent.key(), project, taskId);
            switch (state.status()) {
                case IN_FLIGHT -> throw IdempotentAnswers.inFlight();
                case UNKNOWN -> throw Refusal.notFound("Task " + taskId);
                case ERASED -> throw new Refusal(401, "not_logged_in", "There is nobody of this name any more.");
                case ANSWERED -> {
                    IdempotentAnswers.requireSame(state.answerSha256(), sha256);
                    return new Taken(state.answerStatus(), state.answerBody(), true, Optional.empty());
                }
                case OPEN -> {
                    // Below.
                }
            }
            if (state.pauseReason() != null) {
                throw Assignment.paused(state.pauseReason());
            }
            Task task = state.task();
            boolean known = state.revision() > 0;
            if (!known
                    && state.leaseOrder() == null
                    && !leaseIds.isOf(taskId, labeler, sent.judgement().leaseId())) {
                throw Refusal.notFound("Task " + taskId);
            }
            Judgement.Checked checked = sent.judgement().check(task, task.rules());
            boolean counted = known && !state.retracted();
            if (counted || sent.seenRevision() != null) {
                requireRevision(state.revision(), state.rankingBody(), sent.seenRevision());
            }
            // A lease's place becomes the ranking's, also when it ran out but nobody took it.
            boolean takesPlace = !counted && state.leaseOrder() == null;
            if (takesPlace && state.taken() >= state.overlap()) {
                throw new Refusal(
                        409,
                        "lease_expired",
                        "Your hold on this task ran out and others have ranked it meanwhile. Take the next one.");
            }
            // Without a lease the labeler's order is still the same: it ran out, or the ranking came with an import.
            List<String> shown = Assignment.order(
                    state.leaseOrder() != null ? state.leaseOrder() : state.rankingOrder(), task, labeler);
            RankingSubmitted event = event(
                    sent,
                    checked,
                    state.revision() + 1,
                    shown,
                    Clock.systemUTC().instant());
            int status = event.revision() == 1 ? 201 : 200;
            String body = EventJson.writeText(answer(taskId, event.revision(), event.eventId()));
            Submission.write(
                    connection,
                    event,
                    String.join("\n", shown),
                    takesPlace,
                    sent.key(),
                    sha256,
                    status,
                    body,
                    outbox.cause());
            outbox.wakeAfterCommit();
            if (state.gold()) {
                gold.answered(event, workRules.of(project));
            }
            return new Taken(status, body, false, Optional.empty());
        } catch (SQLException e) {
            throw new UncheckedSqlException(e);
        }
    }

    /**
     * The event of a ranking that was made elsewhere; nothing is stored yet.
     *
     * @throws IllegalArgumentException what is wrong with it
     */
    public static RankingSubmitted imported(Task task, String labeler, List<List<String>> groups, Instant at) {
        return new RankingSubmitted(
                UUID.randomUUID().toString(),
                task.projectId(),
                task.taskId(),
                labeler,
                1,
                groups,
                List.of(),
                List.of(),
                0,
                Optional.empty(),
                at);
    }

    /**
     * Stores an imported ranking, unless its labeler has one. It needs no lease, but takes one of the task's places like
     * any other: a task that came with as many rankings as its project wants is not offered to anybody. Must run in a
     * transaction. Returns whether it is new; under the name of somebody who was erased none is.
     */
    public boolean addImported(RankingSubmitted event) {
        // The task's lock first, as everywhere.
        int added = entities.createNativeQuery("with held as (select id from task where id = :task"
                        // Locked only where something is to be added: an import of what is there holds nobody up.
                        + " and not exists (select 1 from ranking r where r.task_id = :task and r.labeler = :labeler)"
                        + " and not exists (select 1 from erased_name e where e.hash = :erased) for update),"
                        + " added as (insert into ranking"
                        + " (task_id, labeler, project_id, revision, retracted, shown_order, body, submitted_at)"
                        + " select id, :labeler, :project, 1, false, '', :body, :at from held"
                        + " on conflict (task_id, labeler) do nothing returning task_id)"
                        + " update task set taken = taken + 1 from added where task.id = added.task_id")
                .setParameter("task", event.taskId())
                .setParameter("labeler", event.labelerId())
                .setParameter("project", event.projectId())
                .setParameter("body", EventJson.writeText(event))
                .setParameter("at", event.at())
                .setParameter("erased", erased.hash(event.labelerId()))
                .executeUpdate();
        if (added == 1) {
            outbox.add(Topics.RANKINGS, event.taskId(), event.eventId(), event.taskId(), event, event.at());
        }
        return added == 1;
    }

    /** Takes a ranking back; its place is free again. */
    public Answer retract(String project, String taskId, String labeler, @Nullable Integer seenRevision, String by) {
        TaskRow row = locked(project, taskId);
        RankingRow before = RankingRow.findById(new RankingRow.Id(taskId, labeler));
        if (before == null || before.retracted) {
            throw Refusal.notFound("A ranking of task " + taskId + " by " + labeler);
        }
        if (seenRevision != null || by.equals(labeler)) {
            requireRevision(before.revision, before.body, seenRevision);
        }
        RankingRetracted event = retract(
                row, before, labeler, by.equals(labeler) ? Optional.empty() : Optional.of("retracted by " + by));
        return new Answer(200, answer(taskId, before.revision, event.eventId()));
    }

    /**
     * Takes back some rankings of one labeler for an operator, each with its event. Must run in a transaction.
     *
     * @return how many; 0 when none is left
     */
    public int retractOf(String project, String labeler, String reason, int most) {
        // Tasks in the order of their ids: two who retract wait for one another in one direction only.
        List<String> tasks = entities.createNativeQuery(
                        "select task_id from ranking where project_id = :p and labeler = :l and not retracted"
                                + " order by task_id limit " + most,
                        String.class)
                .setParameter("p", project)
                .setParameter("l", labeler)
                .getResultList();
        int retracted = 0;
        for (String taskId : tasks) {
            TaskRow row = locked(project, taskId);
            RankingRow before = RankingRow.findById(new RankingRow.Id(taskId, labeler), LockModeType.PESSIMISTIC_WRITE);
            if (before != null && !before.retracted) {
                retract(row, before, labeler, Optional.of(reason));
                retracted++;
            }
        }
        return retracted;
    }

    private RankingRetracted retract(TaskRow row, RankingRow before, String labeler, Optional<String> reason) {
        revisions.keep(before);
        drafts.drop(row.id, labeler);
        before.revision++;
        before.retracted = true;
        before.submittedAt = Clock.systemUTC().instant();
        row.taken--;
        RankingRetracted event = new RankingRetracted(
                UUID.randomUUID().toString(),
                row.projectId,
                row.id,
                labeler,
                before.revision,
                reason,
                before.submittedAt);
        outbox.add(Topics.RANKINGS, row.id, event.eventId(), row.id, event, event.at());
        return event;
    }

    /** The labeler under which imported rankings stand when the file names none. */
    public static final String IMPORTED = "imported";

    private TaskRow locked(String project, String taskId) {
        TaskRow row = TaskRow.findById(taskId, LockModeType.PESSIMISTIC_WRITE);
        if (row == null || !row.projectId.equals(project)) {
            throw Refusal.notFound("Task " + taskId);
        }
        return row;
    }

    private static void requireRevision(int current, String body, @Nullable Integer seen) {
        if (seen == null || seen != current) {
            Map<String, Object> more = new LinkedHashMap<>();
            more.put("revision", current);
            if (!body.isEmpty()) {
                more.put("current", submitted(body).groups());
            }
            throw new Refusal(
                    412,
                    "stale_revision",
                    "This ranking is at revision " + current
                            + " now; send If-Match with the revision you have seen, or look at it again.",
                    more);
        }
    }

    /** The event of a row's newest submission. */
    static RankingSubmitted submitted(RankingRow row) {
        return submitted(row.body);
    }

    /** The event as it was stored. */
    public static RankingSubmitted submitted(String body) {
        try {
            return EventJson.read(body.getBytes(StandardCharsets.UTF_8), RankingSubmitted.class);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a stored ranking cannot be read", e);
        }
    }

    private static Map<String, Object> answer(String taskId, int revision, String eventId) {
        return Map.of("taskId", taskId, "revision", revision, "eventId", eventId);
    }
}
