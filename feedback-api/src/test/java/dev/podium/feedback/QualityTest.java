package dev.podium.feedback;

import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.notNullValue;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.LabelerReliability;
import dev.podium.contracts.Message;
import dev.podium.contracts.PreferenceSet;
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
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(ServersResource.class)
class QualityTest {
    private static final Duration WAIT = Duration.ofSeconds(30);

    @Inject
    KafkaAccess kafka;

    @Inject
    EntityManager entities;

    @Test
    void whoAnswersGoldTasksWronglyIsPausedUntilAnOperatorLetsThemGoOn() {
        String project = Api.project("{}");
        Api.tasks(project, 3);
        rules(project, "{\"goldShare\":0.5,\"goldTasksBeforePause\":2,\"goldThreshold\":0.6}");
        for (String task : tasks(project)) {
            Api.operator()
                    .body(Map.of("groups", List.of(List.of(task + "-0"), List.of(task + "-1", task + "-2"))))
                    .put(path(project, "gold/" + task))
                    .then()
                    .statusCode(204);
        }
        Api.operator()
                .get(path(project, "gold"))
                .then()
                .body("size()", equalTo(3))
                .body("prompt", org.hamcrest.Matchers.hasItem("question 1"))
                .body("[0].answers", equalTo(0));
        // All tasks are gold now, and a gold task has a place for everybody.
        String good = Api.person("labeler");
        String bad = Api.person("labeler");
        assertEquals(3, rankGold(project, good, List.of("0", "1", "2"), 3));
        assertEquals(2, rankGold(project, bad, List.of("2", "1", "0"), 2));

        Api.next(bad, project)
                .then()
                .statusCode(403)
                .body("code", equalTo("labeler_paused"))
                .body("detail", containsString("0% of the pairs are in the agreed order, 60% are needed"));
        Api.operator()
                .get(path(project, "quality"))
                .then()
                .statusCode(200)
                .body("labelers.find { it.labelerId == '" + bad + "' }.paused", equalTo(true))
                .body("labelers.find { it.labelerId == '" + bad + "' }.goldAnswers", equalTo(2))
                .body("labelers.find { it.labelerId == '" + good + "' }.paused", equalTo(false))
                .body("labelers.find { it.labelerId == '" + good + "' }.goldScore", equalTo(1.0f));
        Api.operator()
                .delete(path(project, "labelers/" + bad + "/pause"))
                .then()
                .statusCode(204);
        assertEquals(1, rankGold(project, bad, List.of("0", "1", "2"), 1));
    }

    @Test
    void aKnownAnswerMustOrderAllOutputs() {
        String project = Api.project("{}");
        Api.tasks(project, 1);
        String task = tasks(project).getFirst();
        for (List<List<String>> groups :
                List.of(List.of(List.of(task + "-0")), List.of(List.of(task + "-0", task + "-1", task + "-2")))) {
            Api.operator()
                    .body(Map.of("groups", groups))
                    .put(path(project, "gold/" + task))
                    .then()
                    .statusCode(422);
        }
    }

    @Test
    void agreementIsReportedWithItsNumbersAndIntervals() {
        String project = Api.project("{\"overlap\":2}");
        Api.tasks(project, 4);
        String ann = Api.person("labeler");
        String bob = Api.person("labeler");
        rankAll(project, ann, List.of("0", "1", "2"));
        rankAll(project, bob, List.of("0", "2", "1"));
        Api.operator()
                .get(path(project, "quality"))
                .then()
                .statusCode(200)
                .body("rankings", equalTo(8))
                .body("kendallTauB.n", equalTo(4))
                .body("kendallTauB.value.toDouble()", closeTo(1.0 / 3, 1e-6))
                .body("kendallW.value.toDouble()", closeTo(0.75, 1e-6))
                .body("krippendorffAlpha.n", equalTo(4))
                .body("krippendorffAlpha.low", notNullValue());
    }

    @Test
    void reliabilityIsPublishedByAnActAloneAndAnOperatorsWordStands() throws Exception {
        String project = Api.project("{\"overlap\":4}");
        Api.tasks(project, 5);
        List<String> labelers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            String labeler = Api.person("labeler");
            labelers.add(labeler);
            rankAll(project, labeler, i == 3 ? List.of("2", "1", "0") : List.of("0", "1", "2"));
        }
        String contrary = labelers.get(3);
        Api.operator()
                .get(path(project, "reliabilities"))
                .then()
                .statusCode(200)
                .body("find { it.labelerId == '" + contrary + "' }.reliability", equalTo(1.0f))
                .body("find { it.labelerId == '" + contrary + "' }.estimate", equalTo(0.0f));
        Api.operator()
                .body("{\"reliability\":0.5,\"reason\":\"new here\"}")
                .put(path(project, "labelers/" + labelers.getFirst() + "/reliability"))
                .then()
                .statusCode(204);
        Api.operator().post(path(project, "reliabilities")).then().statusCode(200);

