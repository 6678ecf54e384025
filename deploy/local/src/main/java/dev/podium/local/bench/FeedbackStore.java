package dev.podium.local.bench;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.RankingRules;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.postgresql.PGConnection;

/** The database under feedback-api: filled by COPY, and asked what is still on its way. */
final class FeedbackStore implements AutoCloseable {
    static final int OUTPUTS = 4;

    private static final String ID = "@ID@";
    private static final Instant CREATED = Instant.parse("2026-01-01T00:00:00Z");

    private final Connection connection;

    FeedbackStore(String jdbcUrl, String user, String password) throws SQLException {
        this.connection = DriverManager.getConnection(jdbcUrl, user, password);
    }

    /** Adds tasks by COPY; their events are not sent yet. */
    void fill(String project, int tasks, RankingRules rules) throws SQLException, IOException {
        String body = EventJson.writeText(template(project, rules));
        try (InputStream rows = new Rows(IntStream.range(0, tasks)
                .mapToObj(i -> {
                    String id = project + "-" + i;
                    return id + "\t" + project + "\t" + rules.overlap() + "\t" + body.replace(ID, id) + "\n";
                })
                .iterator())) {
            connection
                    .unwrap(PGConnection.class)
                    .getCopyAPI()
                    .copyIn("copy task (id, project_id, overlap, body) from stdin", rows, 1 << 16);
        }
        try (Statement statement = connection.createStatement()) {
            statement.execute("vacuum analyze task");
            statement.execute("checkpoint");
        }
    }

    /** Has the events of a project's tasks sent; of all of them, or of those that were ranked. */
    void announce(String project, boolean all) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("insert into outbox (id, aggregatetype, aggregateid, type, payload, subject, created_at)"
                    + " select gen_random_uuid()::text, '" + Topics.TASKS + "', t.id, '"
                    + CloudEvents.type(template(project, RankingRules.DEFAULT)) + "', t.body, t.id, now()"
                    + " from task t where t.project_id = '" + project + "'"
                    + (all ? "" : " and exists (select 1 from ranking r where r.task_id = t.id)"));
        }
    }

    long count(String sql) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getLong(1);
        }
    }

    void execute(String... statements) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (String each : statements) {
                statement.execute(each);
            }
        }
    }

    @Override
    public void close() throws SQLException {
        connection.close();
    }

    /** Texts as long as short replies to customers are; nothing in it needs an escape in COPY. */
    private static Task template(String project, RankingRules rules) {
        List<Output> outputs = new ArrayList<>();
        for (int i = 0; i < OUTPUTS; i++) {
            outputs.add(new Output(
                    ID + "-" + i,
                    "Answer " + i + ": we are sorry that your lamp does not start. Please charge the battery for an"
                            + " hour, then press the button twice while the light is green.",
                    Output.Provenance.imported(),
                    List.of()));
        }
        return new Task(
                project,
                ID,
                List.of(Message.user("My lamp " + ID + " does not start. What can I do?")),
                outputs,
                rules,
                Optional.of("podium-nano"),
                Optional.empty(),
                CREATED);
    }

    /** Lines as a stream of bytes. */
    private static final class Rows extends InputStream {
        private final Iterator<String> lines;
        private byte[] current = new byte[0];
        private int at;

        Rows(Iterator<String> lines) {
            this.lines = lines;
        }

        @Override
        public int read() {
            return more() ? current[at++] & 0xff : -1;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) {
            int read = 0;
            while (read < length && more()) {
                int part = Math.min(length - read, current.length - at);
                System.arraycopy(current, at, bytes, offset + read, part);
                at += part;
                read += part;
            }
            return read == 0 && length > 0 ? -1 : read;
        }

        private boolean more() {
            while (at == current.length && lines.hasNext()) {
                current = lines.next().getBytes(StandardCharsets.UTF_8);
                at = 0;
            }
            return at < current.length;
        }
    }
}
