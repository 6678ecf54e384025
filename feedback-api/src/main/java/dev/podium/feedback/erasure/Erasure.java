package dev.podium.feedback.erasure;

import dev.podium.contracts.EventJson;
import dev.podium.feedback.audit.Act;
import dev.podium.feedback.audit.AuditLog;
import dev.podium.feedback.quality.Reliabilities;
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
    /** A column that holds people's names. */
    record Column(String table, String column) {}

    /** A field of stored JSON that holds a name. */
    record Field(String table, String column, String field) {}

    /** Every column that holds names of people; a new text column goes here, or into the test's list of those that do not. */
    static final List<Column> PEOPLE = List.of(
            new Column("adapter_retired", "retired_by"),
            new Column("adjudication", "adjudicator"),
            new Column("artifact_collection", "started_by"),
            new Column("channel_rule", "changed_by"),
            new Column("draft", "labeler"),
            new Column("draft_drop", "labeler"),
            new Column("excluded_labeler", "excluded_by"),
            new Column("excluded_labeler", "labeler"),
            new Column("gold_answer", "added_by"),
            new Column("gold_result", "labeler"),
            new Column("idempotent_answer", "person"),
            new Column("labeler_reliability", "labeler"),
            new Column("labeler_reliability", "published_by"),
            new Column("labeler_state", "labeler"),
            new Column("labeler_state", "paused_by"),
            new Column("labeler_statistics", "labeler"),
            new Column("lease", "labeler"),
            new Column("planned_round", "requested_by"),
            new Column("planned_round", "without_labeler"),
            new Column("ranking", "labeler"),
            new Column("ranking_revision", "labeler"),
            new Column("remark", "labeler"),
            new Column("remark", "settled_by"),
            new Column("removed_person", "name"),
            new Column("retention_policy", "changed_by"),
            new Column("round", "requested_by"),
            new Column("rule", "set_by"));

    static final List<Field> FIELDS = List.of(
            new Field("adjudication", "body", "adjudicatorId"),
            new Field("artifact_collection", "body", "startedBy"),
            new Field("channel_change", "body", "changedBy"),
            new Field("preference", "body", "labelerId"),
            new Field("ranking", "body", "labelerId"));

    /** Columns in which people write about people; a name is taken out of them where it is a word. */
    static final List<Column> FREE_TEXT = List.of(
            new Column("excluded_labeler", "reason"),
            new Column("labeler_reliability", "reason"),
            new Column("labeler_state", "pause_reason"),
            new Column("planned_round", "note"),
            new Column("planned_round", "reason"),
            new Column("remark", "note"),
            new Column("round", "reason"),
            new Column("rule", "last_refusal"),
            new Column("rule_decision", "reason"));

    /** Tables whose JSON has such a text in its field {@code reason}. */
    static final List<String> TABLES_WITH_REASON = List.of("adjudication", "channel_change");

    /** A shorter name is too often another word. */
    private static final int LEAST_WORD_CHARACTERS = 3;

    private final EntityManager entities;
    private final Renaming rankings;
    private final Reliabilities reliabilities;
    private final People people;
    private final ErasedNames erased;
    private final AuditLog audit;

    Erasure(
            EntityManager entities,
            Renaming rankings,
            Reliabilities reliabilities,
            People people,
            ErasedNames erased,
            AuditLog audit) {
        this.entities = entities;
        this.rankings = rankings;
        this.reliabilities = reliabilities;
        this.people = people;
        this.erased = erased;
        this.audit = audit;
    }

    /**
     * Keeps the name from coming back while it goes and ever after: nobody logs in by it, and no ranking is taken under it,
     * neither one on its way nor one of a file. Must run in a transaction, before {@link #erase}.
     *
     * @throws Refusal 404 when the name stands nowhere
     */
    void close(String name) {
        if (!isKnown(name)) {
            throw Refusal.notFound("Person " + name);
        }
        // Whoever submits holds this lock shared: after it, what was on its way is stored, and all others see the name.
        entities.createNativeQuery(
                        "select cast(pg_advisory_xact_lock(hashtextextended(:name, 13)) as text)", String.class)
                .setParameter("name", name)
                .getSingleResult();
        update("update person set disabled_at = coalesce(disabled_at, now()) where name = :name", name);
        erased.add(name);
    }

    /** Must run in a transaction. */
    ErasureResource.Erased erase(String name, boolean keep, @Nullable String reason) {
        Optional<String> id = people.idOf(name);
        String pseudonym =
                "erased-" + UUID.randomUUID().toString().replace("-", "").substring(0, PSEUDONYM_CHARACTERS);
        Optional<String> kept = keep ? Optional.of(pseudonym) : Optional.empty();
        reliabilities.rename(name, kept);
        long count = rankings.rename(name, kept);
        freeLeases(name);
        update("delete from draft where labeler = :name", name);
        update("delete from draft_drop where labeler = :name", name);
        // The newest revision is in the ranking; those before it hold words of the person's own.
        update("delete from ranking_revision where labeler = :name", name);
        update("delete from idempotent_answer where person = :name", name);
        update("delete from labeler_statistics where labeler = :name", name);
        update("delete from labeler_state where labeler = :name", name);
        if (keep) {
            update("update remark set note = '' where labeler = :name", name);
        } else {
            update("delete from remark where labeler = :name", name);
            update("delete from gold_result where labeler = :name", name);
        }
        // What Kafka never takes is not sent: it goes as it lies.
        update("delete from outbox where refused is not null and strpos(payload, :name) > 0", field("labelerId", name));
        update("delete from person where name = :name", name);
        update("delete from removed_person where name = :name", name);
        replaceEverywhere(name, pseudonym);
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

    /** Whether the name stands anywhere, also of somebody who cannot log in any more. */
    boolean isKnown(String name) {
        if (people.idOf(name).isPresent()) {
            return true;
        }
        return PEOPLE.stream()
                .anyMatch(each -> !entities.createNativeQuery(
                                "select 1 from " + each.table() + " where " + each.column() + " = :name limit 1")
                        .setParameter("name", name)
                        .getResultList()
                        .isEmpty());
    }

    /**
     * The name as a value, as the value of a field of JSON, and as a word where people write reasons. What waits in the
     * outbox is left, and gone when it is sent: an event says whose ranking it takes back.
     */
    private void replaceEverywhere(String name, String pseudonym) {
        for (Column each : PEOPLE) {
            change(
                    "update " + each.table() + " set " + each.column() + " = :after where " + each.column()
                            + " = :before",
                    name,
                    pseudonym);
        }
        for (Field each : FIELDS) {
            change(
                    "update " + each.table() + " set " + each.column() + " = replace(" + each.column()
                            + ", :before, :after) where strpos(" + each.column() + ", :before) > 0",
                    field(each.field(), name),
                    field(each.field(), pseudonym));
        }
        FREE_TEXT.forEach(each -> changeWord(each.table(), each.column(), name, pseudonym));
        TABLES_WITH_REASON.forEach(table -> changeWordOfReason(table, name, pseudonym));
    }

    private void changeWord(String table, String column, String name, String pseudonym) {
        if (name.length() >= LEAST_WORD_CHARACTERS) {
            change(
                    "update " + table + " set " + column + " = regexp_replace(" + column + ", :before, :after, 'g')"
                            + " where " + column + " ~ :before",
                    word(name),
                    pseudonym);
        }
    }

    private void changeWordOfReason(String table, String name, String pseudonym) {
        if (name.length() >= LEAST_WORD_CHARACTERS) {
            String reason = "cast(body as json) ->> 'reason'";
            change(
                    "update " + table + " set body = replace(body, '\"reason\":' || cast(to_json(" + reason
                            + ") as text), '\"reason\":' || cast(to_json(regexp_replace(" + reason
                            + ", :before, :after, 'g')) as text)) where " + reason + " ~ :before",
                    word(name),
                    pseudonym);
        }
    }

    private void change(String sql, String before, String after) {
        entities.createNativeQuery(sql)
                .setParameter("before", before)
                .setParameter("after", after)
                .executeUpdate();
    }

    /** A field of JSON with its value, as events are written. */
    private static String field(String field, String value) {
        return "\"" + field + "\":" + EventJson.writeText(value);
    }

    /** A regular expression of PostgreSQL for the name where it is no part of a longer word. */
    private static String word(String name) {
        return "(?<![[:alnum:]_])" + name.replaceAll("[^\\p{L}\\p{N}]", "\\\\$0") + "(?![[:alnum:]_])";
    }
}
