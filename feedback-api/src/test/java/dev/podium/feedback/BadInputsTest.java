package dev.podium.feedback;

import static io.restassured.RestAssured.given;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasSize;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.podium.embedded.testing.ServersResource;
import dev.podium.feedback.rest.IdempotentAnswers;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.restassured.response.ValidatableResponse;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Bad input gets a clear problem with a stable code, and nothing is stored. */
@QuarkusTest
@WithTestResource(ServersResource.class)
class BadInputsTest {
    @Inject
    EntityManager entities;

    @Inject
    IdempotentAnswers answers;

    private String project;
    private String labeler;
    private String task;
    private List<String> ids;

    @BeforeEach
    void aLabelerHoldsATask() {
        project = Api.project("{\"tiesAllowed\":false}");
        Api.tasks(project, 2);
        labeler = Api.person("labeler");
        Response held = Api.next(labeler, project);
        task = held.path("task.id");
        ids = held.path("task.outputs.id");
    }

    private void refused(String body, int status, String code) {
        Api.submit(labeler, project, task, body)
                .then()
                .statusCode(status)
                .contentType(containsString("application/problem+json"))
                .body("code", equalTo(code));
        Api.operator().get("/api/v1/projects/" + project + "/progress").then().body("rankings", equalTo(0));
    }

    @Test
    void malformedJsonIs400() {
        refused("{\"groups\":", 400, "invalid_json");
        refused("{\"groups\":[],\"groups\":[]}", 400, "invalid_json");
        refused("{\"ranks\":{\"" + ids.getFirst() + "\":NaN}}", 400, "invalid_json");
        refused("", 400, "invalid_json");
    }

    @Test
    void anotherContentTypeIs415() {
        Api.as(labeler)
                .contentType("text/plain")
                .header("Idempotency-Key", "x")
                .body("hello")
                .put("/api/v1/projects/" + project + "/tasks/" + task + "/ranking")
                .then()
                .statusCode(415);
    }

    @Test
    void aBodyOverTheLimitIs413() {
        refused("{\"comment\":\"" + "x".repeat(70_000) + "\"}", 413, "too_large");
    }

    @Test
    void anUnknownFieldIsNamed() {
        Api.submit(labeler, project, task, "{\"gruops\":[]}")
                .then()
                .statusCode(400)
                .body("code", equalTo("unknown_field"))
                .body("detail", containsString("gruops"));
    }

    @Test
    void outputsMustBeTheTasksOwnEachOnce() {
        refused("{\"groups\":[[\"nothing\"]]}", 422, "unknown_output");
        refused(Api.groups(List.of(ids.get(0), ids.get(0), ids.get(1))), 422, "duplicate_output");
        refused(Api.groups(ids.subList(0, 2)), 422, "incomplete_ranking");
    }

    @Test
    void ranksMustBeWholeNumbersFromOneToTheNumberOfOutputs() {
        for (String rank : List.of("0", "-1", "1.5", "4")) {
            refused(
                    "{\"ranks\":{\"" + ids.get(0) + "\":" + rank + ",\"" + ids.get(1) + "\":1,\"" + ids.get(2)
                            + "\":2}}",
                    422,
                    "invalid_rank");
        }
    }

    @Test
    void aTieWhereTiesAreNotAllowedIsRefused() {
        refused(
                "{\"ranks\":{\"" + ids.get(0) + "\":1,\"" + ids.get(1) + "\":1,\"" + ids.get(2) + "\":2}}",
                422,
                "ties_not_allowed");
    }

    @Test
    void gapsInRanksBecomeCanonical() {
        stored(outputs -> "{\"ranks\":{\"" + outputs.get(0) + "\":1,\"" + outputs.get(1) + "\":3,\"" + outputs.get(2)
                        + "\":3}}")
                .body("ranking.groups", hasSize(2));
    }

    @Test
    void allInOnePlaceIsAnAnswerToo() {
        stored(outputs -> "{\"ranks\":{\"" + String.join("\":1,\"", outputs) + "\":1}}")
                .body("ranking.groups", hasSize(1))
                .body("ranking.groups[0]", hasSize(3));
    }

