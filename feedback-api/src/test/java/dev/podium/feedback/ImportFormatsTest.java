package dev.podium.feedback;

import static org.hamcrest.Matchers.equalTo;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
import dev.podium.embedded.testing.ServersResource;
import dev.podium.feedback.task.TaskRow;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.restassured.response.ValidatableResponse;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(ServersResource.class)
class ImportFormatsTest {
    @Inject
    EntityManager entities;

    private static Response imported(String lines) {
        String project = Api.project("{}");
        Response report = Api.importLines(project, "?format=auto", lines);
        report.then().statusCode(200);
        return report;
    }

    @Test
    void trlStandardIsAPairWithItsRanking() {
        imported("{\"prompt\":\"Hi\",\"chosen\":\"good\",\"rejected\":\"bad\"}")
                .then()
                .body("format", equalTo("trl"))
                .body("tasks", equalTo(1))
                .body("rankings", equalTo(1));
    }

    @Test
    void trlConversationalMayImplyItsPrompt() {
        String turn = "{\"role\":\"user\",\"content\":\"Hi\"}";
        imported("{\"chosen\":[" + turn + ",{\"role\":\"assistant\",\"content\":\"good\"}],\"rejected\":[" + turn
                        + ",{\"role\":\"assistant\",\"content\":\"bad\"}]}")
                .then()
                .body("format", equalTo("trl"))
                .body("tasks", equalTo(1));
    }

    @Test
    void anthropicDialoguesAreTakenApart() {
        imported("{\"chosen\":\"\\n\\nHuman: Hi\\n\\nAssistant: Yes?\\n\\nHuman: Help\\n\\nAssistant: Sure.\","
                        + "\"rejected\":\"\\n\\nHuman: Hi\\n\\nAssistant: Yes?\\n\\nHuman: Help\\n\\nAssistant: No.\"}")
                .then()
                .body("format", equalTo("hh"))
                .body("tasks", equalTo(1))
                .body("rankings", equalTo(1));
    }

    @Test
    void everyPromptOfATreeWithTwoRankedRepliesIsATask() {
        String tree = "{\"prompt\":{\"role\":\"prompter\",\"text\":\"A?\",\"replies\":["
                + "{\"role\":\"assistant\",\"text\":\"best\",\"rank\":0,\"replies\":[{\"role\":\"prompter\","
                + "\"text\":\"And B?\",\"replies\":[{\"role\":\"assistant\",\"text\":\"x\",\"rank\":1,\"replies\":[]},"
                + "{\"role\":\"assistant\",\"text\":\"y\",\"rank\":0,\"replies\":[]}]}]},"
                + "{\"role\":\"assistant\",\"text\":\"worst\",\"rank\":1,\"replies\":[]},"
                + "{\"role\":\"assistant\",\"text\":\"unranked\",\"rank\":null,\"replies\":[]}]}}";
        imported(tree)
                .then()
                .body("format", equalTo("oasst"))
                .body("tasks", equalTo(2))
                .body("rankings", equalTo(2));
    }

    @Test
    void theKindOfAPromptIsKeptWithItsTask() {
        String project = Api.project("{}");
        Api.importLines(project, "", "{\"prompt\":\"Hi\",\"outputs\":[\"a\",\"b\"],\"group\":\"billing\"}")
                .then()
                .statusCode(200);
        Api.importLines(
                        project,
                        "?format=oasst",
                        "{\"prompt\":{\"role\":\"prompter\",\"text\":\"A?\",\"lang\":\"eo\",\"replies\":["
                                + "{\"role\":\"assistant\",\"text\":\"x\",\"rank\":0,\"replies\":[]},"
                                + "{\"role\":\"assistant\",\"text\":\"y\",\"rank\":1,\"replies\":[]}]}}")
                .then()
                .body("tasks", equalTo(1));

        List<String> bodies = QuarkusTransaction.requiringNew()
                .call(() -> TaskRow.<TaskRow>list("projectId", project).stream()
                        .map(row -> row.task().group().orElse("none"))
                        .sorted()
                        .toList());

        assertEquals(List.of("billing", "eo"), bodies);
    }

    @Test
    void podiumLinesCarryOutputsAndARankingInGroups() {
        String project = Api.project("{\"overlap\":2}");
        Api.importLines(
                        project,
                        "",
                        "{\"prompt\":\"Hi\",\"outputs\":[\"a\",\"b\",\"c\"],\"ranking\":[[2],[0,1]],\"labeler\":\"ann\"}")
                .then()
                .body("tasks", equalTo(1))
                .body("rankings", equalTo(1));
        String labeler = Api.person("labeler");
        List<String> texts = Api.next(labeler, project).path("task.outputs.text");
        assertEquals(List.of("a", "b", "c"), texts.stream().sorted().toList());
    }

