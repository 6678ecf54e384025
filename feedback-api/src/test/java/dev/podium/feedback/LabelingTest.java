package dev.podium.feedback;

import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasSize;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.Topics;
import dev.podium.embedded.testing.ServersResource;
import dev.podium.feedback.kafka.KafkaAccess;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(ServersResource.class)
class LabelingTest {
    @Inject
    KafkaAccess kafka;

    @Inject
    EntityManager entities;

    @Test
    void aSubmittedRankingIsOneEventWithWhatTheLabelerSaw() throws Exception {
        String project = Api.project("{}");
        Api.tasks(project, 1);
        String labeler = Api.person("labeler");
        Response task = Api.next(labeler, project);
        List<String> shown = task.path("task.outputs.id");
        Api.submit(labeler, project, task.path("task.id"), Api.groups(shown))
                .then()
                .statusCode(201)
                .body("revision", equalTo(1));
        List<RankingEvent> events = events(task.path("task.id"), 1);
        RankingSubmitted ranking = (RankingSubmitted) events.getFirst();
        assertEquals(labeler, ranking.labelerId());
        assertEquals(shown, ranking.shownOrder());
        assertEquals(shown.stream().map(List::of).toList(), ranking.groups());
        Api.next(labeler, project).then().statusCode(204);
    }

    /** While somebody submits the last task with a place, that task is locked. */
    @Test
    void aTaskThatIsLockedForAMomentIsNotMistakenForNothingLeft() throws Exception {
        String project = Api.project("{\"overlap\":2}");
        Api.tasks(project, 1);
        String labeler = Api.person("labeler");
        CountDownLatch locked = new CountDownLatch(1);
        CompletableFuture<Void> other = CompletableFuture.runAsync(() -> QuarkusTransaction.requiringNew()
                .run(() -> {
                    entities.createNativeQuery("select id from task where project_id = :p for update", String.class)
                            .setParameter("p", project)
                            .getSingleResult();
                    locked.countDown();
                    sleep();
                }));
        assertTrue(locked.await(10, TimeUnit.SECONDS));
        Api.next(labeler, project).then().statusCode(200);
        other.get(10, TimeUnit.SECONDS);
    }