        List<LabelerReliability> events = reliabilities(project, 4);
        assertEquals(0.5, of(events, labelers.getFirst()).reliability());
        assertEquals("new here", of(events, labelers.getFirst()).reason().orElseThrow());
        assertEquals(0, of(events, contrary).reliability());
        assertEquals(LabelerReliability.ESTIMATED, of(events, contrary).source());
        assertTrue(of(events, labelers.get(1)).reliability() > 0.5);
        assertTrue(of(events, contrary).sequence()
                > of(events, labelers.getFirst()).sequence());
    }

    @Test
    void aModelsDoubtBringsATaskToTheFront() {
        String project = Api.project("{}");
        Api.tasks(project, 3);
        List<String> tasks = tasks(project);
        String doubtful = tasks.get(2);
        List<Map<String, Object>> scores = new ArrayList<>();
        for (String task : tasks) {
            double apart = task.equals(doubtful) ? 0.1 : 6;
            scores.add(Map.of(
                    "taskId",
                    task,
                    "scores",
                    Map.of(
                            task + "-0", Map.of("mean", 2 * apart, "spread", 0.1),
                            task + "-1", Map.of("mean", apart, "spread", 0.1),
                            task + "-2", Map.of("mean", 0.0, "spread", 0.1))));
        }
        Api.operator()
                .body(Map.of("source", "v3", "tasks", scores))
                .post(path(project, "scores"))
                .then()
                .statusCode(200)
                .body("tasks", equalTo(3));
        assertEquals(
                doubtful,
                QuarkusTransaction.requiringNew()
                        .call(() -> entities.createNativeQuery(
                                        "select task_id from next_task(:p, 'l', null, now(), now(), 1, 1, 0, false)",
                                        String.class)
                                .setParameter("p", project)
                                .getSingleResult()));
        Api.operator()
                .body(Map.of(
                        "source",
                        "v3",
                        "tasks",
                        List.of(Map.of(
                                "taskId", doubtful, "scores", Map.of("no-output", Map.of("mean", 1, "spread", 0))))))
                .post(path(project, "scores"))
                .then()
                .statusCode(422)
                .body("code", equalTo("unknown_output"));
    }

    @Test
    void aTaskWithoutAMajorityIsDecidedBySomebodyWhoHasNotRankedIt() throws Exception {
        String project = Api.project("{\"overlap\":2}");
        Api.tasks(project, 1);
        String task = tasks(project).getFirst();
        Api.operator()
                .get(path(project, "adjudication/" + task))
                .then()
                .statusCode(200)
                .body("answers.size()", equalTo(0))
                .body("outputs.size()", equalTo(3));
        rankAll(project, Api.person("labeler"), List.of("0", "1", "2"));
        rankAll(project, Api.person("labeler"), List.of("2", "1", "0"));
        publishSplitSet(project, task);
        long deadlineNanos = System.nanoTime() + WAIT.toNanos();
        while (!Api.operator().get(path(project, "adjudication")).asString().contains(task)) {
            assertTrue(System.nanoTime() < deadlineNanos, "the contested task is not listed");
            Thread.sleep(100);
        }
        Api.operator()
                .get(path(project, "adjudication/" + task))
                .then()
                .statusCode(200)
                .body("answers.size()", equalTo(2))
                .body("aggregate.groups.size()", equalTo(1))
                .body("outputs.size()", equalTo(3));
        Map<String, Object> decision = Map.of(
                "groups",
                List.of(List.of(task + "-1"), List.of(task + "-0", task + "-2")),
                "reason",
                "only this one answers");
        for (int again = 0; again < 2; again++) {
            Api.operator()
                    .body(decision)
                    .put(path(project, "adjudication/" + task))
                    .then()
                    .statusCode(204);
        }
        Api.operator()
                .get(path(project, "adjudication/" + task))
                .then()
                .body("decision.adjudicatorId", equalTo("operator"))
                .body("decision.revision", equalTo(1));
        Api.operator().get(path(project, "adjudication")).then().body("size()", equalTo(0));
        String judge = Api.person("operator", List.of(project));
        Api.operator().delete(path(project, "adjudication/" + task)).then().statusCode(204);
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery("update ranking set labeler = :judge where task_id = :t and"
                                + " labeler = (select min(labeler) from ranking where task_id = :t)")
                        .setParameter("judge", judge)
                        .setParameter("t", task)
                        .executeUpdate());
        Api.as(judge)
                .body(decision)
                .put(path(project, "adjudication/" + task))
                .then()
                .statusCode(409)
                .body("code", equalTo("own_ranking"));
    }

    /** As ranking-stream would make it of the two rankings; it does not run here. */
    private void publishSplitSet(String project, String task) throws Exception {
        PreferenceSet set = new PreferenceSet(
                project,
                task,
                List.of(Message.user("question 0")),
                List.of(),
                Optional.empty(),
                List.of(),
                List.of(
                        new PreferenceSet.Tie(task + "-0", task + "-1", 1, 1),
                        new PreferenceSet.Tie(task + "-0", task + "-2", 1, 1),
                        new PreferenceSet.Tie(task + "-1", task + "-2", 1, 1)),
                Map.of(),
                List.of(),
                false,
                false,
                Instant.EPOCH);
        try (var producer =
                new KafkaProducer<>(kafka.clientConfiguration(), new StringSerializer(), new ByteArraySerializer())) {
            producer.send(new ProducerRecord<>(Topics.PREFERENCES, task, EventJson.write(set)))
                    .get();
        }
    }

    @Test
    void workRulesThatMakeNoSenseAreRefused() {
        String project = Api.project("{}");
        for (String wrong : List.of(
                "{\"uniformShare\":0.05}",
                "{\"goldShare\":0.9}",
                "{\"aggregation\":\"borda\"}",
                "{\"goldThreshold\":2}")) {
            Api.operator()
                    .body(wrong)
                    .put(path(project, "work-rules"))
                    .then()
                    .statusCode(422)
                    .body("code", equalTo("invalid_work_rules"));
        }
        rules(project, "{\"aggregation\":\"kemeny\"}");
        Api.operator()
                .get(path(project, "work-rules"))
                .then()
                .body("aggregation", equalTo("kemeny"))
                .body("uniformShare", equalTo(0.1f));
    }

    @Test
    void rankingsInTheSamePlacesAgainAndAgainAreFlagged() {
        String project = Api.project("{}");
        Api.tasks(project, 12);
        String labeler = Api.person("labeler");
        for (Response task = Api.next(labeler, project); task.statusCode() == 200; task = Api.next(labeler, project)) {
            Api.submit(labeler, project, task.path("task.id"), Api.groups(task.path("task.outputs.id")))
                    .then()
                    .statusCode(201);
        }
        Api.operator()
                .get(path(project, "quality"))
                .then()
                .body("labelers.find { it.labelerId == '" + labeler + "' }.flags.code", hasItem("straight_liner"));
    }

    private static LabelerReliability of(List<LabelerReliability> events, String labeler) {
        return events.stream()
                .filter(e -> e.labelerId().equals(labeler))
                .toList()
                .getLast();
    }

    private List<LabelerReliability> reliabilities(String project, int labelers) throws Exception {
        List<LabelerReliability> found = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = kafka.consumer()) {
            List<TopicPartition> all = consumer.partitionsFor(Topics.RELIABILITIES).stream()
                    .map(p -> new TopicPartition(p.topic(), p.partition()))
                    .toList();
            consumer.assign(all);
            consumer.seekToBeginning(all);
            long deadlineNanos = System.nanoTime() + WAIT.toNanos();
            while (found.stream().map(LabelerReliability::labelerId).distinct().count() < labelers
                    && System.nanoTime() < deadlineNanos) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                    LabelerReliability event = EventJson.read(record.value(), LabelerReliability.class);
                    if (event.projectId().equals(project)) {
                        found.add(event);
                    }
                }
            }
        }
        return found;
    }

    private static void rules(String project, String json) {
        Api.operator().body(json).put(path(project, "work-rules")).then().statusCode(200);
    }

    private List<String> tasks(String project) {
        return QuarkusTransaction.requiringNew()
                .call(() -> entities
                        .createNativeQuery("select id from task where project_id = :p order by position", String.class)
                        .setParameter("p", project)
                        .getResultList()
                        .stream()
                        .map(String.class::cast)
                        .toList());
    }

    /** Ranks until as many are done; by chance a request is given no gold task, and there is no other. */
    private static int rankGold(String project, String labeler, List<String> order, int wanted) {
        int done = 0;
        for (int asked = 0; asked < 200 && done < wanted; asked++) {
            Response task = Api.next(labeler, project);
            if (task.statusCode() == 200) {
                submit(project, labeler, task.path("task.id"), order);
                done++;
            }
        }
        return done;
    }

    private static void rankAll(String project, String labeler, List<String> order) {
        for (Response task = Api.next(labeler, project); task.statusCode() == 200; task = Api.next(labeler, project)) {
            submit(project, labeler, task.path("task.id"), order);
        }
    }

    private static void submit(String project, String labeler, String task, List<String> order) {
        Api.submit(
                        labeler,
                        project,
                        task,
                        Api.groups(order.stream().map(i -> task + "-" + i).toList()))
                .then()
                .statusCode(201);
    }

    private static String path(String project, String more) {
        return "/api/v1/projects/" + project + "/" + more;
    }
}
