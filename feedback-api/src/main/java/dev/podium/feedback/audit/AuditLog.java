package dev.podium.feedback.audit;

import dev.podium.contracts.EventJson;
import dev.podium.feedback.security.Access;
import io.agroal.api.AgroalDataSource;
import io.quarkus.arc.Arc;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.Tuple;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Appends to the log, in the transaction of the act itself, and looks whether the log is whole. */
@Singleton
public class AuditLog {
    private static final long APPEND_LOCK = 0x617564697400L;
    private static final int FETCH_ROWS = 500;
    private static final String COLUMNS =
            "sequence, at, actor, action, project_id, target, person, reason, detail, previous, hash";

    private final EntityManager entities;
    private final AgroalDataSource database;
    private final SecurityIdentity identity;
    private final AuditedRequest request;

    AuditLog(EntityManager entities, AgroalDataSource database, SecurityIdentity identity, AuditedRequest request) {
        this.entities = entities;
        this.database = database;
        this.identity = identity;
        this.request = request;
    }

    /** Appends an act of who is logged in. Must run in a transaction; others that append wait for its end. */
    public void append(Act act) {
        boolean asked = Arc.container().requestContext().isActive();
        appendAs(asked ? Access.of(identity).actor() : Access.SYSTEM, act);
        if (asked) {
            request.written();
        }
    }

    /** The request at hand only looks, though its method is one that changes things: it needs no entry. */
    public void nothingIsChanged() {
        request.written();
    }

    /** Appends an act of somebody who was logged in when it began. Must run in a transaction. */
    public void appendAs(String actor, Act act) {
        entities.createNativeQuery("select cast(pg_advisory_xact_lock(:lock) as text)", String.class)
                .setParameter("lock", APPEND_LOCK)
                .getSingleResult();
        List<Tuple> last = entities.createNativeQuery(
                        "select sequence, hash from audit_entry order by sequence desc limit 1", Tuple.class)
                .getResultList();
        long sequence = last.isEmpty()
                ? 1
                : last.getFirst().get("sequence", Number.class).longValue() + 1;
        AuditEntry open = new AuditEntry(
                sequence,
                Clock.systemUTC().instant().toString(),
                actor,
                act.action(),
                act.project(),
                act.target(),
                act.person(),
                act.reason(),
                EventJson.writeText(new TreeMap<>(act.detail())),
                last.isEmpty() ? "" : last.getFirst().get("hash", String.class),
                "");
        entities.createNativeQuery("insert into audit_entry (" + COLUMNS + ") values (:sequence, :at, :actor, :action,"
                        + " :project, :target, :person, :reason, :detail, :previous, :hash)")
                .setParameter("sequence", open.sequence())
                .setParameter("at", open.at())
                .setParameter("actor", open.actor())
                .setParameter("action", open.action())
                .setParameter("project", open.project())
                .setParameter("target", open.target())
                .setParameter("person", open.person())
                .setParameter("reason", open.reason())
                .setParameter("detail", open.detail())
                .setParameter("previous", open.previous())
                .setParameter("hash", open.expectedHash())
                .executeUpdate();
    }

    /**
     * Whether the log is whole.
     *
     * @param head hash of the last entry: who notes it elsewhere finds out if the end of the log is cut off
     * @param broken the first entry that does not fit, where there is one
     * @param knowsHead whether the hash that was asked for is in the log
     */
    public record Verdict(
            boolean whole, long entries, String head, Optional<Long> broken, Optional<Boolean> knowsHead) {}

    /** Reads all of the log, in portions. */
    Verdict verify(@Nullable String wanted) {
        long entries = 0;
        String head = "";
        boolean seen = false;
        try (Connection connection = database.getConnection()) {
            connection.setAutoCommit(false);
            try (PreparedStatement query =
                    connection.prepareStatement("select " + COLUMNS + " from audit_entry order by sequence")) {
                query.setFetchSize(FETCH_ROWS);
                try (ResultSet rows = query.executeQuery()) {
                    while (rows.next()) {
                        AuditEntry entry = read(rows);
                        entries++;
                        boolean fits = entry.sequence() == entries
                                && entry.previous().equals(head)
                                && entry.hash().equals(entry.expectedHash());
                        if (!fits) {
                            return new Verdict(false, entries, head, Optional.of(entry.sequence()), Optional.empty());
                        }
                        head = entry.hash();
                        seen |= head.equals(wanted);
                    }
                }
            } finally {
                connection.rollback();
            }
        } catch (SQLException e) {
            throw new IllegalStateException("the audit log cannot be read", e);
        }
        return new Verdict(
                wanted == null || seen,
                entries,
                head,
                Optional.empty(),
                wanted == null ? Optional.empty() : Optional.of(seen));
    }

    private static AuditEntry read(ResultSet row) throws SQLException {
        return new AuditEntry(
                row.getLong(1),
                row.getString(2),
                row.getString(3),
                row.getString(4),
                row.getString(5),
                row.getString(6),
                row.getString(7),
                row.getString(8),
                row.getString(9),
                row.getString(10),
                row.getString(11));
    }

    /** An entry as people read it: with the names of those who are still there. */
    public record View(
            long sequence,
            String at,
            String actor,
            String action,
            String project,
            String target,
            String person,
            String reason,
            String detail,
            String hash) {}

    /** Newest first. Must run in a transaction. */
    List<View> list(Optional<String> project, long before, int limit) {
        List<View> all = new ArrayList<>();
        String name = "coalesce((select p.name from person p where cast(p.id as text) = e.%1$s),"
                + " (select 'token ' || t.name from api_token t where cast(t.id as text) = e.%1$s), e.%1$s)";
        List<Tuple> rows = entities.createNativeQuery(
                        "select sequence, at, " + name.formatted("actor") + " as actor, action, project_id, target, "
                                + name.formatted("person") + " as person, reason, detail, hash from audit_entry e"
                                + " where sequence < :before and (:project = '' or project_id = :project)"
                                + " order by sequence desc limit " + limit,
                        Tuple.class)
                .setParameter("before", before)
                .setParameter("project", project.orElse(""))
                .getResultList();
        for (Tuple row : rows) {
            all.add(new View(
                    row.get("sequence", Number.class).longValue(),
                    row.get("at", String.class),
                    row.get("actor", String.class),
                    row.get("action", String.class),
                    row.get("project_id", String.class),
                    row.get("target", String.class),
                    row.get("person", String.class),
                    row.get("reason", String.class),
                    row.get("detail", String.class),
                    row.get("hash", String.class)));
        }
        return all;
    }
}
