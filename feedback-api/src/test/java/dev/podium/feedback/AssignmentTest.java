package dev.podium.feedback;

import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.notNullValue;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.RankingRules;
import dev.podium.contracts.Task;
import dev.podium.embedded.testing.ServersResource;
import dev.podium.feedback.task.Tasks;
import io.agroal.api.AgroalDataSource;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(ServersResource.class)
class AssignmentTest {
    @Inject
    EntityManager entities;

    @Inject
    Tasks tasks;

    @Inject
    AgroalDataSource database;

    @Test
    void tasksOfHigherPriorityComeFirst() {
        String project = Api.project("{}");
        Api.importLines(project, "", """
            {"prompt":"later","outputs":["a","b"],"priority":-1}
            {"prompt":"now","outputs":["a","b"]}
            {"prompt":"urgent","outputs":["a","b"],"priority":7}
            """).then().statusCode(200);
        String labeler = Api.person("labeler");
        for (String expected : List.of("urgent", "now", "later")) {
            Response task = Api.next(labeler, project);
            assertEquals(expected, task.path("task.prompt[0].content"));
            Api.submit(labeler, project, task.path("task.id"), Api.groups(task.path("task.outputs.id")))
                    .then()
                    .statusCode(201);
        }
        Api.importLines(project, "", "{\"prompt\":\"x\",\"outputs\":[\"a\",\"b\"],\"priority\":1001}")
                .then()
                .statusCode(422)
                .body("errors[0].code", equalTo("invalid_priority"));
    }

    @Test
    void whoHasComeFarIsGivenAtOnceWhatIsImportedOrComesFreeBehind() {
        String project = Api.project("{\"overlap\":2}");
        Api.tasks(project, 3);
        rules(project, "active_sampling = false");
        String labeler = Api.person("labeler");
        String first = Api.next(labeler, project).path("task.id");
        String second = after(labeler, project, first).path("task.id");
        Api.as(labeler)
                .delete("/api/v1/projects/" + project + "/tasks/" + first + "/lease")
                .then()
                .statusCode(204);
        assertEquals(first, after(labeler, project, second).path("task.id"), "the released one is before the third");
        Api.importLines(project, "", "{\"prompt\":\"urgent\",\"outputs\":[\"a\",\"b\"],\"priority\":7}")
                .then()
                .statusCode(200);
        Response next = submitted(labeler, project, Api.next(labeler, project), 2);
        assertEquals("urgent", next.path("task.prompt[0].content"));
        assertEquals(
                "question 2",
                submitted(labeler, project, next, 1).path("task.prompt[0].content"),
                "and then it goes on where it was");
    }

    /** Submits that task and so many in all, and says what comes then. */
    private static Response submitted(String labeler, String project, Response task, int times) {
        Response now = task;
        for (int i = 0; i < times; i++) {
            Api.submit(labeler, project, now.path("task.id"), Api.groups(now.path("task.outputs.id")))
                    .then()
                    .statusCode(201);
            now = Api.next(labeler, project);
        }
        return now;
    }

    @Test
    void theTaskBehindTheOneOnTheScreenIsHeldToo() {
        String project = Api.project("{}");
        Api.tasks(project, 2);
        String labeler = Api.person("labeler");
        String first = Api.next(labeler, project).path("task.id");
        String second = after(labeler, project, first).path("task.id");
        assertNotEquals(first, second);
        // Asked again, the same ones: two tabs hold no more than one.
        assertEquals(first, Api.next(labeler, project).path("task.id"));
        assertEquals(second, after(labeler, project, first).path("task.id"));
        Api.next(Api.person("labeler"), project).then().statusCode(204);
        Response lease = Api.as(labeler).put("/api/v1/projects/" + project + "/tasks/" + second + "/lease");
        lease.then().statusCode(200);
        Api.as(labeler)
                .delete("/api/v1/projects/" + project + "/tasks/" + second + "/lease")
                .then()
                .statusCode(204);
        Api.as(labeler)
                .put("/api/v1/projects/" + project + "/tasks/" + second + "/lease")
                .then()
                .statusCode(409)
                .body("code", equalTo("lease_expired"));
        assertEquals(second, Api.next(Api.person("labeler"), project).path("task.id"));
    }