    /** What is there of a ranking of a new task, where ties are allowed. */
    private ValidatableResponse stored(Function<List<String>, String> ranking) {
        String lenient = Api.project("{}");
        Api.tasks(lenient, 1);
        Response held = Api.next(labeler, lenient);
        String body = ranking.apply(held.path("task.outputs.id"));
        Api.submit(labeler, lenient, held.path("task.id"), body).then().statusCode(201);
        return Api.as(labeler)
                .get("/api/v1/projects/" + lenient + "/tasks/" + held.path("task.id"))
                .then();
    }

    @Test
    void theLabelerIdInTheBodyIsIgnored() {
        Api.submit(labeler, project, task, Api.groups(ids).replaceFirst("}$", ",\"labelerId\":\"somebody-else\"}"))
                .then()
                .statusCode(201);
        Api.as(labeler)
                .get("/api/v1/projects/" + project + "/rankings/mine")
                .then()
                .body("", hasSize(1));
    }

    @Test
    void nulAndLoneSurrogatesAndInvalidUtf8Are400() {
        refused("{\"comment\":\"\\u0000\"}", 400, "invalid_text");
        refused("{\"comment\":\"\\ud800\"}", 400, "invalid_text");
        Api.as(labeler)
                .header("Idempotency-Key", "y")
                .body(new byte[] {'{', '"', (byte) 0xC3, '"', ':', '1', '}'})
                .put("/api/v1/projects/" + project + "/tasks/" + task + "/ranking")
                .then()
                .statusCode(400)
                .body("code", equalTo("invalid_utf8"));
    }

    @Test
    void aKeyIsNeeded() {
        Api.as(labeler)
                .body(Api.groups(ids))
                .put("/api/v1/projects/" + project + "/tasks/" + task + "/ranking")
                .then()
                .statusCode(400)
                .body("code", equalTo("idempotency_key_missing"));
    }

    @Test
    void aTwinInFlightIsToldSo() {
        QuarkusTransaction.requiringNew().run(() -> {
            // As the twin does, until it is through.
            entities.createNativeQuery(
                            "select cast(pg_advisory_xact_lock(hashtextextended(:key, 7)) as text)", String.class)
                    .setParameter("key", labeler + "\ntwin")
                    .getSingleResult();
            Api.submit(labeler, project, task, Api.groups(ids), "twin", null)
                    .then()
                    .statusCode(409)
                    .body("code", equalTo("in_flight"));
        });
        Api.submit(labeler, project, task, Api.groups(ids), "twin", null).then().statusCode(201);
    }

    @Test
    void tasksOfOtherProjectsOrNotAssignedAre404() {
        String other = Api.project("{}");
        String stranger = Api.person("labeler");
        Api.submit(labeler, other, task, Api.groups(ids)).then().statusCode(404);
        Api.submit(stranger, project, task, Api.groups(ids)).then().statusCode(404);
        Api.as(stranger)
                .get("/api/v1/projects/" + project + "/tasks/" + task)
                .then()
                .statusCode(404);
        Api.next(labeler, "nowhere").then().statusCode(404);
    }

    @Test
    void whoIsNotLoggedInGets401AndTheWrongRole403() {
        given().get("/api/v1/me").then().statusCode(401).body("code", equalTo("not_logged_in"));
        Api.as("operator", "wrong").get("/api/v1/me").then().statusCode(401);
        Api.as(labeler).get("/api/v1/users").then().statusCode(403);
        Api.as(labeler).get("/api/v1/projects/" + project + "/export").then().statusCode(403);
        String service = Api.person("service");
        Api.next(service, project).then().statusCode(403);
    }

