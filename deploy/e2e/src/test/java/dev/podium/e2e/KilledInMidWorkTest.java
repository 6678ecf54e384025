package dev.podium.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.contracts.PreferenceSet;
import dev.podium.local.client.Api;
import dev.podium.local.client.Rounds;
import dev.podium.local.stack.Application;
import dev.podium.local.stack.LocalStack;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/** SIGKILL in mid-work, in the real stack. */
class KilledInMidWorkTest {
    private static final int TASKS = 60;
    private static final Duration WAIT = Duration.ofMinutes(3);
    private static final ObjectMapper JSON = new ObjectMapper();

    @Test
    void everyRankingCountsOnceAndTheRoundEndsAfterBothWereKilled() throws Exception {
        // Given
        LocalStack stack = SharedStack.get();
        String project = "killed-" + Long.toString(System.nanoTime(), 36);
        try (Api operator = SharedStack.operator()) {
            operator.post(
                    "/projects",
                    Map.of("id", project, "name", "Killed", "baseModel", "podium-nano", "rules", Map.of("overlap", 1)));
            JsonNode imported = operator.upload(Api.path("projects", project, "import") + "?format=auto", tasks());
            assertEquals(TASKS, imported.path("tasks").asInt(), imported.toString());

            // When ranking-stream dies while rankings arrive
            Map<String, Integer> rankings = new HashMap<>();
            rank(operator, project, TASKS / 2, rankings);
            stack.kill(Application.RANKING_STREAM);
            rank(operator, project, TASKS, rankings);

            // Then
            assertEquals(TASKS, rankings.size());
            Map<String, PreferenceSet> sets = awaitSets(stack, project);
            assertEquals(rankings.keySet(), sets.keySet());
            sets.values()
                    .forEach(set ->
                            assertEquals(1, set.rankings().size(), "rankings in the set of task " + set.taskId()));
            stack.awaitReady(Application.RANKING_STREAM);
            assertTrue(stack.restarts(Application.RANKING_STREAM) > 0, "ranking-stream was not killed");

            awaitPairs(operator, project);
            JsonNode labelers = awaitFigures(operator, project);
            assertEquals(1, labelers.size(), labelers.toString());
            assertEquals(TASKS, labelers.path(0).path("rankings").asInt(), "counted twice or lost: " + labelers);

            // When policy-trainer dies in mid-round
            String round = startDpo(operator, project);
            awaitEvent(operator, round, "Checkpointed");
            stack.kill(Application.POLICY_TRAINER);
            JsonNode ended = Rounds.follow(operator, round, seen -> {});

            // Then
            assertEquals("SUCCEEDED", ended.path("state").asText(), ended.toString());
            List<JsonNode> events = events(operator, round);
            assertTrue(
                    events.stream()
                            .anyMatch(event -> event.path("type").asText().equals("Started")
                                    && event.path("resumedFromStep").asInt() > 0),
                    "no start from a checkpoint");
            assertEquals(
                    1,
                    events.stream()
                            .filter(event -> event.path("type").asText().equals("Succeeded"))
                            .count());
            JsonNode adapters = operator.get(Api.path("projects", project, "adapters"));
            assertEquals(1, adapters.size(), adapters.toString());

            // And from labeler to adapter and back
            String labeler = labelers.path(0).path("labelerId").asText();
            JsonNode affected = operator.get(Api.path("projects", project, "labelers", labeler, "adapters"));
            assertEquals(1, affected.size(), affected.toString());
            assertEquals(adapters.path(0).path("version"), affected.path(0).path("version"));
            assertEquals(
                    adapters.path(0).path("rankingsUsed").asLong(),
                    affected.path(0).path("rankings").asLong());
            assertEquals(
                    0,
                    operator.get(Api.path("projects", project, "labelers", "nobody", "adapters"))
                            .size());
        }
    }

