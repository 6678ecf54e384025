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
import io.restassured.specification.RequestSpecification;
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

    @Test
    void whatThePersonWroteAndWhatWasWrittenAboutThemGoes() throws Exception {
        // Given words of the person's in each place that takes some, and reasons of others that name them
        String words = "words-" + name.substring(name.indexOf('-') + 1);
        List<String> ranked = Api.as(name)
                .get("/api/v1/projects/" + project + "/rankings/mine")
                .path("taskId");
        String task = ranked.getFirst();
        List<String> ids = Api.as(name)
                .get("/api/v1/projects/" + project + "/tasks/" + task)
                .path("task.outputs.id");
        String corrected = Api.groups(ids).replaceFirst("}$", ",\"comment\":\"" + words + "\"}");
        for (int revision = 1; revision <= 2; revision++) {
            Api.submit(name, project, task, corrected, "again-" + revision + name, revision)
                    .then()
                    .statusCode(200);
        }
        String held = Api.next(name, project).path("task.id");
        ofProject(Api.as(name), Map.of("revision", 0, "comment", words, "activeMillis", 1), "tasks/" + held + "/draft");
        ofProject(Api.as(name), Map.of("reason", "OTHER", "note", words), "tasks/" + held + "/flag");
        String reason = "(" + name + ") is quick; ask " + name + ".";
        ofProject(Api.operator(), Map.of("reliability", 0.5, "reason", reason), "labelers/" + name + "/reliability");
        ofProject(
                Api.operator(),
                Map.of("groups", ids.stream().map(List::of).toList(), "reason", reason),
                "adjudication/" + task);
        ofProject(Api.operator(), Map.of("reason", reason), "labelers/" + name + "/pause");

        // When
        String pseudonym = erase("pseudonym").then().statusCode(200).extract().path("pseudonym");
        awaitEmptyOutbox();

        // Then (the audit log cannot be changed: the guide tells operators to keep people out of its reasons)
        assertEquals(List.of(), without("audit_entry", placesOf(name)));
        assertEquals(List.of(), placesOf(words));
        assertEquals(
                "(" + pseudonym + ") is quick; ask " + pseudonym + ".",
                one("select cast(body as json) ->> 'reason' from adjudication where task_id = '" + task + "'"));
        // The weight of the votes stays what it was, also for the stream.
        assertEquals("0.5", one("select reliability from labeler_reliability where labeler = '" + pseudonym + "'"));
        List<String> weights = new ArrayList<>();
        try (BoundedReader reader = kafka.reader()) {
            reader.readAll(reader.partitions(Topics.RELIABILITIES), record -> {
                String value = new String(record.value(), StandardCharsets.UTF_8);
                if (value.contains("\"labelerId\":\"" + pseudonym + "\"")) {
                    weights.add(value);
                }
                return true;
            });
        }
        assertEquals(1, weights.size());
        assertTrue(weights.getFirst().contains("\"reliability\":0.5"), weights.toString());
    }

    @Test
    void aNameThatIsAlsoAWordOfPodiumsOwnTakesNothingElseWithIt() throws Exception {
        // Given somebody called like a role and a source of weights
        String namesake = "service";
        Api.operator()
                .body(Map.of("name", namesake, "password", Api.PASSWORD, "role", "labeler", "projects", List.of("*")))
                .post("/api/v1/users")
                .then()
                .statusCode(201);
        Api.operator()
                .body(Map.of("name", "nightly", "role", "service", "days", 1))
                .post("/api/v1/projects/" + project + "/tokens")
                .then()
                .statusCode(201);
        Response held = Api.next(namesake, project);
        Api.submit(namesake, project, held.path("task.id"), Api.groups(held.path("task.outputs.id")))
                .then()
                .statusCode(201);
        // When
        Api.operator()
                .body(Map.of("rankings", "retract"))
                .post("/api/v1/users/" + namesake + "/erase")
                .then()
                .statusCode(200)
                .body("rankings", equalTo(1));
        // Then
        assertEquals("service", one("select role from api_token where project_id = '" + project + "'"));
        assertEquals("0", one("select count(*) from ranking where labeler = '" + namesake + "'"));
    }

    @Test
    void nothingComesBackUnderAnErasedName() throws Exception {
        erase("retract").then().statusCode(200);
        awaitEmptyOutbox();
        Api.importLines(
                        project,
                        "?format=podium",
                        "{\"prompt\":\"once more\",\"outputs\":[\"a\",\"b\"],\"labeler\":\"" + name
                                + "\",\"ranking\":[[0],[1]]}\n")
                .then()
                .statusCode(200)
                .body("rankings", equalTo(0));
        assertEquals(List.of(), placesOf(name));
    }

    private void ofProject(RequestSpecification who, Map<String, Object> body, String path) {
        int status =
                who.body(body).put("/api/v1/projects/" + project + "/" + path).statusCode();
        assertTrue(status >= 200 && status < 300, path + ": " + status);
    }

    private static List<String> without(String table, List<String> tables) {
        return tables.stream().filter(each -> !each.equals(table)).toList();
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
