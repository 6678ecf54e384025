package dev.podium.feedback.erasure;

import dev.podium.feedback.audit.Act;
import dev.podium.feedback.audit.AuditLog;
import dev.podium.feedback.ranking.Renaming;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.security.ErasedNames;
import dev.podium.feedback.security.People;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Takes a name out of the database. Rankings leave through the outbox: each is retracted under the name, and stands again
 * under the pseudonym where it is kept, without its comment. What the log has of the name stays there; the operations
 * guide says what that is, and why.
 */
@Singleton
class Erasure {
    private static final int PSEUDONYM_CHARACTERS = 12;
    /** Fields of stored JSON that hold a name. */
    private static final List<String> NAME_FIELDS =
            List.of("labelerId", "changedBy", "requestedBy", "by", "labeler", "operator");

    private final EntityManager entities;
    private final Renaming rankings;
    private final People people;
    private final ErasedNames erased;
    private final AuditLog audit;

    Erasure(EntityManager entities, Renaming rankings, People people, ErasedNames erased, AuditLog audit) {
        this.entities = entities;
        this.rankings = rankings;
        this.people = people;
        this.erased = erased;
        this.audit = audit;
    }

    /** Must run in a transaction. */
    ErasureResource.Erased erase(String name, boolean keep, @Nullable String reason) {
        Optional<String> id = people.idOf(name);
        String pseudonym =
                "erased-" + UUID.randomUUID().toString().replace("-", "").substring(0, PSEUDONYM_CHARACTERS);
        long count = rankings.rename(name, keep ? Optional.of(pseudonym) : Optional.empty());
        if (id.isEmpty() && count == 0) {
            throw Refusal.notFound("Person " + name);
        }
        freeLeases(name);
        update("delete from idempotent_answer where person = :name", name);
        update("delete from labeler_statistics where labeler = :name", name);
        update("delete from person where name = :name", name);
        replaceEverywhere(name, pseudonym);
        erased.add(name);
        audit.append(Act.of("person.erased", pseudonym)
                .to(id.orElse(""))
                .because(reason)
                .with("rankings", count)
                .with("kept", keep));
        return new ErasureResource.Erased(count, keep ? pseudonym : null);
    }

    private void freeLeases(String name) {
        update(
                "with gone as (delete from lease where labeler = :name returning task_id)"
                        + " update task set taken = taken - 1 from gone where task.id = gone.task_id",
                name);
    }

    private void update(String sql, String name) {
        entities.createNativeQuery(sql).setParameter("name", name).executeUpdate();
    }

    /**
     * In every text column of every table, also in those that later versions add: the name as a whole value, and as the
     * value of a field of JSON that holds names. What waits in the outbox is left, and gone when it is sent: an event says
     * whose ranking it takes back.
     */
    private void replaceEverywhere(String name, String pseudonym) {
        List<?> columns = entities.createNativeQuery("select c.table_name, c.column_name"
                        + " from information_schema.columns c join information_schema.tables t"
                        + " on t.table_schema = c.table_schema and t.table_name = c.table_name"
                        + " where c.table_schema = current_schema() and t.table_type = 'BASE TABLE'"
                        + " and c.data_type in ('text', 'character varying') and c.is_generated = 'NEVER'"
                        + " and c.table_name not in ('outbox', 'audit_entry', 'flyway_schema_history', 'project_member')"
                        + " order by 1, 2")
                .getResultList();
        for (Object row : columns) {
            String table = quoted(((Object[]) row)[0]);
            String column = quoted(((Object[]) row)[1]);
            entities.createNativeQuery(
                            "update " + table + " set " + column + " = :pseudonym where " + column + " = :name")
                    .setParameter("pseudonym", pseudonym)
                    .setParameter("name", name)
                    .executeUpdate();
            for (String field : NAME_FIELDS) {
                String before = "\"" + field + "\":\"" + name + "\"";
                entities.createNativeQuery("update " + table + " set " + column + " = replace(" + column
                                + ", :before, :after) where strpos(" + column + ", :before) > 0")
                        .setParameter("before", before)
                        .setParameter("after", "\"" + field + "\":\"" + pseudonym + "\"")
                        .executeUpdate();
            }
        }
    }

    private static String quoted(Object identifier) {
        return '"' + String.valueOf(identifier).replace("\"", "\"\"") + '"';
    }
}
