package dev.podium.feedback.ranking;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import dev.podium.contracts.TraceParent;
import dev.podium.feedback.outbox.Outbox;
import dev.podium.feedback.task.Assignment;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A submission's round trips: one where it is a plain first ranking, else two more: what there is, under the task's lock,
 * and what becomes of it.
 */
final class Submission {
    private Submission() {}

    /** How a submission stands. */
    enum Status {
        /** The same request is being worked on. */
        IN_FLIGHT,
        /** It was answered before. */
        ANSWERED,
        /** There is no such task in this project. */
        UNKNOWN,
        /** The name was erased while the ranking was on its way. */
        ERASED,
        /** The task is locked, and the rest of the state says how it stands. */
        OPEN
    }

    /**
     * What the database knows; only what belongs to the status is filled in.
     *
     * @param leaseOrder the order that was shown; null without a lease
     * @param revision of the labeler's ranking; 0 when there is none
     */
    record State(
            Status status,
            String answerSha256,
            int answerStatus,
            String answerBody,
            @Nullable String pauseReason,
            String taskId,
            String taskBody,
            int overlap,
            int taken,
            boolean gold,
            @Nullable String leaseOrder,
            int revision,
            boolean retracted,
            String rankingOrder,
            String rankingBody) {
        Task task() {
            try {
                return EventJson.read(taskBody.getBytes(StandardCharsets.UTF_8), Task.class);
            } catch (InvalidEventException e) {
                throw new IllegalStateException("task " + taskId + " cannot be read", e);
            }
        }
    }

    static State ask(
            Connection connection, String labeler, String erasedHash, String key, String project, String taskId)
            throws SQLException {
        try (PreparedStatement ask = connection.prepareStatement(
                "select status, answer_sha256, answer_status, answer_body, pause_reason, task_body, overlap, taken,"
                        + " gold, lease_order, revision, retracted, ranking_order, ranking_body"
                        + " from submission_state(?, ?, ?, ?, ?, ?)")) {
            ask.setString(1, labeler);
            ask.setString(2, key);
            ask.setString(3, project);
            ask.setString(4, taskId);
            ask.setString(5, labeler);
            ask.setString(6, erasedHash);
            try (ResultSet row = ask.executeQuery()) {
                row.next();
                return new State(
                        Status.valueOf(row.getString(1).toUpperCase(Locale.ROOT)),
                        text(row, 2),
                        row.getInt(3),
                        text(row, 4),
                        row.getString(5),
                        taskId,
                        text(row, 6),
                        row.getInt(7),
                        row.getInt(8),
                        row.getBoolean(9),
                        row.getString(10),
                        row.getInt(11),
                        row.getBoolean(12),
                        text(row, 13),
                        text(row, 14));
            }
        }
    }

    private static String text(ResultSet row, int column) throws SQLException {
        String text = row.getString(column);
        return text == null ? "" : text;
    }

    /**
     * The first ranking of a labeler who holds the task, and all that is written along with it.
     *
     * @param payload the event as it is sent
     * @param person version of the labeler's rights by which the request was let in; empty where they were looked up
     * @param wantsNext whether the next task is to come along
     */
    record First(
            RankingSubmitted event,
            String payload,
            String erasedHash,
            String key,
            String requestSha256,
            String answer,
            TraceParent trace,
            Optional<Long> person,
            boolean wantsNext,
            Assignment.Question question) {
        private static final String[] TYPES = {
            "text",
            "text",
            "text",
            "text",
            "text",
            "text",
            "text",
            "text",
            "text",
            "text",
            "text",
            "text",
            "text",
            "int8",
            "int4",
            "int4",
            "int8",
            "bool",
            "bool",
            "text",
            "timestamptz",
            "timestamptz",
            "float8",
            "float8",
            "float8",
            "int4",
            "float4",
            "float4",
            "int8"
        };
        private static final String SQL = "select b.i, f.submitted, f.busy, " + Assignment.Given.COLUMNS
                + " from unnest("
                + Stream.of(TYPES).map(type -> "?::" + type + "[]").collect(Collectors.joining(", "))
                + ") with ordinality as b("
                + IntStream.range(0, TYPES.length).mapToObj(i -> "c" + i + ", ").collect(Collectors.joining())
                + "i) cross join lateral submit_first("
                + IntStream.range(0, TYPES.length).mapToObj(i -> "b.c" + i).collect(Collectors.joining(", ")) + ") f";

        /** The parameters of {@code submit_first}. */
        private List<@Nullable Object> values(boolean wait) {
            List<@Nullable Object> values = new ArrayList<>(Arrays.asList(
                    event.projectId(),
                    event.taskId(),
                    event.labelerId(),
                    erasedHash,
                    key,
                    requestSha256,
                    String.join("\n", event.shownOrder()),
                    event.eventId(),
                    CloudEvents.type(event),
                    payload,
                    answer,
                    trace.toString(),
                    Topics.RANKINGS,
                    event.durationMillis(),
                    event.shownOrder().size(),
                    winnerPosition(event),
                    person.orElse(null),
                    wait,
                    wantsNext));
            values.addAll(question.what());
            values.addAll(question.from());
            return values;
        }
    }

