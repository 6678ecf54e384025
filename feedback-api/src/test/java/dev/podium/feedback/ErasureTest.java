package dev.podium.feedback;

import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.embedded.testing.ServersResource;
import dev.podium.feedback.kafka.KafkaAccess;
import io.agroal.api.AgroalDataSource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import jakarta.inject.Inject;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A person who is erased is found nowhere in the database, and in no event that says more than whose ranking goes. */
@QuarkusTest
@WithTestResource(ServersResource.class)
class ErasureTest {
    @Inject
    AgroalDataSource database;

    @Inject
    KafkaAccess kafka;

    private String project;
    private String name;

    @BeforeEach
    void somebodyRankedTwiceAndHoldsATask() {
        project = Api.project("{\"overlap\":2}");
        Api.tasks(project, 3);
        name = Api.person("labeler", List.of(project));
        for (int i = 0; i < 2; i++) {
            Response held = Api.next(name, project);
            List<String> ids = held.path("task.outputs.id");
            Api.submit(
                            name,
                            project,
                            held.path("task.id"),
                            Api.groups(ids).replaceFirst("}$", ",\"comment\":\"says " + name + "\"}"))
                    .then()
                    .statusCode(201);
        }
        Api.next(name, project).then().statusCode(200);
    }

    @Test
    void rankingsStayUnderAPseudonym() throws Exception {
        awaitEmptyOutbox();
        Map<TopicPartition, Long> before = kafka.endOffsets(Topics.RANKINGS);
        String pseudonym = erase("pseudonym")
                .then()
                .statusCode(200)
                .body("rankings", equalTo(2))
                .body("pseudonym", startsWith("erased-"))
                .extract()
                .path("pseudonym");
        awaitEmptyOutbox();
        assertEquals(List.of(), placesOf(name));
        List<String> events = since(before);
        assertEquals(4, events.size(), events.toString());
        assertEquals(
                2,
                events.stream()
                        .filter(e -> e.contains("\"labelerId\":\"" + pseudonym + "\""))
                        .count());
        for (String event : events) {
            // The one thing that must be said once more is whose ranking it is that counts no more.
            assertEquals(event.contains("RankingRetracted"), event.contains(name), event);
            assertFalse(event.contains("says"), event);
        }
        Api.operator().get("/api/v1/projects/" + project + "/progress").then().body("rankings", equalTo(2));
        assertEquals("2", one("select sum(taken) from task where project_id = '" + project + "'"));
        Api.as(name).get("/api/v1/me").then().statusCode(401);
    }

    @Test
    void rankingsAreTakenBackAndTheNameIsNobodysAgain() throws Exception {
        erase("retract").then().statusCode(200).body("rankings", equalTo(2));
        awaitEmptyOutbox();
        assertEquals(List.of(), placesOf(name));
        Api.operator().get("/api/v1/projects/" + project + "/progress").then().body("rankings", equalTo(0));
        assertEquals("0", one("select sum(taken) from task where project_id = '" + project + "'"));
        Api.operator()
                .body(Map.of("name", name, "password", Api.PASSWORD, "role", "labeler"))
                .post("/api/v1/users")
                .then()
                .statusCode(409)
                .body("code", equalTo("name_taken"));
        erase("retract").then().statusCode(404);
        Api.operator().get("/api/v1/audit/verify").then().body("whole", equalTo(true));
    }

    private Response erase(String rankings) {
        return Api.operator()
                .body(Map.of("rankings", rankings, "reason", "asked for it"))
                .post("/api/v1/users/" + name + "/erase");
    }

    /** Every table with a row that holds the text anywhere. */
    private List<String> placesOf(String text) throws Exception {
        List<String> tables = new ArrayList<>();
        List<String> places = new ArrayList<>();
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement()) {
            try (ResultSet rows = statement.executeQuery("select table_name from information_schema.tables"
                    + " where table_schema = current_schema() and table_type = 'BASE TABLE'")) {
                while (rows.next()) {
                    tables.add(rows.getString(1));
                }
            }
            assertTrue(tables.size() > 15, tables.toString());
            for (String table : tables) {
                try (ResultSet rows = statement.executeQuery(
                        "select count(*) from \"" + table + "\" t where strpos(t::text, '" + text + "') > 0")) {
                    rows.next();
                    if (rows.getLong(1) > 0) {
                        places.add(table);
                    }
                }
            }
        }
        return places;
    }

    private List<String> since(Map<TopicPartition, Long> before) {
        List<String> events = new ArrayList<>();
        try (BoundedReader reader = kafka.reader()) {
            reader.read(before, reader.ends(before.keySet()), record -> {
                String value = new String(record.value(), StandardCharsets.UTF_8);
                if (value.contains(project)) {
                    events.add(value);
                }
                return true;
            });
        }
        return events;
    }

    private void awaitEmptyOutbox() throws Exception {
        long deadlineNanos = System.nanoTime() + 30_000_000_000L;
        while (!one("select count(*) from outbox where refused is null").equals("0")
                && System.nanoTime() < deadlineNanos) {
            Thread.sleep(50);
        }
        assertEquals("0", one("select count(*) from outbox where refused is null"));
    }

    private String one(String sql) throws Exception {
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getString(1);
        }
    }
}
