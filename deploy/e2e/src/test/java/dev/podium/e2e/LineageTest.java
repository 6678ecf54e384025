package dev.podium.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.client.Rounds;
import java.io.InputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/** From an adapter to its labelers and back, in the real stack: what is claimed of an adapter is proved. */
class LineageTest {
    private static final int TASKS = 12;
    private static final Duration WAIT = Duration.ofMinutes(3);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Map<String, Object> CONFIG = Map.of(
            "seed", 7, "training", Map.of("learningRate", 1e-3, "epochs", 1, "batchTasks", 4, "maxLengthTokens", 128));

    @Test
    void anAdapterIsProvedByItsDataSetAndMadeAgainWithoutALabelerWhoIsExcluded() throws Exception {
        SharedStack.get();
        String project = "lineage-" + Long.toString(System.nanoTime(), 36);
        try (Api operator = SharedStack.operator()) {
            // Given two adapters, one of which continues the other.
            operator.post(
                    "/projects",
                    Map.of(
                            "id",
                            project,
                            "name",
                            "Lineage",
                            "baseModel",
                            "podium-nano",
                            "rules",
                            Map.of("overlap", 1)));
            operator.upload(Api.path("projects", project, "import") + "?format=auto", tasks());
            await(
                    operator,
                    Api.path("projects", project, "progress"),
                    progress -> progress.path("decidedTasks").asInt() == TASKS);
            JsonNode first = run(operator, project, Map.of("kind", "DPO", "config", CONFIG));
            JsonNode second = run(
                    operator,
                    project,
                    Map.of(
                            "kind",
                            "DPO",
                            "config",
                            CONFIG,
                            "initialAdapter",
                            first.path("version").asText()));

            // Then the lineage names both rounds, and every ranking with its place.
            JsonNode lineage = adapter(operator, project, second, "lineage");
            assertEquals(List.of("v2", "v1"), texts(lineage.path("rounds"), "version"));
            assertEquals(List.of("ann", "mallory"), texts(lineage.path("labelers"), "labelerId"));
            assertEquals(TASKS, lineage.path("rankings").size());
            assertEquals(
                    "rlhf.rankings.v1",
                    lineage.path("rankings").path(0).path("topic").asText());

            // And the data set comes out of the logs again.
            String wanted = lineage.path("dataSet").path("sha256").asText();
            assertEquals(wanted, sha256(operator, project, "v2", "artifact"));
            assertEquals(wanted, sha256(operator, project, "v2", "logs"));

            // And the round gives the same adapter, whatever was ranked meanwhile.
            operator.upload(
                    Api.path("projects", project, "import") + "?format=auto",
                    line(99, "ann").toString());
            JsonNode again = end(
                    operator,
                    operator.post(Api.path("rounds", second.path("id").asText(), "rerun"), Map.of("data", "SAME")));
            JsonNode rerun =
                    Rounds.awaitAdapter(operator, again.path("id").asText()).path("rerun");
            assertTrue(rerun.path("sameData").asBoolean(), rerun.toString());
            assertTrue(rerun.path("sameAdapter").asBoolean(), rerun.toString());
            assertEquals(
                    wanted,
                    adapter(operator, project, again, "lineage")
                            .path("dataSet")
                            .path("sha256")
                            .asText());

            // When a labeler is excluded, the adapters are made again without them.
            JsonNode exclusion = operator.put(
                    Api.path("projects", project, "labelers", "mallory", "exclusion"),
                    Map.of("reason", "ranks without reading"),
                    Map.of());
            assertEquals(TASKS / 2, exclusion.path("retracted").asInt());
            operator.post(Api.path("projects", project, "labelers", "mallory", "rounds-again"), Map.of());
            JsonNode planned = await(
                    operator,
                    Api.path("projects", project, "rounds", "planned"),
                    all -> StreamSupport.stream(all.spliterator(), false)
                            .noneMatch(step -> List.of("WAITING", "STARTED")
                                    .contains(step.path("state").asText())));
            assertEquals(List.of("SUCCEEDED", "SUCCEEDED"), texts(planned, "state"), planned.toString());
            JsonNode last = operator.get(
                    Api.path("rounds", planned.path(1).path("roundId").asText()));
            JsonNode clean = adapter(operator, project, last, "lineage");
            assertEquals(List.of("v5", "v4"), texts(clean.path("rounds"), "version"));
            assertEquals(List.of("ann"), texts(clean.path("labelers"), "labelerId"));
        }
    }

    private static String tasks() {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < TASKS; i++) {
            lines.append(line(i, i % 2 == 0 ? "ann" : "mallory")).append('\n');
        }
        return lines.toString();
    }

    private static ObjectNode line(int i, String labeler) {
        ObjectNode line = JSON.createObjectNode()
                .put("prompt", "My lamp number " + i + " does not start.")
                .put("labeler", labeler);
        line.putArray("outputs")
                .add("Hello! Please try another socket for lamp " + i + ".")
                .add("Strange, lamp " + i + ".");
        line.putArray("ranking")
                .add(JSON.createArrayNode().add(0))
                .add(JSON.createArrayNode().add(1));
        return line;
    }

    private static JsonNode run(Api api, String project, Map<String, Object> round) throws Exception {
        return end(api, api.post(Api.path("projects", project, "rounds"), round));
    }

    private static JsonNode end(Api api, JsonNode round) throws Exception {
        JsonNode ended = Rounds.follow(api, round.path("id").asText(), seen -> {});
        assertEquals("SUCCEEDED", ended.path("state").asText(), ended.toString());
        // Its adapter comes over another topic.
        await(
                api,
                Api.path("projects", ended.path("projectId").asText(), "adapters"),
                adapters -> texts(adapters, "version")
                        .contains(ended.path("version").asText()));
        return ended;
    }

    private static JsonNode adapter(Api api, String project, JsonNode round, String what) throws ApiException {
        return api.get(
                Api.path("projects", project, "adapters", round.path("version").asText(), what));
    }

    private static String sha256(Api api, String project, String version, String from) throws Exception {
        try (InputStream in =
                api.stream(Api.path("projects", project, "adapters", version, "data-set") + "?from=" + from)) {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(in.readAllBytes()));
        }
    }

    private static List<String> texts(JsonNode rows, String field) {
        return StreamSupport.stream(rows.spliterator(), false)
                .map(row -> row.path(field).asText())
                .toList();
    }

    private static JsonNode await(Api api, String path, Predicate<JsonNode> condition) throws Exception {
        long deadlineNanos = System.nanoTime() + WAIT.toNanos();
        while (true) {
            JsonNode answer = api.get(path);
            if (condition.test(answer)) {
                return answer;
            }
            assertTrue(System.nanoTime() < deadlineNanos, "in vain: " + answer);
            TimeUnit.MILLISECONDS.sleep(200);
        }
    }
}
