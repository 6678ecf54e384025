package dev.podium.feedback;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.TraceParent;
import dev.podium.embedded.testing.ServersResource;
import io.agroal.api.AgroalDataSource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import jakarta.inject.Inject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.MigrationInfo;
import org.flywaydb.core.api.configuration.FluentConfiguration;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What earlier versions stored is still right after all migrations. */
@QuarkusTest
@WithTestResource(ServersResource.class)
class MigrationTest {
    private static final Path MIGRATIONS = Path.of("src/main/resources/db/migration");
    private static final String FUNCTIONS = "R__labeling_functions.sql";

    @Inject
    AgroalDataSource database;

    @Inject
    Flyway application;

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

    @Test
    void instancesOfTheVersionBeforeGoOnTakingFirstRankingsWhileTheyAreReplaced() throws Exception {
        // Given a labeler who holds a task, and another one behind it
        String project = Api.project("{}");
        Api.tasks(project, 2);
        String labeler = Api.person("labeler");
        Response held = Api.next(labeler, project);
        String task = held.path("task.id");
        List<String> shown = held.path("task.outputs.id");

        // When an instance of the version before writes the ranking, as it does
        String submitted = one(
                "select submitted || ' ' || status || ' ' || (task_id <> '" + task + "')"
                        + " from submit_first(?, ?, ?, '', ?, 'sha', ?, ?, 'rlhf.RankingSubmitted.v1', '{}', '{}', ?,"
                        + " 'rlhf.rankings.v1', ?::bigint, ?::int, ?::int, ?::bigint, ?::boolean, ?, ?::timestamptz,"
                        + " ?::timestamptz, ?::float8, ?::float8, ?::float8, ?::int, ?::float4, ?::float4, ?::bigint)",
                project,
                task,
                labeler,
                UUID.randomUUID().toString(),
                String.join("\n", shown),
                UUID.randomUUID().toString(),
                TraceParent.begin().toString(),
                "1000",
                "3",
                "1",
                null,
                "true",
                null,
                Instant.now().toString(),
                Instant.now().plusSeconds(60).toString(),
                "0.5",
                "0.5",
                "0.5",
                "-2147483648",
                "-Infinity",
                "-Infinity",
                "0");

        // Then it is written, and the next task came along
        assertEquals("true new true", submitted);
        assertEquals("1", one("select count(*)::text from ranking where task_id = ? and labeler = ?", task, labeler));
        assertEquals(
                "1", one("select count(*)::text from lease where project_id = ? and labeler = ?", project, labeler));
    }

    @Test
    void anInstanceOfTheVersionBeforeThatStartsLateLeavesTheFunctionsOfTheNewOne(@TempDir Path later) throws Exception {
        // Given this version, and the next, which has one migration and one function more
        FluentConfiguration settings =
                Flyway.configure().configuration(application.getConfiguration()).schemas("overtaken");
        settings.load().migrate();
        try (Stream<Path> files = Files.list(MIGRATIONS)) {
            for (Path file : files.toList()) {
                Files.copy(file, later.resolve(file.getFileName()));
            }
        }
        Files.writeString(later.resolve("V9999__functions_of_this_version.sql"), "select 1;\n");
        Files.writeString(
                later.resolve(FUNCTIONS),
                Files.readString(MIGRATIONS.resolve(FUNCTIONS))
                        + "\ncreate function submit_first(in_of_the_next text) returns text language sql"
                        + " as $$ select in_of_the_next $$;\n");
        Flyway.configure()
                .dataSource(database)
                .schemas("overtaken")
                .locations("filesystem:" + later)
                .load()
                .migrate();

        // When an instance of this version has to start
        FlywayException refused = assertThrows(FlywayException.class, settings.load()::migrate);

        // Then it refuses to, and those of the next version go on
        assertTrue(refused.getMessage().contains("9999"), refused.getMessage());
        assertEquals("still there", one("select overtaken.submit_first('still there')"));
    }

    @Test
    void whoChangesTheFunctionsAddsAMigrationToo() {
        String newest = "";
        int functions = 0;
        for (MigrationInfo each : application.info().all()) {
            if (each.isVersioned()) {
                newest = each.getVersion().getVersion();
            } else {
                functions = each.getResolvedChecksum();
            }
        }

        assertEquals(
                "V84 R830364424",
                "V" + newest + " R" + functions,
                FUNCTIONS
                        + " and the newest migration. An instance of the version before that has to start refuses to where"
                        + " there is a migration that it does not know; without one it puts its own functions in place"
                        + " of the new ones. Who changes the functions adds V..__functions_of_this_version.sql (select"
                        + " 1;), unless this version has a new migration anyway.");
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

    private String one(String sql, @Nullable String... values) throws SQLException {
        try (Connection connection = database.getConnection();
                PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                statement.setString(i + 1, values[i]);
            }
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
                return rows.getString(1);
            }
        }
    }
}
