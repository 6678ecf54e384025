package dev.podium.feedback;

import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasSize;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.embedded.testing.ServersResource;
import dev.podium.feedback.exclusion.Exclusions;
import dev.podium.feedback.kafka.KafkaAccess;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(ServersResource.class)
class ExclusionTest {
    private static final int TASKS = 5;

    @Inject
    EntityManager entities;

    @Inject
    Exclusions exclusions;

    @Inject
    KafkaAccess kafka;

    @Test
    void excludingALabelerTakesBackAllTheirRankingsOnceAndTakesNoNewOnes() throws Exception {
        String project = Api.project("{\"overlap\":2}");
        Api.tasks(project, TASKS);
        String ann = Api.person("labeler");
        String bob = Api.person("labeler");
        String task = "";
        for (int i = 0; i < TASKS; i++) {
            task = rank(ann, project);
            rank(bob, project);
        }
        String path = "/api/v1/projects/" + project + "/labelers/" + ann + "/exclusion";
        Api.operator().body("{}").put(path).then().statusCode(422).body("code", equalTo("invalid_reason"));

        for (int i = 0; i < 2; i++) {
            Api.operator()
                    .body(Map.of("reason", "ranks without reading"))
                    .put(path)
                    .then()
                    .statusCode(200)
                    .body("retracted", equalTo(TASKS))
                    .body("finished", equalTo(true));
        }

        assertEquals(TASKS, awaitRetractions(project, ann).size());
        assertEquals(
                "labeler excluded: ranks without reading",
                awaitRetractions(project, ann).getFirst());
        Api.operator()
                .get("/api/v1/projects/" + project + "/progress")
                .then()
                .body("rankings", equalTo(TASKS))
                .body("openTasks", equalTo(TASKS));
        Api.next(ann, project).then().statusCode(403).body("code", equalTo("labeler_excluded"));
        Api.submit(ann, project, task, "{\"groups\":[[\"o1\"]]}")
                .then()
                .statusCode(403)
                .body("code", equalTo("labeler_excluded"));

        // A ranking that was on its way is found, on whatever instance looks next.
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery("update ranking set retracted = false where labeler = :l"
                                + " and task_id = (select min(task_id) from ranking where labeler = :l)")
                        .setParameter("l", ann)
                        .executeUpdate());
        exclusions.goOn();
        assertEquals(TASKS + 1, awaitRetractions(project, ann).size());

        Api.operator().get("/api/v1/projects/" + project + "/exclusions").then().body("", hasSize(1));
        Api.operator().delete(path).then().statusCode(204);
        Api.operator().delete(path).then().statusCode(404);
        Api.operator().get("/api/v1/projects/" + project + "/exclusions").then().body("", hasSize(0));
    }

    @Test
    void roundsAreRunAgainOnlyWithoutSomebodyWhoIsExcluded() {
        String project = Api.project("{}");
        String ann = Api.person("labeler");
        String path = "/api/v1/projects/" + project + "/labelers/" + ann;
        Api.operator().post(path + "/rounds-again").then().statusCode(422).body("code", equalTo("not_excluded"));
        Api.operator()
                .body(Map.of("reason", "left"))
                .put(path + "/exclusion")
                .then()
                .statusCode(200);
        Api.operator().post(path + "/rounds-again").then().statusCode(422).body("code", equalTo("nothing_affected"));
        Api.operator()
                .body(Map.of("reason", "left"))
                .put("/api/v1/projects/" + project + "/labelers/nobody-of-this-name/exclusion")
                .then()
                .statusCode(404);
    }

    private static String rank(String labeler, String project) {
        Response next = Api.next(labeler, project);
        String task = next.path("id");
        task = task == null ? next.path("task.id") : task;
        List<String> ids = next.path("outputs.id");
        ids = ids == null ? next.path("task.outputs.id") : ids;
        Api.submit(labeler, project, task, Api.groups(ids)).then().statusCode(201);
        return task;
    }

    /** Reasons of the retractions in the log, once the outbox has sent them. */
    private List<String> awaitRetractions(String project, String labeler) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (true) {
            Number waiting = (Number) QuarkusTransaction.requiringNew()
                    .call(() -> entities.createNativeQuery("select count(*) from outbox")
                            .getSingleResult());
            if (waiting.longValue() == 0) {
                break;
            }
            assertTrue(System.nanoTime() < end, waiting + " events wait");
            TimeUnit.MILLISECONDS.sleep(50);
        }
        List<String> reasons = new ArrayList<>();
        try (BoundedReader reader = kafka.reader()) {
            reader.readAll(reader.partitions(Topics.RANKINGS), record -> {
                try {
                    if (EventJson.read(record.value(), RankingEvent.class)
                                    instanceof RankingEvent.RankingRetracted retracted
                            && retracted.projectId().equals(project)
                            && retracted.labelerId().equals(labeler)) {
                        reasons.add(retracted.reason().orElse(""));
                    }
                } catch (dev.podium.contracts.InvalidEventException e) {
                    throw new AssertionError(e);
                }
                return true;
            });
        }
        return reasons;
    }
}
