package dev.podium.feedback;

import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.notNullValue;
import static org.hamcrest.Matchers.nullValue;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.podium.contracts.EventJson;
import dev.podium.embedded.testing.ServersResource;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What the labeling form stands on: drafts, the task after this one, skips and flags, history, progress, bias. */
@QuarkusTest
@WithTestResource(ServersResource.class)
class LabelersWorkTest {
    private static final String CRITERIA = "{\"criteria\":[{\"id\":\"correct\",\"name\":\"Correct\",\"required\":true},"
            + "{\"id\":\"tone\",\"steps\":3}]}";

    @Inject
    EntityManager entities;

    @Test
    void aDraftComesBackOnAnotherDeviceAndIsGoneOnceTheRankingIsSubmitted() {
        Held held = held();
        held.given().then().body("draft", nullValue());

        save(held, draft(held.outputs().get(1), 0)).then().statusCode(200).body("version", equalTo(1));
        save(held, draft(held.outputs().get(1), 0)).then().body("version", equalTo(2));

        Api.next(held.labeler(), held.project())
                .then()
                .body("draft.version", equalTo(2))
                .body("draft.comment", equalTo("so far"))
                .body("draft.places." + held.outputs().get(1), equalTo(1))
                .body("draft.activeMillis", equalTo(1234));
        Api.submit(held.labeler(), held.project(), held.task(), Api.groups(held.outputs()))
                .then()
                .statusCode(201);
        held.opened().then().body("draft", nullValue());
        save(held, draft(held.outputs().get(1), 0)).then().statusCode(409).body("code", equalTo("stale_draft"));
    }

    @Test
    void aDraftThatItsBrowserGaveUpDoesNotComeBackBehindALaterOne() {
        Held held = held();
        save(held, draft(held.outputs().get(0), 0), 7, 1000002).then().body("version", equalTo(1));

        // When what was sent before arrives late, and once more
        save(held, draft(held.outputs().get(1), 0), 7, 1000001)
                .then()
                .statusCode(200)
                .body("version", equalTo(1));
        save(held, draft(held.outputs().get(1), 0), 7, 1000000).then().statusCode(200);
        Api.next(held.labeler(), held.project())
                .then()
                .body("draft.places." + held.outputs().get(0), equalTo(1));

        // Then a repetition of the last one, another browser with an older clock, and a program count as ever
        save(held, draft(held.outputs().get(0), 0), 7, 1000002).then().body("version", equalTo(2));
        save(held, draft(held.outputs().get(1), 0), 8, 1).then().body("version", equalTo(3));
        save(held, draft(held.outputs().get(2), 0)).then().body("version", equalTo(4));
        Api.next(held.labeler(), held.project())
                .then()
                .body("draft.places." + held.outputs().get(2), equalTo(1));
    }

    @Test
    void aDraftLeftFromBeforeTheRankingGivesWayWhateverItsNumber() {
        Held held = held();
        save(held, draft(held.outputs().get(0), 0), 7, 1000000).then().statusCode(200);
        Object[] left = QuarkusTransaction.requiringNew()
                .call(() -> (Object[]) entities.createNativeQuery("select body, saved_at from draft where task_id = :t")
                        .setParameter("t", held.task())
                        .getSingleResult());
        Api.submit(held.labeler(), held.project(), held.task(), Api.groups(held.outputs()))
                .then()
                .statusCode(201);
        // As the submission leaves it, where it was just being saved.
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery("insert into draft (task_id, labeler, project_id, version, body,"
                                + " saved_at, writer, sequence) values (:t, :l, :p, 1, :b, :at, 7, 1000000)")
                        .setParameter("t", held.task())
                        .setParameter("l", held.labeler())
                        .setParameter("p", held.project())
                        .setParameter("b", left[0])
                        .setParameter("at", left[1])
                        .executeUpdate());