    @Test
    void aCookieNeedsTheTokenAndTheSameOrigin() {
        java.util.Map<String, String> cookies = given().redirects()
                .follow(false)
                .formParam("j_username", "operator")
                .formParam("j_password", Api.OPERATOR_PASSWORD)
                .post("/login")
                .getCookies();
        String page = given().cookies(cookies).get("/").asString();
        String token = page.replaceFirst("(?s).*name=\"csrf-token\" content=\"([^\"]*)\".*", "$1");
        String body = "{\"id\":\"c-" + UUID.randomUUID() + "\",\"name\":\"x\"}";
        given().cookies(cookies)
                .contentType("application/json")
                .body(body)
                .post("/api/v1/projects")
                .then()
                .statusCode(403)
                .body("code", equalTo("csrf_token"));
        given().cookies(cookies)
                .header("X-CSRF-Token", token)
                .header("Origin", "https://evil.example")
                .contentType("application/json")
                .body(body)
                .post("/api/v1/projects")
                .then()
                .statusCode(403)
                .body("code", equalTo("foreign_origin"));
        given().cookies(cookies)
                .header("X-CSRF-Token", token)
                .contentType("application/json")
                .body(body)
                .post("/api/v1/projects")
                .then()
                .statusCode(201);
    }

    @Test
    void aForeignPageGetsNothingDoneWithTheBrowsersBasicPassword() {
        String lines = "{\"prompt\":\"x\",\"outputs\":[\"a\",\"b\"]}";
        for (String[] header :
                new String[][] {{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}
                }) {
            Api.operator()
                    .header(header[0], header[1])
                    .contentType("text/plain")
                    .body(lines)
                    .post("/api/v1/projects/" + project + "/import")
                    .then()
                    .statusCode(403)
                    .body("code", equalTo("foreign_origin"));
        }
        Api.operator()
                .header("Origin", "http://localhost:" + io.restassured.RestAssured.port)
                .header("Sec-Fetch-Site", "same-origin")
                .contentType("text/plain")
                .body(lines)
                .post("/api/v1/projects/" + project + "/import")
                .then()
                .statusCode(200);
    }

    @Test
    void nulInAnAddressOrANameIsNoFailureOfOurs() {
        Api.operator()
                .urlEncodingEnabled(false)
                .get("/api/v1/projects/%00")
                .then()
                .statusCode(400)
                .body("code", equalTo("invalid_text"));
        Api.as("oper\0ator", "x").get("/api/v1/me").then().statusCode(401);
    }

    @Test
    void whatIsCreatedTwiceAtOnceIsThereOnce() throws Exception {
        String body = "{\"id\":\"twice-" + UUID.randomUUID() + "\"}";
        java.util.Map<Integer, Integer> statuses = new java.util.TreeMap<>();
        try (var threads = java.util.concurrent.Executors.newFixedThreadPool(6)) {
            java.util.concurrent.Callable<Integer> create =
                    () -> Api.operator().body(body).post("/api/v1/projects").statusCode();
            for (var done : threads.invokeAll(java.util.Collections.nCopies(6, create))) {
                statuses.merge(done.get(), 1, Integer::sum);
            }
        }
        assertEquals(java.util.Map.of(201, 1, 409, 5), statuses);
    }

