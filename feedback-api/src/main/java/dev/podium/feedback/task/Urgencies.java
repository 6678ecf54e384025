package dev.podium.feedback.task;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.Task;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.rest.UncheckedSqlException;
import io.agroal.api.AgroalDataSource;
import jakarta.inject.Singleton;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Keeps the urgency of open tasks after what the votes and the newest model say. All of it must run in a transaction. */
@Singleton
public class Urgencies {
    private static final ObjectMapper JSON = EventJson.mapper();
    private static final TypeReference<Map<String, Urgency.Score>> SCORES = new TypeReference<>() {};

    private final AgroalDataSource database;
    private final Walks walks;

    Urgencies(AgroalDataSource database, Walks walks) {
        this.database = database;
        this.walks = walks;
    }

    /** What a model says of one task's outputs. */
    public record Scored(String taskId, Map<String, Urgency.Score> scores) {}

    /** After new votes. A set of which nothing is known to be open costs one look. */
    public void update(Collection<PreferenceSet> sets) {
        if (sets.isEmpty()) {
            return;
        }
        try (Connection connection = database.getConnection()) {
            Map<String, Map<String, Urgency.Score>> scores =
                    scores(connection, sets.stream().map(PreferenceSet::taskId).toList());
            Map<String, Double> urgencies = new HashMap<>();
            for (PreferenceSet set : sets) {
                List<String> outputs = Urgency.outputs(set);
                if (outputs.size() > 1) {
                    urgencies.put(
                            set.taskId(),
                            Urgency.of(outputs, Urgency.votes(set), scores.getOrDefault(set.taskId(), Map.of())));
                }
            }
            write(connection, urgencies);
        } catch (SQLException e) {
            throw new UncheckedSqlException(e);
        }
    }

    /**
     * Stores what a model says of a project's tasks, and looks at them anew. Returns how many there are.
     *
     * @param source of the scores, e.g. the reward adapter's version
     */
    public int score(String project, String source, List<Scored> tasks) {
        try (Connection connection = database.getConnection()) {
            Map<String, Double> urgencies = new HashMap<>();
            for (Scored each : tasks) {
                Known known = known(connection, project, each.taskId());
                List<String> ids =
                        known.task().outputs().stream().map(Output::id).toList();
                for (String id : each.scores().keySet()) {
                    if (!ids.contains(id)) {
                        throw Refusal.unprocessable(
                                "unknown_output", "Output " + id + " does not belong to task " + each.taskId() + ".");
                    }
                }
                try (PreparedStatement store = connection.prepareStatement(
                        "insert into task_score (task_id, project_id, source, body, scored_at) values (?, ?, ?, ?, ?)"
                                + " on conflict (task_id) do update set source = excluded.source,"
                                + " body = excluded.body, scored_at = excluded.scored_at")) {
                    store.setString(1, each.taskId());
                    store.setString(2, project);
                    store.setString(3, source);
                    store.setString(4, EventJson.writeText(each.scores()));
                    store.setObject(5, Clock.systemUTC().instant().atOffset(ZoneOffset.UTC));
                    store.executeUpdate();
                }
                urgencies.put(each.taskId(), Urgency.of(known.outputs(ids), known.votes(), each.scores()));
            }
            write(connection, urgencies);
            walks.forget(project);
            return tasks.size();
        } catch (SQLException e) {
            throw new UncheckedSqlException(e);
        }
    }

    private record Known(
            Task task, @org.jspecify.annotations.Nullable PreferenceSet set) {
        Map<String, Double> votes() {
            return set == null ? Map.of() : Urgency.votes(set);
        }

        List<String> outputs(List<String> all) {
            return set == null || Urgency.outputs(set).isEmpty() ? all : Urgency.outputs(set);
        }
    }

    private static Known known(Connection connection, String project, String taskId) throws SQLException {
        try (PreparedStatement query = connection.prepareStatement("select t.body, p.body from task t"
                + " left join preference p on p.task_id = t.id where t.id = ? and t.project_id = ?")) {
            query.setString(1, taskId);
            query.setString(2, project);
            try (ResultSet row = query.executeQuery()) {
                if (!row.next()) {
                    throw Refusal.notFound("Task " + taskId);
                }
                String set = row.getString(2);
                return new Known(
                        EventJson.read(bytes(row.getString(1)), Task.class),
                        set == null ? null : EventJson.read(bytes(set), PreferenceSet.class));
            } catch (InvalidEventException e) {
                throw new IllegalStateException("task " + taskId + " cannot be read", e);
            }
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static Map<String, Map<String, Urgency.Score>> scores(Connection connection, List<String> tasks)
            throws SQLException {
        Map<String, Map<String, Urgency.Score>> scores = new HashMap<>();
        try (PreparedStatement query =
                connection.prepareStatement("select task_id, body from task_score where task_id = any(?)")) {
            query.setArray(1, connection.createArrayOf("text", tasks.toArray()));
            try (ResultSet rows = query.executeQuery()) {
                while (rows.next()) {
                    scores.put(rows.getString(1), JSON.readValue(rows.getString(2), SCORES));
                }
            } catch (JsonProcessingException e) {
                throw new IllegalStateException("stored scores cannot be read", e);
            }
        }
        return scores;
    }

    /**
     * Only of tasks that are open, in projects that want it. A task that somebody works on just now is left out: whoever
     * holds it makes new votes of it soon, and waiting for them would hold up all others.
     */
    private static void write(Connection connection, Map<String, Double> urgencies) throws SQLException {
        if (urgencies.isEmpty()) {
            return;
        }
        List<Map.Entry<String, Double>> all = List.copyOf(urgencies.entrySet());
        try (PreparedStatement update = connection.prepareStatement("with wanted as ("
                + "select v.id, v.urgency from unnest(?::text[], ?::real[]) as v(id, urgency)),"
                + " locked as (select t.id, wanted.urgency from task t join wanted on wanted.id = t.id"
                + " where t.open and t.urgency <> wanted.urgency"
                + " and not exists (select 1 from work_rules w where w.project_id = t.project_id"
                + " and not w.active_sampling) for update of t skip locked)"
                + " update task set urgency = locked.urgency from locked where task.id = locked.id")) {
            update.setArray(
                    1,
                    connection.createArrayOf(
                            "text", all.stream().map(Map.Entry::getKey).toArray()));
            update.setArray(
                    2,
                    connection.createArrayOf(
                            "float4",
                            all.stream().map(e -> e.getValue().floatValue()).toArray()));
            update.executeUpdate();
        }
    }
}
