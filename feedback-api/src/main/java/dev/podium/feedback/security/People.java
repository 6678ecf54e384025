package dev.podium.feedback.security;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.podium.feedback.audit.Act;
import dev.podium.feedback.rest.UncheckedSqlException;
import io.agroal.api.AgroalDataSource;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Who is there, and who is in which project. All of it but {@link #find} must run in a transaction. */
@Singleton
public class People {
    private final EntityManager entities;
    private final AgroalDataSource database;

    People(EntityManager entities, AgroalDataSource database) {
        this.entities = entities;
        this.database = database;
    }

    private static final int MOST_RECALLED = 10_000;

    private final Cache<String, Known> recalled = Caffeine.newBuilder()
            .maximumSize(MOST_RECALLED)
            .expireAfterWrite(Duration.ofMinutes(1))
            .build();

    /**
     * Somebody who may log in: not those who are disabled.
     *
     * @param version another one as soon as anything of it is different
     */
    record Known(String name, String passwordHash, int sessionVersion, long version, Access access) {}

    /** As somebody was when the database was asked last; whoever works with it must make sure, see {@link Recalled}. */
    Optional<Known> recall(String name) {
        return Optional.ofNullable(recalled.getIfPresent(name));
    }

    /** One query, in one round trip where no transaction is at work: it runs at nearly every request. */
    Optional<Known> find(String name) {
        if (name.indexOf('\0') >= 0) {
            // PostgreSQL would not take it, and nobody is called so.
            return Optional.empty();
        }
        try (Connection connection = database.getConnection();
                PreparedStatement query = connection.prepareStatement(
                        "select cast(p.id as text), p.password_hash, p.administrator, p.every_project,"
                                + " (select string_agg(m.role || ' ' || m.project_id, ',') from project_member m"
                                + " where m.person = p.name), p.session_version, p.version from person p"
                                + " where p.name = ? and p.disabled_at is null")) {
            query.setString(1, name);
            try (ResultSet row = query.executeQuery()) {
                if (!row.next()) {
                    recalled.invalidate(name);
                    return Optional.empty();
                }
                Known known = new Known(
                        name,
                        row.getString(2),
                        row.getInt(6),
                        row.getLong(7),
                        access(row.getString(1), row.getBoolean(3), row.getString(4), row.getString(5)));
                recalled.put(name, known);
                return Optional.of(known);
            }
        } catch (SQLException e) {
            throw new UncheckedSqlException(e);
        }
    }

    private static Access access(
            String id, boolean administrator, @Nullable String everywhere, @Nullable String projects) {
        Map<String, Role> roles = new HashMap<>();
        if (projects != null) {
            for (String one : projects.split(",")) {
                int space = one.indexOf(' ');
                roles.put(one.substring(space + 1), Role.of(one.substring(0, space)));
            }
        }
        return new Access(
                id, true, administrator, Optional.ofNullable(everywhere).map(Role::of), roles);
    }

    /**
     * Who is meant by a provider's word: the person bound to the subject; else, and from then on, the person of that name
     * who has no password and is bound to nobody yet.
     */
    Optional<String> ofProvider(String issuer, String subject, String name) {
        Optional<String> bound = entities
                .createNativeQuery(
                        "select name from person where oidc_issuer = :issuer and oidc_subject = :subject"
                                + " and disabled_at is null",
                        String.class)
                .setParameter("issuer", issuer)
                .setParameter("subject", subject)
                .getResultList()
                .stream()
                .map(String.class::cast)
                .findFirst();
        if (bound.isPresent() || name.indexOf('\0') >= 0) {
            return bound;
        }
        int now = entities.createNativeQuery("update person set oidc_issuer = :issuer, oidc_subject = :subject"
                        + " where name = :name and password_hash = '' and oidc_subject is null and disabled_at is null"
                        + " and not exists (select 1 from person p where p.oidc_issuer = :issuer"
                        + " and p.oidc_subject = :subject)")
                .setParameter("issuer", issuer)
                .setParameter("subject", subject)
                .setParameter("name", name)
                .executeUpdate();
        return now == 1 ? Optional.of(name) : Optional.empty();
    }

    /**
     * An act in a project upon somebody, who stands in the log by the id alone; without one where a file alone names the
     * labeler.
     */
    public Act actUpon(String name, String action, String target, String project) {
        return Act.of(action, target).in(project).to(idOf(name).orElse(""));
    }

    /** Id of a person; empty when there is none of that name. */
    public Optional<String> idOf(String name) {
        return entities
                .createNativeQuery("select cast(id as text) from person where name = :name", String.class)
                .setParameter("name", name)
                .getResultList()
                .stream()
                .map(String.class::cast)
                .findFirst();
    }

    /** Everybody's projects: name to project to role. */
    Map<String, Map<String, String>> projects() {
        Map<String, Map<String, String>> all = new HashMap<>();
        for (Object row : entities.createNativeQuery("select person, project_id, role from project_member")
                .getResultList()) {
            Object[] values = (Object[]) row;
            all.computeIfAbsent((String) values[0], name -> new TreeMap<>())
                    .put((String) values[1], (String) values[2]);
        }
        return all;
    }

    /** Ends all sessions of somebody, on every device. */
    public void endSessions(String name) {
        entities.createNativeQuery("update person set session_version = session_version + 1 where name = :name")
                .setParameter("name", name)
                .executeUpdate();
    }

    /** Whether somebody of that name was removed, whose work stands under it. */
    boolean wasRemoved(String name) {
        return !entities.createNativeQuery("select 1 from removed_person where name = :name")
                .setParameter("name", name)
                .getResultList()
                .isEmpty();
    }

    /** Name to role of a project's members, those of every project left out. */
    Map<String, String> members(String project) {
        Map<String, String> members = new TreeMap<>();
        for (Object row : entities.createNativeQuery("select person, role from project_member where project_id = :p")
                .setParameter("p", project)
                .getResultList()) {
            Object[] values = (Object[]) row;
            members.put((String) values[0], (String) values[1]);
        }
        return members;
    }

    /** Makes somebody a member, or changes the role. */
    void join(String project, String person, Role role) {
        entities.createNativeQuery(
                        "insert into project_member (project_id, person, role) values (:project, :person, :role)"
                                + " on conflict (project_id, person) do update set role = excluded.role")
                .setParameter("project", project)
                .setParameter("person", person)
                .setParameter("role", role.word())
                .executeUpdate();
    }

    /** Takes somebody out of a project. Returns whether they were in it. */
    boolean leave(String project, String person) {
        return entities.createNativeQuery("delete from project_member where project_id = :project and person = :person")
                        .setParameter("project", project)
                        .setParameter("person", person)
                        .executeUpdate()
                > 0;
    }
}
