package dev.podium.rankingstream;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.DeadLetterHeaders;
import dev.podium.contracts.LabelerStatistics;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.RankingRules;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import io.quarkus.kafka.streams.runtime.KafkaStreamsProducer;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.test.common.QuarkusTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.enterprise.inject.spi.BeanManager;
import jakarta.enterprise.inject.spi.ObserverMethod;
import jakarta.inject.Inject;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.KafkaStreams;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The application as it is run, on the real broker. */
@QuarkusTest
@QuarkusTestResource(KafkaResource.class)
class RankingStreamTest {
    private static final Duration WAIT = Duration.ofMinutes(1);

    private final String taskId = "task-" + UUID.randomUUID();
    private final String labeler = "ann-" + UUID.randomUUID();
    private Broker broker;

    @TestHTTPResource("/q/health/ready")
    URI ready;

    @TestHTTPResource("/q/health/live")
    URI live;

    @TestHTTPResource("/q/metrics")
    URI metrics;

    @Inject
    KafkaStreams streams;

    @Inject
    BeanManager beans;

    @BeforeEach
    void untilReady() throws Exception {
        broker = new Broker(ConfigProvider.getConfig().getValue("kafka.bootstrap.servers", String.class));
        await("readiness", () -> get(ready).statusCode() == 200);
    }

    @AfterEach
    void close() {
        broker.close();
    }

    /** What the extension does at the stop returns when the stream has stopped: without Kafka, never. */
    @Test
    void theStopIsWatchedFromBeforeItBegins() {
        Map<Class<?>, Integer> priorities = beans.resolveObserverMethods(new ShutdownEvent()).stream()
                .collect(Collectors.toMap(ObserverMethod::getBeanClass, ObserverMethod::getPriority, Math::min));

        assertTrue(
                priorities.get(RankingStream.class) < priorities.get(KafkaStreamsProducer.class),
                priorities.toString());
    }

    @Test
    void aRankingBecomesAPreferenceSetAndALabelersFigure() throws Exception {
        broker.ranking(Facts.ranking(taskId, labeler, 1, "a>b>c"));
        broker.task(Facts.task(taskId));
        broker.ranking(Facts.ranking(taskId, labeler, 1, "a>b>c"));

        await(
                "the set",
                () -> broker.newest(Topics.PREFERENCES, PreferenceSet.class).containsKey(taskId));

        PreferenceSet set =
                broker.newest(Topics.PREFERENCES, PreferenceSet.class).get(taskId);
        assertEquals(3, set.pairs().size());
        assertEquals(1, set.rankings().size());
        String key = LabelerStatistics.key(Facts.PROJECT, labeler);
        await(
                "the figures",
                () -> broker.newest(Topics.LABELERS, LabelerStatistics.class).containsKey(key));
        assertEquals(
                1,
                broker.newest(Topics.LABELERS, LabelerStatistics.class).get(key).rankings());
    }

    @Test
    void whatCannotBeUsedBecomesADeadLetterAsItCame() throws Exception {
        byte[] poison = {'{', (byte) 0xFF, 0};
        RecordHeaders headers = new RecordHeaders();
        headers.add("x-from", new byte[] {1, 2});
        broker.send(Topics.RANKINGS, taskId, poison, headers);

        await("the dead letter", () -> !letters().isEmpty());

        ConsumerRecord<String, byte[]> letter = letters().getFirst();
        assertArrayEquals(poison, letter.value());
        assertArrayEquals(
                new byte[] {1, 2}, letter.headers().lastHeader("x-from").value());
        assertEquals("invalid_json", reason(letter));
    }

    @Test
    void whatFollowsFromTheLargestTaskFitsItsTopics() throws Exception {
        // Quotes double in JSON text, and the longest ids are in every row and record.
        String longest = "\"".repeat((Topics.MAX_FACT_BYTES - 4096) / 6);
        broker.task(Facts.task(taskId, RankingRules.DEFAULT, longest + "a", longest + "b", longest + "c"));
        String name = labeler + "-" + "x".repeat(150 - labeler.length());
        broker.ranking(Facts.ranking(taskId, name, 1, "a>b>c"));

        await(
                "the set",
                () -> broker.newest(Topics.PREFERENCES, PreferenceSet.class).containsKey(taskId));
        await(
                "the figures",
                () -> broker.newest(Topics.LABELERS, LabelerStatistics.class)
                        .containsKey(LabelerStatistics.key(Facts.PROJECT, name)));
        assertTrue(letters().isEmpty());
    }

