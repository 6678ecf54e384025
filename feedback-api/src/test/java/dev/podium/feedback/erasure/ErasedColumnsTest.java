package dev.podium.feedback.erasure;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.podium.embedded.testing.ServersResource;
import io.agroal.api.AgroalDataSource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Of every text column somebody has said whether people stand in it. */
@QuarkusTest
@WithTestResource(ServersResource.class)
class ErasedColumnsTest {
    /**
     * Ids, closed choices, hashes, and texts of projects. Rows that go as a whole are here too, as are the log of audits (of
     * ids alone), and the outbox, whose rows are sent.
     */
    private static final Set<String> NOT_PEOPLE = Set.of("""
        adapter.body adapter.kind adapter.project_id adapter.signature adapter.version
        adapter_load.body adapter_load.instance_id adapter_load.project_id
        adapter_retired.project_id adapter_retired.version adjudication.project_id adjudication.task_id
        api_token.name api_token.project_id api_token.role api_token.sha256
        audit_entry.action audit_entry.actor audit_entry.at audit_entry.detail audit_entry.hash audit_entry.person
        audit_entry.previous audit_entry.project_id audit_entry.reason audit_entry.target
        channel_change.channel channel_change.project_id channel_change.version
        channel_rule.channel channel_rule.project_id draft.body draft.project_id draft.task_id draft_drop.task_id
        erased_name.hash
        excluded_labeler.project_id export_manifest.body export_manifest.project_id
        gold_answer.body gold_answer.project_id gold_answer.task_id gold_result.project_id gold_result.task_id
        idempotent_answer.body idempotent_answer.key idempotent_answer.request_sha256
        labeler_reliability.project_id labeler_reliability.source labeler_state.project_id
        labeler_statistics.body labeler_statistics.project_id
        lease.project_id lease.shown_order lease.task_id
        outbox.aggregateid outbox.aggregatetype outbox.id outbox.payload outbox.refused outbox.signature
        outbox.subject outbox.traceparent outbox.type
        person.every_project person.name person.oidc_issuer person.oidc_subject person.password_hash
        planned_round.id planned_round.kind planned_round.plan_id planned_round.project_id planned_round.request
        planned_round.rerun_of planned_round.round_id planned_round.rule planned_round.state
        preference.project_id preference.task_id
        project.base_model project.guidelines project.id project.name project.rules
        project_member.person project_member.project_id project_member.role projection_position.topic
        ranking.project_id ranking.shown_order ranking.task_id
        ranking_revision.body ranking_revision.project_id ranking_revision.task_id
        remark.kind remark.project_id remark.reason remark.task_id retention_policy.project_id
        round.config round.data_set_sha256 round.id round.idempotency_key round.initial_adapter round.kind
        round.project_id round.request_sha256 round.rerun_of round.reward_adapter round.version
        round_event.body round_event.round_id round_event.type
        rule.body rule.name rule.project_id
        rule_decision.decision rule_decision.plan_id rule_decision.project_id rule_decision.rule
        task.body task.id task.project_id task_score.body task_score.project_id task_score.source task_score.task_id
        work_rules.aggregation work_rules.project_id
        """.strip().split("\\s+"));

    @Inject
    AgroalDataSource database;

    @Test
    void everyTextColumnHoldsPeopleOrIsKnownToHoldNone() throws Exception {
        TreeSet<String> found = new TreeSet<>();
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("select c.table_name || '.' || c.column_name"
                        + " from information_schema.columns c join information_schema.tables t"
                        + " on t.table_schema = c.table_schema and t.table_name = c.table_name"
                        + " where c.table_schema = current_schema() and t.table_type = 'BASE TABLE'"
                        + " and c.data_type in ('text', 'character varying')"
                        + " and c.table_name <> 'flyway_schema_history'")) {
            while (rows.next()) {
                found.add(rows.getString(1));
            }
        }
        TreeSet<String> said = Stream.of(
                        Erasure.PEOPLE.stream().map(each -> each.table() + "." + each.column()),
                        Erasure.FREE_TEXT.stream().map(each -> each.table() + "." + each.column()),
                        Erasure.FIELDS.stream().map(each -> each.table() + "." + each.column()),
                        NOT_PEOPLE.stream())
                .flatMap(each -> each)
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(String.join("\n", found), String.join("\n", said));
    }
}