    @Test
    void noIdTellsWhichOutputTheFileHadFirst() {
        String project = Api.project("{\"overlap\":3}");
        String prompt = "{\"prompt\":\"Hi\",\"chosen\":\"%s\",\"rejected\":\"%s\"}\n";
        Api.importLines(project, "", prompt.formatted("yes", "no")).then().body("tasks", equalTo(1));
        // The other way round it is the same task: nothing of the order is left in it.
        Api.importLines(project, "", prompt.formatted("no", "yes"))
                .then()
                .body("tasks", equalTo(0))
                .body("duplicates", equalTo(1));
        Response next = Api.next(Api.person("labeler"), project);
        List<String> ids = next.path("task.outputs.id");
        List<String> texts = next.path("task.outputs.text");
        assertEquals("no", texts.get(ids.indexOf(next.path("task.id") + "-0")));
        assertEquals("yes", texts.get(ids.indexOf(next.path("task.id") + "-1")));
    }

    @Test
    void aTaskThatIsThereUnderItsFormerIdStaysTheOneAndTakesRankingsByItsOwnOutputs() throws Exception {
        String project = Api.project("{\"overlap\":3}");
        Api.importLines(project, "", "{\"prompt\":\"Hi\",\"outputs\":[\"b\",\"a\"]}")
                .then()
                .body("tasks", equalTo(1));
        // As it was stored when outputs kept the file's order.
        String former = formerId(project, List.of("b", "a"));
        QuarkusTransaction.requiringNew().run(() -> {
            String id = taskOf(project);
            entities.createNativeQuery("update task set body = replace(replace(replace(replace(body, :zero, 'first'),"
                            + " :one, :zero), 'first', :one), :id, :former), id = :former where id = :id")
                    .setParameter("zero", id + "-0")
                    .setParameter("one", id + "-1")
                    .setParameter("id", id)
                    .setParameter("former", former)
                    .executeUpdate();
        });
        Api.importLines(
                        project,
                        "",
                        "{\"prompt\":\"Hi\",\"outputs\":[\"b\",\"a\"],\"ranking\":[[0],[1]],\"labeler\":\"ann\"}")
                .then()
                .body("tasks", equalTo(0))
                .body("rankings", equalTo(1));
        String body = QuarkusTransaction.requiringNew()
                .call(() -> (String)
                        entities.createNativeQuery("select body from ranking where task_id = :task", String.class)
                                .setParameter("task", former)
                                .getSingleResult());
        assertEquals(
                List.of(List.of(former + "-0"), List.of(former + "-1")),
                io.restassured.path.json.JsonPath.from(body).getList("groups"));
    }