        // The browser's clock was set back since.
        save(held, draft(held.outputs().get(1), 1), 7, 900000).then().statusCode(200);
        held.opened().then().body("draft.places." + held.outputs().get(1), equalTo(1));
        save(held, draft(held.outputs().get(2), 1), 7, 899999).then().statusCode(200);
        held.opened().then().body("draft.places." + held.outputs().get(1), equalTo(1));
    }

    @Test
    void aDraftThatWasThrownAwayDoesNotComeBackAndTheNextOneIsNotThrownAwayLate() {
        Held held = held();
        save(held, draft(held.outputs().get(0), 0), 7, 1000000).then().statusCode(200);

        drop(held, 7, 1000002);
        save(held, draft(held.outputs().get(1), 0), 7, 1000001)
                .then()
                .statusCode(409)
                .body("code", equalTo("stale_draft"));
        held.opened().then().body("draft", nullValue());

        save(held, draft(held.outputs().get(2), 0), 7, 1000004).then().statusCode(200);
        drop(held, 7, 1000003);
        held.opened().then().body("draft.places." + held.outputs().get(2), equalTo(1));
        // Another browser throws away what it sees.
        drop(held, 8, 1);
        held.opened().then().body("draft", nullValue());
        save(held, draft(held.outputs().get(1), 0)).then().statusCode(200);
    }

    @Test
    void aDraftIsItsLabelersAloneAndHoldsOnlyWhatBelongsToTheTask() {
        String project = Api.project("{}");
        Api.tasks(project, 2);
        String labeler = Api.person("labeler");
        Response given = Api.next(labeler, project);
        String task = given.path("task.id");

        save(Api.person("labeler"), project, task, draft("x", 0)).then().statusCode(404);
        save(labeler, project, task, draft("no-such-output", 0))
                .then()
                .statusCode(422)
                .body("code", equalTo("unknown_output"));
        save(labeler, project, task, "{\"revision\":0,\"labelerId\":\"ann\"}")
                .then()
                .statusCode(400);
        Api.next(labeler, project).then().body("draft", nullValue());
    }

    @Test
    void whatALabelerHasBegunIsOfferedFirstWhenTheHoldRanOut() {
        String project = Api.project("{\"overlap\":2}");
        Api.tasks(project, 3);
        String labeler = Api.person("labeler");
        Response first = Api.next(labeler, project);
        Response second =
                Api.as(labeler).post("/api/v1/projects/" + project + "/tasks/next?after=" + first.path("task.id"));
        String begun = second.path("task.id");
        save(labeler, project, begun, draft(second.path("task.outputs[0].id"), 0))
                .then()
                .statusCode(200);
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery("with gone as (delete from lease where project_id = :p"
                                + " returning task_id) update task set taken = taken - 1"
                                + " where id in (select task_id from gone)")
                        .setParameter("p", project)
                        .executeUpdate());

        Api.next(labeler, project).then().body("task.id", equalTo(begun)).body("draft.comment", equalTo("so far"));
    }

    @Test
    void theNextTaskCanBeHeldReadyAndNoMoreThanThat() {
        String project = Api.project("{}");
        Api.tasks(project, 4);
        String labeler = Api.person("labeler");
        String next = "/api/v1/projects/" + project + "/tasks/next?after=";
        String current = Api.next(labeler, project).path("task.id");

        String ready = Api.as(labeler).post(next + current).path("task.id");

        assertNotEquals(current, ready);
        assertEquals(ready, Api.as(labeler).post(next + current).path("task.id"));
        assertEquals(current, Api.as(labeler).post(next + ready).path("task.id"));
        assertEquals(2, taken(project));
        // Nobody else is given what is held ready, and submitting it needs no further step.
        Api.next(Api.person("labeler"), project).then().body("task.id", not(equalTo(ready)));
        Response held = Api.as(labeler).get(path(project, ready));
        Api.submit(labeler, project, ready, Api.groups(held.path("task.outputs.id")))
                .then()
                .statusCode(201);
    }

    @Test
    void aSkippedTaskTakesNoPlaceIsNotOfferedAgainAndTheOperatorSeesWhy() {
        String project = Api.project("{}");
        Api.tasks(project, 1);
        String labeler = Api.person("labeler");
        String task = Api.next(labeler, project).path("task.id");

        remark(labeler, project, task, "skip", "other", "")
                .then()
                .statusCode(422)
                .body("code", equalTo("note_missing"));
        remark(labeler, project, task, "skip", "nonsense", "").then().statusCode(422);
        remark(Api.person("labeler"), project, task, "skip", "unclear", "")
                .then()
                .statusCode(404);
        remark(labeler, project, task, "skip", "not_my_field", "<b>law</b>")
                .then()
                .statusCode(204);

        assertEquals(0, taken(project));
        Api.next(labeler, project).then().statusCode(204);
        Api.operator()
                .get("/api/v1/projects/" + project + "/remarks")
                .then()
                .body("", hasSize(1))
                .body("[0].kind", equalTo("SKIP"))
                .body("[0].reason", equalTo("NOT_MY_FIELD"))
                .body("[0].note", equalTo("<b>law</b>"))
                .body("[0].labeler", equalTo(labeler))
                .body("[0].prompt", containsString("question"));
        String meant = EventJson.writeText(Map.of("taskId", task, "labeler", labeler, "kind", "SKIP"));
        Api.operator()
                .body(meant)
                .post(path(project, "").replace("tasks/", "remarks/settle"))
                .then()
                .statusCode(204);
        Api.operator().get("/api/v1/projects/" + project + "/remarks").then().body("", hasSize(0));
        Api.operator()
                .body(meant)
                .post(path(project, "").replace("tasks/", "remarks/offer-again"))
                .then()
                .statusCode(204);
        Api.next(labeler, project).then().statusCode(200);
    }

    @Test
    void aFlagStandsBesideTheRankingAndCanBeTakenBack() {
        String project = Api.project("{}");
        Api.tasks(project, 1);
        String labeler = Api.person("labeler");
        Response given = Api.next(labeler, project);
        String task = given.path("task.id");

        remark(labeler, project, task, "flag", "personal_data", "a phone number")
                .then()
                .statusCode(204);
        Api.submit(labeler, project, task, Api.groups(given.path("task.outputs.id")))
                .then()
                .statusCode(201);

        Api.operator().get("/api/v1/projects/" + project + "/remarks").then().body("[0].kind", equalTo("FLAG"));
        Api.as(labeler).delete(path(project, task) + "/flag").then().statusCode(204);
        Api.operator().get("/api/v1/projects/" + project + "/remarks").then().body("", hasSize(0));
        Api.as(labeler).get("/api/v1/projects/" + project + "/remarks").then().statusCode(403);
    }

    @Test
    void everyRevisionOfARankingCanBeSeenAgain() {
        Held held = held();
        Api.submit(held.labeler(), held.project(), held.task(), Api.groups(held.outputs()));
        Api.submit(
                held.labeler(),
                held.project(),
                held.task(),
                Api.groups(held.outputs().reversed()),
                UUID.randomUUID() + "",
                1);
        Api.as(held.labeler())
                .header("Idempotency-Key", UUID.randomUUID() + "")
                .header("If-Match", "\"2\"")
                .delete(path(held.project(), held.task()) + "/ranking")
                .then()
                .statusCode(200);

        Api.as(held.labeler())
                .get(path(held.project(), held.task()) + "/revisions")
                .then()
                .body("revision", contains(3, 2, 1))
                .body("retracted", contains(true, false, false))
                .body("[1].groups[0][0]", equalTo(held.outputs().get(2)))
                .body("[2].groups[0][0]", equalTo(held.outputs().get(0)));
        Api.as(Api.person("labeler"))
                .get(path(held.project(), held.task()) + "/revisions")
                .then()
                .statusCode(404);
    }

    @Test
    void ratingsFollowTheProjectsCriteriaAndComeBackWithTheRanking() {
        String project = Api.project(CRITERIA);
        Api.tasks(project, 1);
        String labeler = Api.person("labeler");
        Response given = Api.next(labeler, project);
        given.then().body("rules.criteria.id", contains("correct", "tone")).body("rules.criteria[0].steps", equalTo(5));
        String task = given.path("task.id");
        List<String> ids = given.path("task.outputs.id");

        rated(labeler, project, task, ids, Map.of()).then().statusCode(422).body("code", equalTo("incomplete_ratings"));
        rated(labeler, project, task, ids, Map.of(ids.get(0), Map.of("style", 1)))
                .then()
                .statusCode(422)
                .body("code", equalTo("unknown_criterion"));
        rated(labeler, project, task, ids, Map.of(ids.get(0), Map.of("tone", 4)))
                .then()
                .statusCode(422)
                .body("code", equalTo("invalid_rating"));
        Map<String, Map<String, Integer>> good = Map.of(
                ids.get(0),
                Map.of("correct", 5, "tone", 3),
                ids.get(1),
                Map.of("correct", 2),
                ids.get(2),
                Map.of("correct", 1));
        rated(labeler, project, task, ids, good).then().statusCode(201);

        Api.as(labeler)
                .get(path(project, task))
                .then()
                .body("ranking.ratings." + ids.get(0) + ".tone", equalTo(3))
                .body("ranking.ratings." + ids.get(1) + ".correct", equalTo(2));
    }

    @Test
    void labelersSeeTheirOwnCountAndTime() {
        String project = Api.project("{}");
        Api.tasks(project, 3);
        String labeler = Api.person("labeler");
        for (int millis : List.of(1_000, 5_000, 9_000)) {
            Response given = Api.next(labeler, project);
            String body =
                    Api.groups(given.path("task.outputs.id")).replaceFirst("}$", ",\"durationMillis\":" + millis + "}");
            Api.submit(labeler, project, given.path("task.id"), body).then().statusCode(201);
        }
        String summary = "/api/v1/projects/" + project + "/rankings/mine/summary";

        Api.as(labeler)
                .get(summary + "?since=2020-01-01T00:00:00Z")
                .then()
                .body("rankings", equalTo(3))
                .body("millis", equalTo(15_000))
                .body("medianMillis", equalTo(5_000))
                .body("sinceRankings", equalTo(3));
        Api.as(labeler).get(summary + "?since=2999-01-01T00:00:00Z").then().body("sinceRankings", equalTo(0));
        Api.as(labeler).get(summary + "?since=yesterday").then().statusCode(400);
    }

    @Test
    void aLabelerWhoAlwaysTakesTheFirstIsReported() {
        String project = Api.project("{\"overlap\":2}");
        Api.tasks(project, 12);
        String lazy = Api.person("labeler");
        String fair = Api.person("labeler");
        for (int i = 0; i < 12; i++) {
            Response given = Api.next(lazy, project);
            Api.submit(lazy, project, given.path("task.id"), Api.groups(given.path("task.outputs.id")));
            Response other = Api.next(fair, project);
            List<String> ids = new java.util.ArrayList<>(other.<List<String>>path("task.outputs.id"));
            java.util.Collections.rotate(ids, i % 3);
            Api.submit(fair, project, other.path("task.id"), Api.groups(ids));
        }

        Api.operator()
                .get("/api/v1/projects/" + project + "/position-bias")
                .then()
                .body("labelers[0].labeler", equalTo(lazy))
                .body("labelers[0].biased", equalTo(true))
                .body("labelers[0].firstWon", equalTo(12))
                .body("labelers[0].winsByPosition", contains(12, 0, 0))
                .body("labelers[1].biased", equalTo(false))
                .body("labelers[1].winsByPosition", contains(4, 4, 4))
                .body("all.rankings", equalTo(24))
                .body("all.expected", notNullValue());
        Api.as(lazy)
                .get("/api/v1/projects/" + project + "/position-bias")
                .then()
                .statusCode(403);
    }

    private long taken(String project) {
        return QuarkusTransaction.requiringNew()
                .call(() -> ((Number) entities.createNativeQuery("select sum(taken) from task where project_id = :p")
                                .setParameter("p", project)
                                .getSingleResult())
                        .longValue());
    }

    /**
     * A labeler who holds the one task of a project.
     *
     * @param given the answer that gave it
     */
    private record Held(String project, String labeler, Response given) {
        String task() {
            return given.path("task.id");
        }

        List<String> outputs() {
            return given.path("task.outputs.id");
        }

        Response opened() {
            return Api.as(labeler).get(path(project, task()));
        }
    }

    private static Held held() {
        String project = Api.project("{}");
        Api.tasks(project, 1);
        String labeler = Api.person("labeler");
        return new Held(project, labeler, Api.next(labeler, project));
    }

    private static Response save(Held held, String body) {
        return save(held.labeler(), held.project(), held.task(), body);
    }

    private static Response save(String labeler, String project, String task, String body) {
        return Api.as(labeler).body(body).put(path(project, task) + "/draft");
    }

    private static Response save(Held held, String body, long writer, long sequence) {
        return inTurn(held, writer, sequence).body(body).put(path(held.project(), held.task()) + "/draft");
    }

    private static void drop(Held held, long writer, long sequence) {
        inTurn(held, writer, sequence)
                .delete(path(held.project(), held.task()) + "/draft")
                .then()
                .statusCode(204);
    }

    private static RequestSpecification inTurn(Held held, long writer, long sequence) {
        return Api.as(held.labeler()).header("Draft-Writer", writer).header("Draft-Sequence", sequence);
    }

    private static String draft(String output, int revision) {
        return EventJson.writeText(
                Map.of("revision", revision, "places", Map.of(output, 1), "comment", "so far", "activeMillis", 1234));
    }

    private static Response remark(
            String labeler, String project, String task, String kind, String reason, String note) {
        return Api.as(labeler)
                .body(EventJson.writeText(Map.of("reason", reason, "note", note)))
                .put(path(project, task) + "/" + kind);
    }

    private static Response rated(
            String labeler, String project, String task, List<String> ids, Map<String, Map<String, Integer>> ratings) {
        String body =
                EventJson.writeText(Map.of("groups", ids.stream().map(List::of).toList(), "ratings", ratings));
        return Api.submit(labeler, project, task, body);
    }

    private static String path(String project, String task) {
        return "/api/v1/projects/" + project + "/tasks/" + task;
    }
}
