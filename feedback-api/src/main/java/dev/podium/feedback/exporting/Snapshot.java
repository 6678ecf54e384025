package dev.podium.feedback.exporting;

import dev.podium.contracts.Topics;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Map;
import java.util.TreeMap;

/**
 * What the database held at one moment, however long it is read: a transaction that sees nothing of what comes after.
 * Several files of one snapshot belong together.
 */
final class Snapshot implements AutoCloseable {
    private static final int FETCH_ROWS = 200;
    private static final int BUFFER_BYTES = 1 << 16;

    private final Connection connection;
    private final String project;

    Snapshot(Connection connection, String project) throws SQLException {
        this.connection = connection;
        this.project = project;
        try {
            connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            connection.setReadOnly(true);
            connection.setAutoCommit(false);
        } catch (SQLException e) {
            connection.close();
            throw e;
        }
    }

    /** A file that was written. */
    record Written(long rows, long sets, long bytes, String sha256) {}

    /** How far the preference sets were read when the snapshot was taken: offset by partition. */
    Map<String, Long> positions() throws SQLException {
        Map<String, Long> positions = new TreeMap<>();
        try (PreparedStatement query =
                connection.prepareStatement("select partition, next_offset from projection_position where topic = ?")) {
            query.setString(1, Topics.PREFERENCES);
            try (ResultSet rows = query.executeQuery()) {
                while (rows.next()) {
                    positions.put(Integer.toString(rows.getInt(1)), rows.getLong(2));
                }
            }
        }
        return positions;
    }

    /** Whether a prompt of more than one message is among the sets. */
    boolean hasConversations() throws SQLException {
        try (PreparedStatement query = connection.prepareStatement(
                "select exists (select 1 from preference where project_id = ? and decided and turns > 1)")) {
            query.setString(1, project);
            try (ResultSet rows = query.executeQuery()) {
                rows.next();
                return rows.getBoolean(1);
            }
        }
    }

    /** Writes a file. The stream stays open: closing it would end the response, also after a failure. */
    Written write(ExportFormat format, ListOrder order, FileType type, OutputStream target)
            throws IOException, SQLException {
        Counted counted = new Counted(new BufferedOutputStream(target, BUFFER_BYTES));
        Counter rows = new Counter(type.open(counted, format));
        long sets = 0;
        try (PreparedStatement query = connection.prepareStatement("select body from preference where project_id = ?"
                + (format.wantsUndecided() ? " and rankings > 0" : " and decided") + " order by task_id")) {
            query.setFetchSize(FETCH_ROWS);
            query.setString(1, project);
            try (ResultSet found = query.executeQuery()) {
                while (found.next()) {
                    format.rows(found.getString(1), order, rows);
                    sets++;
                }
            }
        }
        rows.finish();
        counted.flush();
        return new Written(rows.rows, sets, counted.bytes(), counted.sha256());
    }

    private static final class Counter implements Sink {
        private final Sink sink;
        private long rows;

        Counter(Sink sink) {
            this.sink = sink;
        }

        @Override
        public void write(Record row) throws IOException {
            sink.write(row);
            rows++;
        }

        @Override
        public void finish() throws IOException {
            sink.finish();
        }
    }

    @Override
    public void close() throws SQLException {
        try (connection) {
            connection.rollback();
            connection.setAutoCommit(true);
            connection.setReadOnly(false);
            connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        }
    }
}