    /**
     * What became of a first ranking.
     *
     * @param busy whether others had its task locked, which was not waited for
     * @param written what came along as its next task; empty where nothing was written, and {@link #ask} tells how it stands
     */
    record Outcome(boolean busy, Optional<Assignment.Given> written) {}

    /**
     * Writes first rankings in one round trip and one transaction. What is not so plain is left out.
     *
     * @param wait whether to wait for what others have locked; only for one ranking by itself
     * @return for each, in their order
     */
    static List<Outcome> first(Connection connection, List<First> rankings, boolean wait) throws SQLException {
        List<List<@Nullable Object>> rows =
                rankings.stream().map(one -> one.values(wait)).toList();
        List<Outcome> outcomes =
                new ArrayList<>(Collections.nCopies(rankings.size(), new Outcome(false, Optional.empty())));
        try (PreparedStatement first = connection.prepareStatement(First.SQL)) {
            for (int i = 0; i < First.TYPES.length; i++) {
                int column = i;
                first.setArray(
                        i + 1,
                        connection.createArrayOf(
                                First.TYPES[i],
                                rows.stream().map(row -> row.get(column)).toArray()));
            }
            try (ResultSet row = first.executeQuery()) {
                while (row.next()) {
                    outcomes.set(
                            row.getInt(1) - 1,
                            row.getBoolean(2)
                                    ? new Outcome(false, Optional.of(Assignment.Given.read(row, 3)))
                                    : new Outcome(row.getBoolean(3), Optional.empty()));
                }
            }
        }
        return outcomes;
    }

    /** Where the one sole winner was shown, from 1; null where several share the first place. */
    static @Nullable Integer winnerPosition(RankingSubmitted event) {
        List<String> best =
                event.groups().isEmpty() ? List.of() : event.groups().getFirst();
        int at = best.size() == 1 ? event.shownOrder().indexOf(best.getFirst()) : -1;
        return at < 0 ? null : at + 1;
    }

    /**
     * The lease and the draft go; ranking, event and answer come; a place is taken where the ranking had none; the
     * revision that is replaced is kept.
     */
    static void write(
            Connection connection,
            RankingSubmitted event,
            String shownOrder,
            boolean takesPlace,
            String key,
            String requestSha256,
            int status,
            String answer,
            TraceParent trace)
            throws SQLException {
        String body = Outbox.requireFits(Topics.RANKINGS, event);
        OffsetDateTime at = event.at().atOffset(ZoneOffset.UTC);
        try (PreparedStatement write =
                connection.prepareStatement("with gone as (delete from lease where task_id = ? and labeler = ?),"
                        + " dropped as (delete from draft where task_id = ? and labeler = ?),"
                        + " kept as (insert into ranking_revision (task_id, labeler, project_id, revision, retracted,"
                        + " body, submitted_at) select task_id, labeler, project_id, revision, retracted,"
                        + " case when retracted then '' else body end, submitted_at from ranking"
                        + " where task_id = ? and labeler = ? on conflict do nothing),"
                        + " counted as (update task set taken = taken + 1 where id = ? and ?),"
                        + " ranked as (insert into ranking (task_id, labeler, project_id, revision, retracted,"
                        + " shown_order, body, submitted_at, duration_millis, shown_count, winner_position)"
                        + " values (?, ?, ?, ?, false, ?, ?, ?, ?, ?, ?)"
                        + " on conflict (task_id, labeler) do update set revision = excluded.revision,"
                        + " retracted = false, shown_order = excluded.shown_order, body = excluded.body,"
                        + " submitted_at = excluded.submitted_at, duration_millis = excluded.duration_millis,"
                        + " shown_count = excluded.shown_count, winner_position = excluded.winner_position),"
                        + " answered as (insert into idempotent_answer (person, key, request_sha256, status, body,"
                        + " created_at) values (?, ?, ?, ?, ?, ?))"
                        + " insert into outbox (id, aggregatetype, aggregateid, type, payload, subject, created_at,"
                        + " traceparent) values (?, ?, ?, ?, ?, ?, ?, ?)")) {
            int i = 0;
            for (int part = 0; part < 3; part++) {
                write.setString(++i, event.taskId());
                write.setString(++i, event.labelerId());
            }
            write.setString(++i, event.taskId());
            write.setBoolean(++i, takesPlace);
            write.setString(++i, event.taskId());
            write.setString(++i, event.labelerId());
            write.setString(++i, event.projectId());
            write.setInt(++i, event.revision());
            write.setString(++i, shownOrder);
            write.setString(++i, body);
            write.setObject(++i, at);
            write.setLong(++i, event.durationMillis());
            write.setInt(++i, event.shownOrder().size());
            write.setObject(++i, winnerPosition(event), Types.SMALLINT);
            write.setString(++i, event.labelerId());
            write.setString(++i, key);
            write.setString(++i, requestSha256);
            write.setInt(++i, status);
            write.setString(++i, answer);
            write.setObject(++i, at);
            write.setString(++i, event.eventId());
            write.setString(++i, Topics.RANKINGS);
            write.setString(++i, event.taskId());
            write.setString(++i, CloudEvents.type(event));
            write.setString(++i, body);
            write.setString(++i, event.taskId());
            write.setObject(++i, at);
            write.setString(++i, trace.toString());
            write.executeUpdate();
        }
    }
}
