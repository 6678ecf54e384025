package dev.podium.feedback;

import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasSize;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.podium.contracts.Evaluation;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.RoundEvent;
import dev.podium.embedded.testing.ServersResource;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(ServersResource.class)
class RoundsTest {
    private static final String SAMPLE = "{\"kind\":\"SAMPLE\",\"prompts\":[\"x\"]}";

    @Inject
    EntityManager entities;

    @Test
    void roundsStartedAtOnceGetVersionsOfTheirOwn() throws Exception {
        String path = "/api/v1/projects/" + Api.project("{}") + "/rounds";
        List<Response> started = atOnce(10, () -> Api.operator().body(SAMPLE).post(path));
        started.forEach(each -> each.then().statusCode(201));
        assertEquals(
                IntStream.rangeClosed(1, 10).mapToObj(i -> "v" + i).sorted().toList(),
                started.stream()
                        .map(each -> each.<String>path("version"))
                        .sorted()
                        .toList());
    }

    @Test
    void oneKeyIsOneRoundAlsoWhenItIsSentAtOnce() throws Exception {
        String project = Api.project("{}");
        String path = "/api/v1/projects/" + project + "/rounds";
        String key = UUID.randomUUID().toString();
        List<Response> answers = atOnce(
                8,
                () -> Api.operator().header("Idempotency-Key", key).body(SAMPLE).post(path));
        assertEquals(
                1,
                answers.stream().map(each -> each.<String>path("id")).distinct().count());
        assertEquals(
                1, answers.stream().filter(each -> each.statusCode() == 201).count());
        assertEquals(
                7,
                answers.stream()
                        .filter(each -> "true".equals(each.header("Idempotent-Replayed")))
                        .count());
        Api.operator()
                .header("Idempotency-Key", key)
                .body(SAMPLE.replace("x", "another prompt"))
                .post(path)
                .then()
                .statusCode(422)
                .body("code", equalTo("idempotency_key_reused"));
        Api.operator().get(path).then().body("", hasSize(1)).body("[0].version", equalTo("v1"));
    }

    @Test
    void aRoundOfManyEventsIsFoldedAsTheyComeAndReadInPortions() {
        String project = Api.project("{}");
        RequestSpecification operator = Api.operator().body(SAMPLE);
        String round = operator.post("/api/v1/projects/" + project + "/rounds").path("id");
        int steps = 4500;
        List<RoundEvent> events = new ArrayList<>();
        Instant at = Instant.parse("2026-01-01T00:00:00Z");
        events.add(new RoundEvent.Started(round, project, 0, 5000, Map.of(), at));
        events.add(new RoundEvent.Progress(round, project, 1, 5000, Map.of("eval_loss", 7.0), 1, at));
        for (int step = 2; step <= steps; step++) {
            events.add(new RoundEvent.Progress(round, project, step, 5000, Map.of("loss", (double) step), 1, at));
        }
        store(round, events, 0);
        String list = "/api/v1/projects/" + project + "/rounds";
        Api.operator()
                .get(list)
                .then()
                .body("[0].state", equalTo("RUNNING"))
                .body("[0].step", equalTo(steps))
                // Also what only an early step said.
                .body("[0].metrics.eval_loss.toDouble()", closeTo(7, 0))
                .body("[0].metrics.loss.toDouble()", closeTo(steps, 0));

        store(
                round,
                List.of(
                        new RoundEvent.Succeeded(round, project, Optional.empty(), Map.of("loss", 0.5), at),
                        new RoundEvent.Failed(round, project, "late", "what comes after the end does not count", at)),
                events.size());
        Api.operator()
                .get("/api/v1/rounds/" + round)
                .then()
                .body("state", equalTo("SUCCEEDED"))
                .body("metrics.loss.toDouble()", closeTo(0.5, 0));

        TreeSet<Integer> seen = new TreeSet<>();
        int after = 0;
        for (List<Map<String, Object>> portion = portion(round, 0);
                !portion.isEmpty();
                portion = portion(round, after)) {
            portion.stream()
                    .filter(event -> event.get("type").equals("Progress"))
                    .forEach(event -> seen.add((Integer) event.get("step")));
            after += portion.size();
        }
        assertEquals(steps, seen.size());
        assertEquals(events.size() + 2, after);
    }

    @Test
    void aResultThatIsNotPublishedIsShownWithWhatItWasJudgedBy() {
        String project = Api.project("{}");
        String round = Api.operator()
                .body(SAMPLE)
                .post("/api/v1/projects/" + project + "/rounds")
                .path("id");
        Evaluation.Verdict verdict = new Evaluation.Verdict(
                "improved", "heldout_accuracy_after", 0.4, 0.5, 40, false, "0.4 on 40 pairs, 0.5 before");
        store(
                round,
                List.of(new RoundEvent.Failed(
                        round,
                        project,
                        "evaluation_failed",
                        "not better",
                        Instant.parse("2026-01-01T00:00:00Z"),
                        Map.of("heldout_accuracy_after", 0.4),
                        Optional.of(Evaluation.of(verdict)))),
                0);

        Api.operator()
                .get("/api/v1/rounds/" + round)
                .then()
                .body("state", equalTo("FAILED"))
                .body("error.code", equalTo("evaluation_failed"))
                .body("metrics.heldout_accuracy_after.toDouble()", closeTo(0.4, 0))
                .body("evaluation.verdict.passed", equalTo(false));
    }

    @Test
    void aRoundThatNeedsAnotherAdapterIsRefusedWithoutIt() {
        String project = Api.project("{}");
        for (String config : List.of("{\"select\":\"disagreement\"}", "{\"mixWith\":\"v7\"}")) {
            Api.operator()
                    .body("{\"kind\":\"SAMPLE\",\"prompts\":[\"x\"],\"config\":" + config + "}")
                    .post("/api/v1/projects/" + project + "/rounds")
                    .then()
                    .statusCode(422)
                    .body("code", equalTo("unknown_adapter"));
        }
    }

    @Test
    void aPromptOfAnUnknownRoleIsNamed() {
        Api.operator()
                .body("{\"kind\":\"SAMPLE\",\"prompts\":[[{\"role\":\"\",\"content\":\"x\"}]]}")
                .post("/api/v1/projects/" + Api.project("{}") + "/rounds")
                .then()
                .statusCode(422)
                .body("code", equalTo("invalid_prompt"));
    }

    private static List<Map<String, Object>> portion(String round, int after) {
        return Api.operator()
                .get("/api/v1/rounds/" + round + "/events?after=" + after)
                .path("");
    }

    /** As the projection does. */
    private void store(String round, List<RoundEvent> events, int firstOffset) {
        // A partition of its own: offsets of the real topic stay free.
        int partition = 1000 + Math.floorMod(round.hashCode(), 1_000_000);
        QuarkusTransaction.requiringNew().run(() -> {
            for (int i = 0; i < events.size(); i++) {
                entities.createNativeQuery("insert into round_event (partition, \"offset\", round_id, type, body)"
                                + " values (:p, :o, :r, :t, :b)")
                        .setParameter("p", partition)
                        .setParameter("o", firstOffset + i)
                        .setParameter("r", round)
                        .setParameter("t", events.get(i).getClass().getSimpleName())
                        .setParameter("b", EventJson.writeText(events.get(i)))
                        .executeUpdate();
            }
        });
    }

    private static List<Response> atOnce(int times, Callable<Response> request) throws Exception {
        List<Response> answers = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(times)) {
            for (Future<Response> done : threads.invokeAll(Collections.nCopies(times, request))) {
                answers.add(done.get());
            }
        }
        return answers;
    }
}