    private static void sleep() {
        try {
            Thread.sleep(1_000);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void correctionsAndRetractionsAreRevisionsInOrder() throws Exception {
        String project = Api.project("{}");
        Api.tasks(project, 1);
        String labeler = Api.person("labeler");
        Response first = Api.next(labeler, project);
        String task = first.path("task.id");
        List<String> ids = first.path("task.outputs.id");
        Api.submit(labeler, project, task, Api.groups(ids)).then().statusCode(201);
        Api.submit(
                        labeler,
                        project,
                        task,
                        Api.groups(ids.reversed()),
                        UUID.randomUUID().toString(),
                        null)
                .then()
                .statusCode(412)
                .body("code", equalTo("stale_revision"))
                .body("revision", equalTo(1));
        Api.submit(
                        labeler,
                        project,
                        task,
                        Api.groups(ids.reversed()),
                        UUID.randomUUID().toString(),
                        1)
                .then()
                .statusCode(200)
                .body("revision", equalTo(2));
        Api.as(labeler)
                .get("/api/v1/projects/" + project + "/tasks/" + task)
                .then()
                .body("revision", equalTo(2))
                .body("ranking.groups", hasSize(3));
        Api.as(labeler)
                .header("Idempotency-Key", UUID.randomUUID().toString())
                .header("If-Match", "\"2\"")
                .delete("/api/v1/projects/" + project + "/tasks/" + task + "/ranking")
                .then()
                .statusCode(200)
                .body("revision", equalTo(3));
        List<RankingEvent> events = events(task, 3);
        assertEquals(
                List.of(1, 2, 3), events.stream().map(RankingEvent::revision).toList());
        assertTrue(events.getLast() instanceof RankingEvent.RankingRetracted);
    }

    @Test
    void oneKeyIsOneRankingHoweverOftenItIsSent() throws Exception {
        String project = Api.project("{}");
        Api.tasks(project, 1);
        String labeler = Api.person("labeler");
        Response first = Api.next(labeler, project);
        String task = first.path("task.id");
        List<String> ids = first.path("task.outputs.id");
        String body = Api.groups(ids);
        Api.submit(labeler, project, task, body, "key-1", null).then().statusCode(201);
        Api.submit(labeler, project, task, body, "key-1", null)
                .then()
                .statusCode(201)
                .header("Idempotent-Replayed", "true")
                .body("revision", equalTo(1));
        Api.submit(labeler, project, task, Api.groups(ids.reversed()), "key-1", null)
                .then()
                .statusCode(422)
                .body("code", equalTo("idempotency_key_reused"));
        assertEquals(1, events(task, 1).size());
    }

    @Test
    void fiftyLabelersAtOnceGetExactlyTheOverlapAndLoseNothing() throws Exception {
        int overlap = 3;
        int tasks = 20;
        String project = Api.project("{\"overlap\":" + overlap + "}");
        Api.tasks(project, tasks);
        List<String> labelers = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            labelers.add(Api.person("labeler"));
        }
        List<Callable<Integer>> work = new ArrayList<>();
        for (String labeler : labelers) {
            // Half of them have the next task come along with the answer.
            boolean comesAlong = work.size() % 2 == 0;
            work.add(() -> rankAll(labeler, project, comesAlong));
        }
        int submitted = 0;
        try (ExecutorService threads = Executors.newFixedThreadPool(50)) {
            for (Future<Integer> done : threads.invokeAll(work)) {
                submitted += done.get();
            }
        }
        assertEquals(overlap * tasks, submitted);
        Map<String, Set<String>> byTask = new HashMap<>();
        for (RankingEvent event : projectEvents(project, overlap * tasks)) {
            assertTrue(
                    byTask.computeIfAbsent(event.taskId(), t -> new HashSet<>()).add(event.labelerId()));
        }
        assertEquals(tasks, byTask.size());
        byTask.values().forEach(who -> assertEquals(overlap, who.size()));
    }

    private static int rankAll(String labeler, String project, boolean comesAlong) {
        int done = 0;
        Response answer = Api.next(labeler, project);
        String at = "";
        while (answer.statusCode() != 204) {
            String task = answer.path(at + "task.id");
            answer = Api.as(labeler)
                    .header("Idempotency-Key", UUID.randomUUID().toString())
                    .body(Api.groups(answer.path(at + "task.outputs.id")))
                    .put("/api/v1/projects/" + project + "/tasks/" + task + "/ranking?next=" + comesAlong);
            answer.then().statusCode(201);
            done++;
            at = "next.";
            if (answer.path("next") == null) {
                answer = Api.next(labeler, project);
                at = "";
            }
        }
        return done;
    }

    @Test
    void anExpiredLeaseFreesItsPlaceAndItsHolderIsToldSo() {
        String project = Api.project("{}");
        Api.tasks(project, 1);
        String slow = Api.person("labeler");
        String quick = Api.person("labeler");
        Response held = Api.next(slow, project);
        String task = held.path("task.id");
        List<String> ids = held.path("task.outputs.id");
        Api.next(quick, project).then().statusCode(204);
        Api.as(slow)
                .body("{\"revision\":0,\"comment\":\"half done\",\"activeMillis\":1}")
                .put("/api/v1/projects/" + project + "/tasks/" + task + "/draft")
                .then()
                .statusCode(200);
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery(
                                "update lease set expires_at = now() - interval '1 second' where task_id = :t")
                        .setParameter("t", task)
                        .executeUpdate());
        Api.next(quick, project).then().statusCode(200);
        Api.submit(quick, project, task, Api.groups(ids)).then().statusCode(201);
        String late = "{\"groups\":[[\"" + String.join("\"],[\"", ids) + "\"]],\"leaseId\":\"" + held.path("lease.id")
                + "\"}";
        Api.submit(slow, project, task, late).then().statusCode(409).body("code", equalTo("lease_expired"));
        Object draft = QuarkusTransaction.requiringNew()
                .call(() -> entities.createNativeQuery(
                                "select body from draft where task_id = :t and labeler = :l", String.class)
                        .setParameter("t", task)
                        .setParameter("l", slow)
                        .getSingleResult());
        assertTrue(draft.toString().contains("half done"), "the draft is gone: " + draft);
    }

