package dev.podium.rankingstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.LabelerReliability;
import dev.podium.contracts.LabelerStatistics;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.Topics;
import dev.podium.embedded.EmbeddedKafka;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KafkaStreams.State;
import org.apache.kafka.streams.processor.internals.DefaultKafkaClientSupplier;
import org.apache.kafka.streams.state.Stores;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One thread has twelve partitions of a real broker: what is committed, how often, and how long Kafka is waited for. */
class ManyPartitionsTest {
    private static final Duration WAIT = Duration.ofMinutes(1);
    private static final String APPLICATION = "many";
    private static final int PARTITIONS = 12;

    private final Waits waits = new Waits();
    private EmbeddedKafka kafka;
    private Broker broker;

    @TempDir
    Path folder;

    @BeforeEach
    void start() throws Exception {
        kafka = EmbeddedKafka.start(folder.resolve("kafka"), 0);
        broker = new Broker(kafka.bootstrapServers());
        new StreamTopics(Map.of("bootstrap.servers", broker.servers), Repartitions.of(APPLICATION), PARTITIONS, (short)
                        1)
                .createUntilDone();
        for (String topic : List.of(Topics.TASKS, Topics.RANKINGS, Topics.RELIABILITIES)) {
            // Answers when the broker leads all partitions; a producer that begins before gives up records.
            assertEquals(0, broker.heldBack(topic));
        }
    }

    @AfterEach
    void stop() {
        broker.close();
        kafka.close();
    }

    @Test
    void aLogIsWorkedOffWithFewCommitsAndIsInTheStoresThen() throws Exception {
        // Given
        int tasks = 2_000;
        int labelers = 10;
        Instant longAgo = Instant.now().minusSeconds(60);
        for (int t = 0; t < tasks; t++) {
            broker.send(Topics.TASKS, "t" + t, Facts.task("t" + t), longAgo);
        }
        for (int l = 0; l < labelers; l++) {
            for (int t = 0; t < tasks; t++) {
                broker.send(Topics.RANKINGS, "t" + t, Facts.ranking("t" + t, "l" + l, 1, "a>b>c"), longAgo);
            }
        }
        broker.flush();

        // When
        Duration took;
        try (KafkaStreams stream = stream()) {
            stream.start();
            await("to run", () -> stream.state() == State.RUNNING);
            waits.clear();
            long began = System.nanoTime();
            await("the end of the log", () -> rankings() == (long) tasks * labelers);
            took = Duration.ofNanos(System.nanoTime() - began);
        }

        // Then
        assertTrue(waits.commits.get() <= 5 + 2 * took.toSeconds(), waits + " in " + took);
        Map<String, PreferenceSet> sets = broker.newest(Topics.PREFERENCES, PreferenceSet.class);
        assertEquals(tasks, sets.size());
        sets.forEach((task, set) -> assertEquals(labelers, set.rankings().size(), task));
        assertEquals(sent(), stored());
        assertEquals(Set.of(), rows(RankingTopology.PENDING).keySet(), "sets that are due");
    }

    @Test
    void liveWorkIsCommittedFiveTimesASecond() throws Exception {
        try (KafkaStreams stream = stream()) {
            stream.start();
            await("to run", () -> stream.state() == State.RUNNING);
            int tasks = 600;
            for (int t = 0; t < tasks; t++) {
                broker.task(Facts.task("t" + t));
            }
            live(0, 2);
            waits.clear();
            long began = System.nanoTime();
            live(2, 5);
            Duration took = Duration.ofNanos(System.nanoTime() - began);
            // Five that are asked for, and one of Kafka Streams itself.
            assertTrue(waits.commits.get() <= 2 + 6 * took.toMillis() / 1_000, waits + " in " + took);
        }
    }

    private void live(int from, int seconds) throws InterruptedException {
        long began = System.nanoTime();
        for (int i = 0; i < 300 * seconds; i++) {
            int n = from * 300 + i;
            broker.ranking(Facts.ranking("t" + n % 600, "l" + n % 30, 1 + n / 600, "a>b>c"));
            long ahead = i * 1_000_000_000L / 300 - (System.nanoTime() - began);
            if (ahead > 1_000_000) {
                Thread.sleep(ahead / 1_000_000);
            }
        }
        broker.flush();
    }

    @Test
    void manyWeightsOfALogAreWorkedOffWithFewCommits() throws Exception {
        // Given
        int weights = 2_000;
        Instant longAgo = Instant.now().minusSeconds(60);
        for (int l = 0; l < weights; l++) {
            LabelerReliability weight = Facts.reliability("l" + l, 1, 0.5);
            broker.send(
                    Topics.RELIABILITIES,
                    LabelerStatistics.key(weight.projectId(), weight.labelerId()),
                    weight,
                    longAgo);
        }
        broker.flush();

        // When
        try (KafkaStreams stream = stream()) {
            stream.start();
            await("to run", () -> stream.state() == State.RUNNING);
            waits.clear();
            long began = System.nanoTime();
            await(
                    "the weights of all in their figures",
                    () -> broker.newest(Topics.LABELERS, LabelerStatistics.class)
                                    .size()
                            == weights);
            await(
                    "them in all partitions",
                    () -> rows(RankingTopology.RELIABILITIES).size() == weights * PARTITIONS);
            Duration took = Duration.ofNanos(System.nanoTime() - began);
            assertTrue(waits.commits.get() <= 5 + 2 * took.toSeconds(), waits + " in " + took);
        }
    }