    @Test
    void theNextTaskComesAlongWithTheAnswerToARanking() {
        String project = Api.project("{\"overlap\":2}");
        Api.tasks(project, 4);
        String labeler = Api.person("labeler");
        Response first = Api.next(labeler, project);
        String onScreen = after(labeler, project, first.path("task.id")).path("task.id");

        Response behind = submit(labeler, project, first, "", "?next=true&after=" + onScreen);

        behind.then()
                .statusCode(201)
                .body("revision", equalTo(1))
                .body("next.task.outputs.size()", equalTo(3))
                .body("next.lease.id", notNullValue());
        String third = behind.path("next.task.id");
        assertNotEquals(onScreen, third);
        assertEquals(third, after(labeler, project, onScreen).path("task.id"));
        assertEquals(onScreen, Api.next(labeler, project).path("task.id"));
        // The first is done: what is on the screen comes along where nothing is said of it.
        Response asked = Api.next(labeler, project);
        assertEquals(third, submit(labeler, project, asked, "", "?next=true").path("next.task.id"));
        assertNull(submit(labeler, project, behind, "next.", "").path("next"));
    }

    @Test
    void aRankingIsTakenAlsoWhereNoTaskComesAlong() {
        String project = Api.project("{}");
        Api.tasks(project, 2);
        String labeler = Api.person("labeler");
        Response first = Api.next(labeler, project);
        Response second = after(labeler, project, first.path("task.id"));

        Response last = submit(labeler, project, first, "", "?next=true&after=" + second.path("task.id"));

        last.then().statusCode(201);
        assertNull(last.path("next"));
        Api.next(Api.person("labeler"), project).then().statusCode(204);
    }

    private static Response submit(String labeler, String project, Response given, String at, String query) {
        return Api.as(labeler)
                .header("Idempotency-Key", UUID.randomUUID().toString())
                .body(Api.groups(given.path(at + "task.outputs.id")))
                .put("/api/v1/projects/" + project + "/tasks/" + given.path(at + "task.id") + "/ranking" + query);
    }