    private static String formerId(String project, List<String> texts) throws Exception {
        byte[] content = EventJson.writeText(
                        Map.of("project", project, "prompt", List.of(Message.user("Hi")), "outputs", texts))
                .getBytes(StandardCharsets.UTF_8);
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content), 0, 16);
    }

    @Test
    void aTaskWithAsManyImportedRankingsAsTheProjectWantsIsOfferedToNobody() {
        String pair = "{\"prompt\":\"Hi\",\"chosen\":\"good\",\"rejected\":\"bad\"}\n";
        String open = "{\"prompt\":\"Who?\",\"outputs\":[\"a\",\"b\"]}\n";
        String labeler = Api.person("labeler");

        String once = Api.project("{\"overlap\":1}");
        Api.importLines(once, "", pair + open).then().statusCode(200);
        progress(once).body("tasks", equalTo(2)).body("openTasks", equalTo(1));
        Response offered = Api.next(labeler, once);
        offered.then().statusCode(200).body("task.prompt[0].content", equalTo("Who?"));
        Api.submit(labeler, once, offered.path("task.id"), Api.groups(offered.path("task.outputs.id")))
                .then()
                .statusCode(201);
        Api.next(labeler, once).then().statusCode(204);

        // A project that wants its own people's word too says so by its overlap.
        String twice = Api.project("{\"overlap\":2}");
        Api.importLines(twice, "", pair).then().statusCode(200);
        Api.importLines(twice, "", pair).then().body("rankings", equalTo(0));
        Response second = Api.next(labeler, twice);
        Api.submit(labeler, twice, second.path("task.id"), Api.groups(second.path("task.outputs.id")))
                .then()
                .statusCode(201);
        progress(twice).body("openTasks", equalTo(0));
        Api.next(Api.person("labeler"), twice).then().statusCode(204);
    }

    @Test
    void anImportedRankingTakenBackFreesItsPlaceOnce() {
        String project = Api.project("{}");
        Api.importLines(
                        project,
                        "",
                        "{\"prompt\":\"Hi\",\"outputs\":[\"a\",\"b\"],\"ranking\":[[0],[1]],\"labeler\":\"ann\"}")
                .then()
                .statusCode(200);
        String id = taskOf(project);
        Api.operator()
                .queryParam("labeler", "ann")
                .header("Idempotency-Key", UUID.randomUUID().toString())
                .delete("/api/v1/projects/" + project + "/tasks/" + id + "/ranking")
                .then()
                .statusCode(200);
        Api.next(Api.person("labeler"), project).then().statusCode(200);
        Api.next(Api.person("labeler"), project).then().statusCode(204);
    }

    @Test
    void aLineWhoseRankingIsRefusedLeavesNoTaskBehind() {
        String project = Api.project("{}");
        String line = "{\"prompt\":\"Hi\",\"outputs\":[\"a\",\"b\"],\"ranking\":%s,\"labeler\":%s}\n";
        Api.importLines(
                        project,
                        "?partial=true",
                        line.formatted("[[0],[1]]", "\"  \"")
                                + line.formatted("[[0],[1]]", "7")
                                + line.formatted("\"best first\"", "\"ann\"")
                                + line.formatted("[[0],[0]]", "\"ann\""))
                .then()
                .statusCode(200)
                .body("errors.line", equalTo(List.of(1, 2, 3, 4)));
        progress(project).body("tasks", equalTo(0)).body("rankings", equalTo(0));
    }

    @Test
    void aTreeThatUnfoldsToMoreThanMemoryIsRefused() {
        String replies =
                "{\"role\":\"assistant\",\"text\":\"x\",\"rank\":0},{\"role\":\"assistant\",\"text\":\"y\",\"rank\":1}";
        String leaf = "{\"role\":\"prompter\",\"text\":\"?\",\"replies\":[" + replies + "]}";
        String tree = "{\"prompt\":{\"role\":\"prompter\",\"text\":\"" + "a".repeat(1_000_000)
                + "\",\"replies\":[{\"role\":\"assistant\",\"text\":\"b\",\"replies\":["
                + String.join(",", Collections.nCopies(200, leaf)) + "]}]}}";
        Api.importLines(Api.project("{}"), "", tree)
                .then()
                .statusCode(422)
                .body("errors[0].code", equalTo("tree_too_large"));
    }

    @Test
    void aFileCutOffInTheMiddleStoresNothingAndSaysSo() throws Exception {
        String project = Api.project("{}");
        var packed = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(packed)) {
            for (int i = 0; i < 1000; i++) {
                gzip.write(("{\"prompt\":\"" + UUID.randomUUID() + "\",\"outputs\":[\"a\",\"b\"]}\n")
                        .getBytes(StandardCharsets.UTF_8));
            }
        }
        Api.operator()
                .contentType("application/gzip")
                .body(Arrays.copyOf(packed.toByteArray(), packed.size() / 2))
                .post("/api/v1/projects/" + project + "/import?partial=true")
                .then()
                .statusCode(400)
                .body("code", equalTo("body_unreadable"));
        progress(project).body("tasks", equalTo(0));
    }

    @Test
    void theMigrationCountsThePlacesOfEarlierImports() throws Exception {
        String project = Api.project("{}");
        Api.importLines(project, "", "{\"prompt\":\"Hi\",\"chosen\":\"good\",\"rejected\":\"bad\"}\n");
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery("update task set taken = 0 where project_id = :p")
                        .setParameter("p", project)
                        .executeUpdate());
        progress(project).body("openTasks", equalTo(1));
        String migration;
        try (var in = getClass().getResourceAsStream("/db/migration/V3__places_of_imported_rankings.sql")) {
            migration = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery(migration.replaceAll("(?m)^--.*$", ""))
                        .executeUpdate());
        progress(project).body("openTasks", equalTo(0));
    }

    private static ValidatableResponse progress(String project) {
        return Api.operator().get("/api/v1/projects/" + project + "/progress").then();
    }

    private String taskOf(String project) {
        return QuarkusTransaction.requiringNew()
                .call(() ->
                        (String) entities.createNativeQuery("select id from task where project_id = :p", String.class)
                                .setParameter("p", project)
                                .getSingleResult());
    }
}