    @Test
    void answersAreForgottenWhenNobodyCanAskForThemAnyMore() {
        Api.submit(labeler, project, task, Api.groups(ids), "kept", null).then().statusCode(201);
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery("insert into idempotent_answer"
                                + " select :who, 'old-' || i, 'x', 201, '{}', now() - interval '8 days'"
                                + " from generate_series(1, 10001) i")
                        .setParameter("who", labeler)
                        .executeUpdate());
        answers.forgetOld();
        assertEquals(
                List.of("kept"),
                entities.createNativeQuery("select key from idempotent_answer where person = :who", String.class)
                        .setParameter("who", labeler)
                        .getResultList());
    }

    @Test
    void importsNameTheBadLineAndStoreAllOrNothing() {
        StringBuilder lines = new StringBuilder();
        for (int i = 1; i <= 1000; i++) {
            lines.append(
                    i == 501
                            ? "{\"prompt\":\"x\",\"outputs\":[\"only one\"]}\n"
                            : "{\"prompt\":\"q" + i + "\",\"outputs\":[\"a\",\"b\"]}\n");
        }
        String fresh = Api.project("{}");
        Api.importLines(fresh, "", lines.toString())
                .then()
                .statusCode(422)
                .body("errors", hasSize(1))
                .body("errors[0].line", equalTo(501))
                .body("tasks", equalTo(0));
        Api.operator().get("/api/v1/projects/" + fresh + "/progress").then().body("tasks", equalTo(0));
        Api.importLines(fresh, "?partial=true", lines.toString())
                .then()
                .statusCode(200)
                .body("tasks", equalTo(999))
                .body("errors[0].line", equalTo(501));
        Api.importLines(fresh, "?partial=true", lines.toString())
                .then()
                .body("tasks", equalTo(0))
                .body("duplicates", equalTo(999));
    }

    @Test
    void tooManyOrEqualOutputsAreRefusedAtImport() {
        String fresh = Api.project("{}");
        String ten = "{\"prompt\":\"x\",\"outputs\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\"]}";
        Api.importLines(fresh, "", ten)
                .then()
                .statusCode(422)
                .body("errors[0].code", equalTo("wrong_number_of_outputs"));
        Api.importLines(fresh, "", "{\"prompt\":\"x\",\"outputs\":[\"same\",\" same \"]}")
                .then()
                .statusCode(422);
    }

    @Test
    void aLineOverTheLimitOrAGzipBombIs413() throws Exception {
        String fresh = Api.project("{}");
        ByteArrayOutputStream bomb = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(bomb)) {
            gzip.write("{\"prompt\":\"".getBytes(StandardCharsets.UTF_8));
            byte[] portion = "a".repeat(1 << 20).getBytes(StandardCharsets.UTF_8);
            for (int i = 0; i < 64; i++) {
                gzip.write(portion);
            }
        }
        Api.as("operator", Api.OPERATOR_PASSWORD)
                .contentType("application/gzip")
                .body(bomb.toByteArray())
                .post("/api/v1/projects/" + fresh + "/import")
                .then()
                .statusCode(413)
                .body("code", equalTo("line_too_long"));
    }

    @Test
    void whatNoTopicTakesIsRefusedWithItsLine() {
        String fresh = Api.project("{}");
        String long1 = "x".repeat(1_500_000);
        String long2 = "y".repeat(1_500_000);
        Api.importLines(
                        fresh,
                        "?partial=true",
                        "{\"prompt\":\"short\",\"outputs\":[\"a\",\"b\"]}\n{\"prompt\":\"long\",\"outputs\":[\"" + long1
                                + "\",\"" + long2 + "\"]}")
                .then()
                .statusCode(200)
                .body("tasks", equalTo(1))
                .body("errors[0].line", equalTo(2))
                .body("errors[0].code", equalTo("event_too_large"));
    }

    @Test
    void hostileOutputsComeInert() {
        String fresh = Api.project("{}");
        Api.importLines(
                        fresh,
                        "",
                        "{\"prompt\":\"<script>alert(1)</script>\",\"outputs\":[\"<img src=x onerror=alert(1)>\","
                                + "\"[x](javascript:alert(1))\"]}")
                .then()
                .statusCode(200);
        Response held = Api.next(labeler, fresh);
        List<String> html = held.path("task.outputs.html");
        html.forEach(each -> {
            assertEquals(false, each.contains("<img"), each);
            assertEquals(false, each.contains("href=\"javascript"), each);
        });
    }

    @Test
    void roundsWithoutDataOrForUnknownModelsAre422() {
        String body = "{\"kind\":\"DPO\"}";
        Api.operator()
                .body(body)
                .post("/api/v1/projects/" + project + "/rounds")
                .then()
                .statusCode(422)
                .body("code", equalTo("no_data"));
        Api.operator()
                .body("{\"kind\":\"SAMPLE\",\"prompts\":[\"x\"],\"baseModel\":\"gpt-9\"}")
                .post("/api/v1/projects/" + project + "/rounds")
                .then()
                .statusCode(422)
                .body("code", equalTo("unknown_base_model"));
        Api.operator()
                .body("{\"kind\":\"SAMPLE\",\"prompts\":[\"x\"],\"config\":{\"temprature\":1}}")
                .post("/api/v1/projects/" + project + "/rounds")
                .then()
                .statusCode(422)
                .body("code", equalTo("invalid_config"))
                .body("detail", containsString("temprature; did you mean config.temperature?"));
        Api.operator()
                .body("{\"kind\":\"DPO\",\"config\":{\"learning_rate\":1e-4}}")
                .post("/api/v1/projects/" + project + "/rounds")
                .then()
                .statusCode(422)
                .body("detail", containsString("did you mean config.training.learningRate?"));
        Api.operator()
                .body("{\"kind\":\"PPO\",\"config\":{\"advantage\":\"rloo\",\"samplesPerPrompt\":1}}")
                .post("/api/v1/projects/" + project + "/rounds")
                .then()
                .statusCode(422)
                .body("code", equalTo("invalid_config"))
                .body("detail", containsString("2 or more for rloo"));
        Api.operator()
                .body("{\"kind\":\"SFT\",\"records\":[{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}]}")
                .post("/api/v1/projects/" + project + "/rounds")
                .then()
                .statusCode(422)
                .body("code", equalTo("invalid_record"))
                .body("detail", containsString("assistant"));
        Api.operator()
                .body("{\"kind\":\"DPO\",\"config\":{\"loss\":\"sigmoyd\"}}")
                .post("/api/v1/projects/" + project + "/rounds")
                .then()
                .statusCode(422)
                .body("code", equalTo("invalid_config"))
                .body("detail", containsString("sigmoid"));
        Api.operator()
                .body("{\"kind\":\"DPO\",\"config\":{\"loss\":\"exo_pair\"}}")
                .post("/api/v1/projects/" + project + "/rounds")
                .then()
                .statusCode(422)
                .body("code", equalTo("invalid_config"))
                .body("detail", containsString("labelSmoothing"));
    }

    @Test
    void aConfigurationThatCannotBeMeantIsRefusedWithWhatToDo() {
        Map<String, String> wrong = Map.ofEntries(
                Map.entry(
                        "{\"kind\":\"SFT\",\"config\":{\"method\":\"full\",\"training\":null}}",
                        "config.training must be"),
                Map.entry(
                        "{\"kind\":\"SFT\",\"config\":{\"method\":\"full\",\"training\":5}}",
                        "config.training must be"),
                Map.entry("{\"kind\":\"DPO\",\"config\":{\"training\":[]}}", "config.training must be"),
                Map.entry("{\"kind\":\"DPO\",\"config\":{\"lora\":\"none\"}}", "config.lora must be"),
                Map.entry("{\"kind\":\"PPO\",\"config\":{\"missingEndPenalty\":-1}}", "missingEndPenalty"),
                Map.entry("{\"kind\":\"PPO\",\"config\":{\"valueCoefficient\":-0.1}}", "valueCoefficient"),
                Map.entry("{\"kind\":\"PPO\",\"config\":{\"targetKl\":-1}}", "targetKl"),
                Map.entry(
                        "{\"kind\":\"PPO\",\"config\":{\"adaptiveKl\":6,\"klCoefficient\":0}}",
                        "set klCoefficient above 0"));
        wrong.forEach((body, what) -> Api.operator()
                .body(body)
                .post("/api/v1/projects/" + project + "/rounds")
                .then()
                .statusCode(422)
                .body("code", equalTo("invalid_config"))
                .body("detail", containsString(what)));
    }

    @Test
    void aRoundTriggeredTwiceIsOneRound() {
        String body = "{\"kind\":\"SAMPLE\",\"prompts\":[\"x\"]}";
        String path = "/api/v1/projects/" + project + "/rounds";
        String first = Api.operator()
                .header("Idempotency-Key", "r1")
                .body(body)
                .post(path)
                .path("id");
        Api.operator()
                .header("Idempotency-Key", "r1")
                .body(body)
                .post(path)
                .then()
                .statusCode(200)
                .body("id", equalTo(first))
                .body("version", equalTo("v1"));
    }

    @Test
    void aChannelToAnUnknownVersionIsRefused() {
        Api.operator()
                .body("{\"version\":\"v99\"}")
                .put("/api/v1/projects/" + project + "/channels/production")
                .then()
                .statusCode(422)
                .body("code", equalTo("unknown_adapter"));
    }
}