    /** Rankings are written together; what holds one of them up must not hold up the others, nor let it be lost. */
    @Test
    void aRankingWhoseTaskIsLockedWaitsByItselfAndAllAreTakenOnce() throws Exception {
        String project = Api.project("{\"overlap\":30}");
        Api.tasks(project, 2);
        rules(project, "active_sampling = false");
        List<String> labelers =
                IntStream.range(0, 24).mapToObj(i -> Api.person("labeler")).toList();
        List<Response> given = new ArrayList<>();
        for (int i = 0; i < labelers.size(); i++) {
            Response first = Api.next(labelers.get(i), project);
            given.add(i % 2 == 0 ? first : after(labelers.get(i), project, first.path("task.id")));
        }
        String locked = given.getFirst().path("task.id");
        List<Future<Integer>> answers = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(labelers.size());
                Connection other = database.getConnection()) {
            other.setAutoCommit(false);
            try (PreparedStatement lock = other.prepareStatement("select 1 from task where id = ? for update")) {
                lock.setString(1, locked);
                lock.executeQuery().close();
            }
            for (int i = 0; i < labelers.size(); i++) {
                String labeler = labelers.get(i);
                Response task = given.get(i);
                answers.add(threads.submit(() -> Api.submit(
                                labeler, project, task.path("task.id"), Api.groups(task.path("task.outputs.id")))
                        .statusCode()));
            }
            for (int i = 1; i < labelers.size(); i += 2) {
                assertEquals(201, answers.get(i).get(30, TimeUnit.SECONDS));
            }
            for (int i = 0; i < labelers.size(); i += 2) {
                assertFalse(answers.get(i).isDone(), "it cannot have been written");
            }
            other.rollback();
            for (Future<Integer> answer : answers) {
                assertEquals(201, answer.get(30, TimeUnit.SECONDS));
            }
        }
        assertEquals(
                24,
                Api.operator().get("/api/v1/projects/" + project + "/progress").<Integer>path("rankings"));
    }

    @Test
    void theMostUncertainTaskComesFirstAndAShareIsDrawnUniformly() {
        String project = Api.project("{\"overlap\":30}");
        Api.tasks(project, 40);
        QuarkusTransaction.requiringNew().run(() -> {
            entities.createNativeQuery("update task set urgency = 0.1 + 0.001 * (position % 7) where project_id = :p")
                    .setParameter("p", project)
                    .executeUpdate();
            entities.createNativeQuery("update task set urgency = 0.9 where id = (select max(id) from task"
                            + " where project_id = :p)")
                    .setParameter("p", project)
                    .executeUpdate();
        });
        int uncertain = 0;
        int asked = 30;
        for (int i = 0; i < asked; i++) {
            String labeler = "sampled-" + i;
            uncertain += given(project, labeler).equals(mostUncertain(project)) ? 1 : 0;
        }
        // One in ten is drawn: of 30, more than 14 are so once in a hundred thousand runs.
        assertTrue(uncertain > 15, uncertain + " of " + asked + " were given the most uncertain task");
        rules(project, "uniform_share = 1");
        assertTrue(distinct(project, 20) > 5, "drawn uniformly, few labelers have the same task");
    }

    /** What the database gives, without the cost of a person per question; nothing is leased. */
    private String given(String project, String labeler) {
        return QuarkusTransaction.requiringNew().call(() -> (String) entities.createNativeQuery(
                        "select task_id from next_task(:p, :l, null, now(), now(), random(), random(),"
                                + " random(), false)",
                        String.class)
                .setParameter("p", project)
                .setParameter("l", labeler)
                .getSingleResult());
    }

    private long distinct(String project, int labelers) {
        return java.util.stream.IntStream.range(0, labelers)
                .mapToObj(i -> given(project, "drawn-" + i))
                .distinct()
                .count();
    }

    private String mostUncertain(String project) {
        return QuarkusTransaction.requiringNew().call(() -> (String) entities.createNativeQuery(
                        "select id from task where project_id = :p order by urgency desc limit 1", String.class)
                .setParameter("p", project)
                .getSingleResult());
    }

    private void rules(String project, String set) {
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery(
                                "insert into work_rules (project_id) values (:p) on conflict do nothing")
                        .setParameter("p", project)
                        .executeUpdate());
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery("update work_rules set " + set + " where project_id = :p")
                        .setParameter("p", project)
                        .executeUpdate());
    }

    @Test
    void aProjectThatCouldNeverDecideIsRefused() {
        Api.operator()
                .body("{\"id\":\"never-decides\",\"rules\":{\"overlap\":2,\"minVotes\":3}}")
                .post("/api/v1/projects")
                .then()
                .statusCode(422)
                .body("code", equalTo("invalid_rules"))
                .body("detail", containsString("minVotes"));
    }

    @Test
    void ofTasksThatNobodyHasRankedTheOneThatARewardEnsembleDisputesMostComesFirst() {
        String project = Api.project("{}");
        rules(project, "uniform_share = 0");
        for (double score : List.of(0.2, 0.9, 0.5)) {
            QuarkusTransaction.requiringNew().run(() -> tasks.add(disputed(project, score)));
        }
        String labeler = Api.person("labeler");
        List<String> given = new java.util.ArrayList<>();
        String before = "";
        for (int i = 0; i < 3; i++) {
            Response next = i == 0 ? Api.next(labeler, project) : after(labeler, project, before);
            given.add(next.path("task.prompt[0].content"));
            Api.submit(labeler, project, next.path("task.id"), Api.groups(next.path("task.outputs.id")))
                    .then()
                    .statusCode(201);
            before = next.path("task.id");
        }
        assertEquals(List.of("0.9", "0.5", "0.2"), given);
    }

    private static Task disputed(String project, double score) {
        String id = java.util.UUID.randomUUID().toString();
        return new Task(
                project,
                id,
                List.of(Message.user(Double.toString(score))),
                List.of(
                        new Output(id + "-0", "a", Output.Provenance.imported(), List.of()),
                        new Output(id + "-1", "b", Output.Provenance.imported(), List.of())),
                RankingRules.DEFAULT,
                Optional.empty(),
                Optional.empty(),
                Instant.EPOCH,
                Optional.empty(),
                Optional.of(new Task.Selection(Task.Selection.DISAGREEMENT, score)));
    }

    private static Response after(String labeler, String project, String task) {
        return Api.as(labeler).post("/api/v1/projects/" + project + "/tasks/next?after=" + task);
    }
}
