package dev.podium.feedback;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundKind;
import dev.podium.embedded.testing.ServersResource;
import io.agroal.api.AgroalDataSource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.configuration.FluentConfiguration;
import org.junit.jupiter.api.Test;

/** What earlier versions stored is still right after all migrations. */
@QuarkusTest
@WithTestResource(ServersResource.class)
class MigrationTest {
    @Inject
    AgroalDataSource database;

    @Test
    void rowsOfTheSecondSchemaComeThroughAllLaterOnes() throws Exception {
        FluentConfiguration flyway =
                Flyway.configure().dataSource(database).schemas("earlier").locations("classpath:db/migration");
        flyway.target("2").load().migrate();
        RoundCommand command = new RoundCommand.StartRound(
                "r",
                "p",
                RoundKind.PPO,
                "v1",
                "podium-nano",
                RoundConfig.defaults(RoundKind.PPO),
                List.of(),
                Optional.empty(),
                Optional.of("v0"),
                List.of(List.of(Message.user("\"quoted\" \\ and ✓"))),
                List.of(),
                "operator",
                Instant.EPOCH);
        execute("insert into earlier.person values ('olga', '', 'operator', now()), ('ann', '', 'labeler', now())");
        execute("insert into earlier.project values ('p', 'P', '', 'podium-nano', '{}', 1, now())");
        execute("insert into earlier.task (id, project_id, overlap, taken, body) values"
                + " ('imported', 'p', 1, 0, ''), ('taken-back', 'p', 1, -1, ''), ('leased', 'p', 2, 1, '')");
        execute("insert into earlier.ranking values ('imported', 'imported', 'p', 1, false, '', '', now()),"
                + " ('taken-back', 'ann', 'p', 2, true, '', '', now())");
        execute("insert into earlier.lease values (gen_random_uuid(), 'leased', 'p', 'ann', 'a', now())");
        execute(
                "insert into earlier.round values ('r', 'p', 'PPO', 'v1', ?, null, 'operator', now())",
                EventJson.writeText(command));
        execute("insert into earlier.channel_change values ('p', 'production', 1, 'v1', '{\"reason\":\"a try\"}'),"
                + " ('p', 'production', 2, 'v2', '{}'),"
                + " ('p', 'production', 3, 'v1', '{\"reason\":\"rolled back from v2 to change 1\"}')");

        flyway.target("latest").load().migrate();

        assertEquals(
                "imported 1, leased 1, taken-back 0",
                one("select string_agg(id || ' ' || taken, ', ' order by id) from earlier.task"));
        assertEquals(
                "ann false labeler, olga true -",
                one("select string_agg(name || ' ' || administrator || ' ' || coalesce(every_project, '-'), ', '"
                        + " order by name) from earlier.person"));
        assertEquals("v0", one("select reward_adapter from earlier.round where initial_adapter is null"));
        assertEquals(
                RoundConfig.defaults(RoundKind.PPO),
                EventJson.mapper().readValue(one("select config from earlier.round"), RoundConfig.class));
        assertEquals(
                "0 0 1",
                one("select string_agg(rolled_back_to::text, ' ' order by sequence) from earlier.channel_change"));
    }

    private void execute(String sql, String... values) throws SQLException {
        try (Connection connection = database.getConnection();
                PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                statement.setString(i + 1, values[i]);
            }
            statement.executeUpdate();
        }
    }

    private String one(String sql) throws SQLException {
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getString(1);
        }
    }
}