    @Test
    void aLateRankingOfATaskStillFreeIsTakenWithTheOrderThatWasShown() throws Exception {
        String project = Api.project("{}");
        Api.tasks(project, 2);
        String slow = Api.person("labeler");
        Response held = Api.next(slow, project);
        String task = held.path("task.id");
        List<String> ids = held.path("task.outputs.id");
        String body = Api.groups(ids).replaceFirst("}$", ",\"leaseId\":\"" + held.path("lease.id") + "\"}");
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery(
                                "with gone as (delete from lease where task_id = :t returning task_id)"
                                        + " update task set taken = taken - 1 where id in (select task_id from gone)")
                        .setParameter("t", task)
                        .executeUpdate());
        // Nobody else gets in by that id, nor by one that was made up.
        Api.submit(Api.person("labeler"), project, task, body).then().statusCode(404);
        Api.submit(slow, project, task, body.replaceFirst("leaseId\":\"[^\"]*", "leaseId\":\"" + UUID.randomUUID()))
                .then()
                .statusCode(404);
        Api.submit(slow, project, task, body).then().statusCode(201);
        assertEquals(ids, ((RankingSubmitted) events(task, 1).getFirst()).shownOrder());
    }

    @Test
    void labelersWhoSubmitAsTheirLeasesRunOutDoNotBlockThoseWhoAsk() throws Exception {
        int tasks = 40;
        String project = Api.project("{}");
        Api.tasks(project, tasks);
        List<Callable<Integer>> work = new ArrayList<>();
        for (int i = 0; i < tasks; i++) {
            String labeler = Api.person("labeler");
            Response held = Api.next(labeler, project);
            String late = Api.groups(held.path("task.outputs.id"))
                    .replaceFirst("}$", ",\"leaseId\":\"" + held.path("lease.id") + "\"}");
            String task = held.path("task.id");
            work.add(() -> Api.submit(labeler, project, task, late).statusCode());
        }
        for (int i = 0; i < 20; i++) {
            String asks = Api.person("labeler");
            work.add(2 * i, () -> Api.next(asks, project).statusCode());
        }
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery(
                                "update lease set expires_at = now() - interval '1 second' where project_id = :p")
                        .setParameter("p", project)
                        .executeUpdate());
        try (ExecutorService threads = Executors.newFixedThreadPool(16)) {
            for (Future<Integer> done : threads.invokeAll(work)) {
                assertTrue(Set.of(200, 201, 204, 409).contains(done.get()), "status " + done.get());
            }
        }
        long wrong = QuarkusTransaction.requiringNew()
                .call(() -> ((Number) entities.createNativeQuery("select count(*) from task t where project_id = :p"
                                        + " and taken <> (select count(*) from lease where task_id = t.id)"
                                        + " + (select count(*) from ranking where task_id = t.id)")
                                .setParameter("p", project)
                                .getSingleResult())
                        .longValue());
        assertEquals(0, wrong, "tasks whose places are miscounted");
    }

    @Test
    void manyTabsOfOneLabelerHoldOneTask() throws Exception {
        String project = Api.project("{\"overlap\":3}");
        Api.tasks(project, 5);
        String labeler = Api.person("labeler");
        Set<String> given = new HashSet<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            Callable<Response> tab = () -> Api.next(labeler, project);
            for (Future<Response> done : threads.invokeAll(java.util.Collections.nCopies(8, tab))) {
                done.get().then().statusCode(200);
                given.add(done.get().path("task.id"));
            }
        }
        assertEquals(1, given.size());
    }

    @Test
    void labelersSeeOutputsInOrdersOfTheirOwnWithoutProvenance() {
        String project = Api.project("{\"overlap\":20}");
        Api.tasks(project, 1);
        Set<List<String>> orders = new HashSet<>();
        for (int i = 0; i < 12; i++) {
            Response task = Api.next(Api.person("labeler"), project);
            orders.add(task.path("task.outputs.id"));
            assertTrue(!task.asString().contains("provenance"));
        }
        assertTrue(orders.size() > 2, "orders seen: " + orders);
    }

    private List<RankingEvent> events(String task, int expected) throws Exception {
        return read(expected, event -> event.taskId().equals(task));
    }

    private List<RankingEvent> projectEvents(String project, int expected) throws Exception {
        return read(expected, event -> event.projectId().equals(project));
    }

    /** Reads until the expected number is there, then a little longer to catch what should not be there. */
    private List<RankingEvent> read(int expected, java.util.function.Predicate<RankingEvent> wanted) throws Exception {
        List<RankingEvent> found = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = kafka.consumer()) {
            List<TopicPartition> all = consumer.partitionsFor(Topics.RANKINGS).stream()
                    .map(p -> new TopicPartition(p.topic(), p.partition()))
                    .toList();
            consumer.assign(all);
            consumer.seekToBeginning(all);
            long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
            int quiet = 0;
            while (System.nanoTime() < end && quiet < 2) {
                var records = consumer.poll(Duration.ofMillis(300));
                for (ConsumerRecord<byte[], byte[]> record : records) {
                    RankingEvent event = EventJson.read(record.value(), RankingEvent.class);
                    if (wanted.test(event)) {
                        found.add(event);
                    }
                }
                quiet = records.isEmpty() && found.size() >= expected ? quiet + 1 : 0;
            }
        }
        assertEquals(expected, found.size());
        return found;
    }
}
