package dev.podium.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.adapterclient.AdapterClient;
import dev.podium.adapterclient.AdapterClientConfig;
import dev.podium.adapterclient.Expectation;
import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.Topics;
import dev.podium.contracts.TraceParent;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.local.client.Api;
import dev.podium.local.client.Rounds;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What followed from a click can be found by the click's trace id, in every topic. */
class TraceTest {
    private static final Duration WAIT = Duration.ofMinutes(2);

    @TempDir
    Path folder;

    @Test
    void oneTraceLeadsFromAClickToItsPairsAndFromARoundToTheServiceThatLoadsItsAdapter() throws Exception {
        String kafka = SharedStack.get().bootstrapServers();
        String project = "traced-" + Long.toString(System.nanoTime(), 36);
        try (Api operator = SharedStack.operator()) {
            operator.post("/projects", Map.of("id", project, "name", "Traced", "baseModel", "podium-nano"));
            operator.upload(
                    Api.path("projects", project, "import") + "?format=auto",
                    "{\"prompt\":\"My lamp is dark.\",\"outputs\":[\"Charge it.\",\"Strange.\"]}\n");

            // A ranking, to its preference set
            TraceParent click = TraceParent.begin();
            rank(operator, project, click);
            await(kafka, Topics.RANKINGS, click, "RankingSubmitted");
            await(kafka, Topics.PREFERENCES, click, "PreferenceSet");

            // A round, to its adapter
            TraceParent start = TraceParent.begin();
            JsonNode round = operator.post(
                            Api.path("projects", project, "rounds"),
                            Map.of(
                                    "kind",
                                    "SFT",
                                    "records",
                                    List.of(Map.of("input", "My lamp is dark.", "output", "Charge the lamp."))),
                            traced(start))
                    .orElseThrow();
            JsonNode ended = Rounds.follow(operator, round.path("id").asText(), seen -> {});
            assertEquals("SUCCEEDED", ended.path("state").asText(), ended.toString());
            await(kafka, Topics.ROUND_COMMANDS, start, "StartRound");
            await(kafka, Topics.ROUND_EVENTS, start, "Accepted", "Started", "Succeeded");
            await(kafka, Topics.ADAPTERS, start, "AdapterManifest");

            // A promotion, to the service that loads the adapter
            TraceParent promotion = TraceParent.begin();
            String version = round.path("version").asText();
            JsonNode manifest = operator.get(Api.path("projects", project, "adapters", version));
            Expectation expectation = Expectation.of(
                    "podium-nano", manifest.path("baseModel").path("sha256").asText());
            try (AdapterClient service = AdapterClient.start(
                    new AdapterClientConfig(kafka, project, project, "production", folder, expectation),
                    adapter -> {})) {
                assertTrue(service.awaitCaughtUp(WAIT), "the service cannot follow its channel");
                operator.put(
                        Api.path("projects", project, "channels", "production"),
                        Map.of("version", version),
                        traced(promotion));
                await(kafka, Topics.CHANNELS, promotion, "ChannelPointer");
                await(kafka, Topics.ADAPTER_LOADS, promotion, "AdapterLoad");
                assertEquals(Optional.of(version), service.runningVersion());
            }
        }
    }

    private static void rank(Api api, String project, TraceParent click) throws Exception {
        JsonNode next = api.post(Api.path("projects", project, "tasks", "next"), Map.of());
        JsonNode task = next.path("task");
        List<List<String>> groups = new ArrayList<>();
        task.path("outputs")
                .forEach(output -> groups.add(List.of(output.path("id").asText())));
        JsonNode lease = next.has("lease") ? next.path("lease") : task.path("lease");
        api.put(
                Api.path("projects", project, "tasks", task.path("id").asText(), "ranking"),
                Map.of("groups", groups, "leaseId", lease.path("id").asText()),
                Map.of("Idempotency-Key", project, CloudEvents.TRACE_PARENT, click.toString()));
    }

    private static Map<String, String> traced(TraceParent trace) {
        return Map.of(CloudEvents.TRACE_PARENT, trace.toString());
    }

    private static void await(String kafka, String topic, TraceParent trace, String... events) throws Exception {
        Set<String> wanted = new TreeSet<>(
                Stream.of(events).map(name -> "dev.podium." + name + ".v1").toList());
        long deadlineNanos = System.nanoTime() + WAIT.toNanos();
        Set<String> found = found(kafka, topic, trace);
        while (!found.containsAll(wanted) && System.nanoTime() < deadlineNanos) {
            TimeUnit.MILLISECONDS.sleep(200);
            found = found(kafka, topic, trace);
        }
        assertTrue(found.containsAll(wanted), "with trace " + trace.traceId() + " in " + topic + " are only " + found);
    }

    private static Set<String> found(String kafka, String topic, TraceParent trace) {
        Set<String> types = new TreeSet<>();
        try (BoundedReader reader = BoundedReader.connect(Map.of("bootstrap.servers", kafka))) {
            reader.readAll(reader.partitions(topic), record -> {
                Optional<TraceParent> cause = CloudEvents.text(record.headers(), CloudEvents.TRACE_PARENT)
                        .flatMap(TraceParent::parse);
                if (cause.isPresent() && cause.get().traceId().equals(trace.traceId())) {
                    types.add(
                            CloudEvents.text(record.headers(), CloudEvents.TYPE).orElse("?"));
                }
                return true;
            });
        }
        return types;
    }
}