    private long rankings() throws Exception {
        return broker.newest(Topics.LABELERS, LabelerStatistics.class).values().stream()
                .mapToLong(LabelerStatistics::rankings)
                .sum();
    }

    /** Who ranked which tasks, by partition. */
    private Map<Integer, Set<String>> sent() {
        Map<Integer, Set<String>> sent = new TreeMap<>();
        for (ConsumerRecord<String, byte[]> record : broker.committed(Topics.RANKINGS)) {
            try {
                RankingEvent event = EventJson.read(record.value(), RankingEvent.class);
                sent.computeIfAbsent(record.partition(), unused -> new HashSet<>())
                        .add(event.taskId() + " " + event.labelerId());
            } catch (InvalidEventException e) {
                throw new AssertionError(e);
            }
        }
        return sent;
    }

    private Map<Integer, Set<String>> stored() {
        Map<Integer, Set<String>> stored = new TreeMap<>();
        rows(RankingTopology.RANKINGS).forEach((key, row) -> {
            String task = key.substring(key.indexOf(' ') + 1, key.indexOf('\0'));
            RankingsPage.read(row, Facts.PROJECT, task)
                    .forEach(ranking -> stored.computeIfAbsent(
                                    Integer.valueOf(key.substring(0, key.indexOf(' '))), unused -> new HashSet<>())
                            .add(task + " " + ranking.event().labelerId()));
        });
        return stored;
    }

    /** What is committed of a store, by partition and key. */
    private Map<String, byte[]> rows(String store) {
        Map<String, byte[]> rows = new HashMap<>();
        for (ConsumerRecord<String, byte[]> record : broker.committed(APPLICATION + "-" + store + "-changelog")) {
            String key = record.partition() + " " + record.key();
            if (record.value() == null) {
                rows.remove(key);
            } else {
                rows.put(key, record.value());
            }
        }
        return rows;
    }

    private KafkaStreams stream() throws IOException {
        return new KafkaStreams(
                RankingTopology.build(
                        Repartitions.of(APPLICATION),
                        Duration.ofMinutes(10),
                        Stores::persistentKeyValueStore,
                        new StreamMetrics(new SimpleMeterRegistry()),
                        RankingTopology.STEADY_MILLIS),
                StreamSettings.of(APPLICATION, broker.servers, folder.resolve("stream")),
                waits);
    }

    /** Counts commits, and how often the thread has waited for Kafka to have what was sent. */
    private static final class Waits extends DefaultKafkaClientSupplier {
        private final AtomicInteger commits = new AtomicInteger();
        private final AtomicInteger flushes = new AtomicInteger();
        private final AtomicInteger sent = new AtomicInteger();
        private final AtomicLong flushNanos = new AtomicLong();

        @Override
        @SuppressWarnings("unchecked")
        public Producer<byte[], byte[]> getProducer(Map<String, Object> settings) {
            Producer<byte[], byte[]> producer = super.getProducer(settings);
            return (Producer<byte[], byte[]>) Proxy.newProxyInstance(
                    Producer.class.getClassLoader(), new Class<?>[] {Producer.class}, (proxy, method, arguments) -> {
                        long began = System.nanoTime();
                        try {
                            return method.invoke(producer, arguments);
                        } catch (InvocationTargetException e) {
                            throw e.getCause();
                        } finally {
                            called(method.getName(), System.nanoTime() - began);
                        }
                    });
        }

        private void called(String method, long nanos) {
            switch (method) {
                case "send" -> sent.incrementAndGet();
                case "flush" -> {
                    flushes.addAndGet(sent.getAndSet(0) > 0 ? 1 : 0);
                    flushNanos.addAndGet(nanos);
                }
                case "commitTransaction" -> commits.incrementAndGet();
                default -> {
                    // Nobody waits.
                }
            }
        }

        void clear() {
            commits.set(0);
            flushes.set(0);
            flushNanos.set(0);
        }

        @Override
        public String toString() {
            return "%d commits, %d waits, %.1f ms of waiting a commit"
                    .formatted(commits.get(), flushes.get(), flushNanos.get() / 1e6 / Math.max(1, commits.get()));
        }
    }

    private static void await(String what, Callable<Boolean> condition) throws Exception {
        long deadlineNanos = System.nanoTime() + WAIT.toNanos();
        while (!condition.call()) {
            assertTrue(System.nanoTime() < deadlineNanos, what + " did not come within " + WAIT);
            // Whoever looks reads whole topics.
            Thread.sleep(200);
        }
    }
}