    @Test
    void rankingsOfTheLargestSizeFitInARowTogether() throws Exception {
        // With its quotes and a comma an id takes 203 bytes.
        String longId = "x".repeat(200);
        List<String> many = Collections.nCopies((Topics.MAX_FACT_BYTES - 4096) / 203, longId);
        Task task = Facts.task(taskId);
        broker.task(new Task(
                task.projectId(),
                taskId,
                task.prompt(),
                List.of(
                        new Output(longId, "one", Output.Provenance.imported(), List.of()),
                        task.outputs().get(1)),
                task.rules(),
                task.baseModel(),
                task.sampleRoundId(),
                task.createdAt()));
        for (int i = 0; i < 8; i++) {
            broker.ranking(large("seen-" + i, longId, List.of(longId), many));
        }
        for (int i = 0; i < 8; i++) {
            broker.ranking(large("marked-" + i, longId, many, List.of()));
        }

        await("the set of them all", () -> {
            PreferenceSet set =
                    broker.newest(Topics.PREFERENCES, PreferenceSet.class).get(taskId);
            return set != null && set.rankings().size() == 16;
        });

        PreferenceSet set =
                broker.newest(Topics.PREFERENCES, PreferenceSet.class).get(taskId);
        assertEquals(Map.of(longId, 16), set.unacceptable());
        assertTrue(letters().isEmpty());
        assertEquals(KafkaStreams.State.RUNNING, streams.state());
    }

    private RankingSubmitted large(String name, String best, List<String> unacceptable, List<String> shownOrder) {
        RankingSubmitted plain = Facts.ranking(taskId, name, 1, best + ">b");
        return new RankingSubmitted(
                plain.eventId(),
                plain.projectId(),
                taskId,
                name,
                1,
                plain.groups(),
                unacceptable,
                shownOrder,
                0,
                Optional.empty(),
                plain.at());
    }

    @Test
    void aRankingWithoutATaskIsGivenUpAfterTheParkTime() throws Exception {
        broker.ranking(Facts.ranking(taskId, labeler, 1, "a>b>c"));

        await("the dead letter", () -> !letters().isEmpty());

        assertEquals("unknown_task", reason(letters().getFirst()));
    }

    @Test
    void topicsAreThereWithOnePartitionCountAndCreatingThemAgainIsHarmless() throws Exception {
        Topics.createMissing(broker.admin, 5, (short) 1);

        var described =
                broker.admin.describeTopics(Topics.all()).allTopicNames().get();

        assertEquals(Topics.all(), described.keySet());
        assertEquals(
                Set.of(3),
                described.values().stream()
                        .map(TopicDescription::partitions)
                        .map(List::size)
                        .collect(java.util.stream.Collectors.toSet()));
    }

    @Test
    void healthAndMetricsTellTheState() throws Exception {
        assertEquals(KafkaStreams.State.RUNNING, streams.state());
        assertEquals(200, get(live).statusCode());
        assertTrue(get(ready).body().contains("RUNNING"), get(ready).body());
        String figures = get(metrics).body();
        assertTrue(figures.contains("podium_stream_records_total"), "own meters");
        assertTrue(figures.contains("podium_stream_running 1.0"), figures);
        assertTrue(figures.contains("podium_stream_lag_seconds"), figures);
        assertTrue(figures.contains("kafka_stream"), "meters of Kafka Streams");
    }

    /** SIGSTOP: Kafka keeps its connections and does not answer. */
    @Test
    void readinessSaysThatKafkaDoesNotAnswerAndTheStreamGoesOnAfterwards() throws Exception {
        signalKafka("STOP");
        try {
            HttpResponse<String> answer = get(ready);
            assertEquals(503, answer.statusCode(), answer.body());
            assertTrue(answer.body().contains("\"kafkaAnswers\": false"), answer.body());
            assertEquals(200, get(live).statusCode(), "it needs no restart");
        } finally {
            signalKafka("CONT");
        }

        await("readiness", () -> get(ready).statusCode() == 200);
    }

    private static void signalKafka(String name) throws Exception {
        String pid = ConfigProvider.getConfig().getValue(KafkaResource.PID, String.class);
        assertEquals(0, new ProcessBuilder("kill", "-" + name, pid).start().waitFor());
    }

    private List<ConsumerRecord<String, byte[]>> letters() {
        return broker.committed(Topics.DEAD_LETTERS).stream()
                .filter(letter -> taskId.equals(letter.key()))
                .toList();
    }

    private static String reason(ConsumerRecord<String, byte[]> letter) {
        return CloudEvents.text(letter.headers(), DeadLetterHeaders.REASON).orElse("");
    }

    private static HttpResponse<String> get(URI uri) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(HttpRequest.newBuilder(uri).timeout(WAIT).build(), HttpResponse.BodyHandlers.ofString());
        }
    }

    private static void await(String what, Callable<Boolean> condition) throws Exception {
        long deadlineNanos = System.nanoTime() + WAIT.toNanos();
        while (!condition.call()) {
            assertTrue(System.nanoTime() < deadlineNanos, what + " did not come within " + WAIT);
            Thread.sleep(50);
        }
    }
}