    /** Two plain answers and a good one, so that a model can learn something. */
    private static String tasks() {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < TASKS; i++) {
            ObjectNode line = JSON.createObjectNode().put("prompt", "My lamp number " + i + " does not start.");
            ArrayNode outputs = line.putArray("outputs");
            outputs.add("Hello! We are sorry about your lamp " + i + ". Please try another wall socket.");
            outputs.add("Strange, lamp " + i + ".");
            outputs.add("Charge lamp " + i + " for at least one hour.");
            lines.append(line).append('\n');
        }
        return lines.toString();
    }

    private static void rank(Api api, String project, int upTo, Map<String, Integer> rankings) throws Exception {
        while (rankings.size() < upTo) {
            Optional<JsonNode> next = api.post(Api.path("projects", project, "tasks", "next"), Map.of(), Map.of());
            JsonNode answer = next.orElseThrow();
            String task = answer.path("task").path("id").asText();
            List<JsonNode> outputs = new ArrayList<>();
            answer.path("task").path("outputs").forEach(outputs::add);
            outputs.sort((a, b) ->
                    b.path("text").asText().length() - a.path("text").asText().length());
            JsonNode lease = answer.has("lease")
                    ? answer.path("lease")
                    : answer.path("task").path("lease");
            api.put(
                    Api.path("projects", project, "tasks", task, "ranking"),
                    Map.of(
                            "groups",
                            outputs.stream()
                                    .map(output -> List.of(output.path("id").asText()))
                                    .toList(),
                            "unacceptable",
                            List.of(),
                            "leaseId",
                            lease.path("id").asText()),
                    Map.of("Idempotency-Key", project + "-" + task));
            rankings.merge(task, 1, Integer::sum);
        }
    }

    private static Map<String, PreferenceSet> awaitSets(LocalStack stack, String project) throws Exception {
        long deadlineNanos = System.nanoTime() + WAIT.toNanos();
        Map<String, PreferenceSet> sets = Map.of();
        while (sets.size() < TASKS && System.nanoTime() < deadlineNanos) {
            TimeUnit.MILLISECONDS.sleep(500);
            sets = PreferenceLog.newestByTask(stack.bootstrapServers(), project);
        }
        return sets;
    }

    private static void awaitPairs(Api api, String project) throws Exception {
        long deadlineNanos = System.nanoTime() + WAIT.toNanos();
        while (api.get(Api.path("projects", project, "progress"))
                                .path("decidedTasks")
                                .asInt()
                        < TASKS
                && System.nanoTime() < deadlineNanos) {
            TimeUnit.MILLISECONDS.sleep(300);
        }
    }

    /** Figures are sums of differences: work that is done twice shows in them. */
    private static JsonNode awaitFigures(Api api, String project) throws Exception {
        long deadlineNanos = System.nanoTime() + WAIT.toNanos();
        JsonNode labelers = JSON.createArrayNode();
        while (labelers.path(0).path("rankings").asInt() < TASKS && System.nanoTime() < deadlineNanos) {
            TimeUnit.MILLISECONDS.sleep(300);
            labelers = api.get(Api.path("projects", project, "progress")).path("labelers");
        }
        // Whatever would still be added twice has come by then.
        TimeUnit.SECONDS.sleep(2);
        return api.get(Api.path("projects", project, "progress")).path("labelers");
    }

    private static String startDpo(Api api, String project) throws Exception {
        Map<String, Object> training = Map.of(
                "learningRate",
                1e-4,
                "epochs",
                6,
                "batchTasks",
                4,
                "maxLengthTokens",
                256,
                "maxGradientNorm",
                1.0,
                "warmupShare",
                0,
                "heldOutShare",
                0.1,
                "checkpointSteps",
                5);
        JsonNode round = api.post(
                Api.path("projects", project, "rounds"), Map.of("kind", "DPO", "config", Map.of("training", training)));
        return round.path("id").asText();
    }

    private static void awaitEvent(Api api, String round, String type) throws Exception {
        long deadlineNanos = System.nanoTime() + WAIT.toNanos();
        while (events(api, round).stream()
                .noneMatch(event -> event.path("type").asText().equals(type))) {
            assertTrue(System.nanoTime() < deadlineNanos, "no " + type + " event within " + WAIT);
            TimeUnit.MILLISECONDS.sleep(50);
        }
    }

    private static List<JsonNode> events(Api api, String round) throws Exception {
        JsonNode list = api.get(Api.path("rounds", round, "events"));
        return StreamSupport.stream(list.spliterator(), false)
                // An answer may wrap each event.
                .map(event -> event.has("event") ? event.path("event") : event)
                .toList();
    }
}
