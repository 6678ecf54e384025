package dev.podium.feedback;

import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.embedded.testing.ServersResource;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.util.List;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(ServersResource.class)
class AssignmentTest {
    @Inject
    EntityManager entities;

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

    private static Response after(String labeler, String project, String task) {
        return Api.as(labeler).post("/api/v1/projects/" + project + "/tasks/next?after=" + task);
    }
}
