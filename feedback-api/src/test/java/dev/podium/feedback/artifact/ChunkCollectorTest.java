package dev.podium.feedback.artifact;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.AdapterManifest.ArtifactFile;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.Topics;
import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.contracts.adapter.ArtifactFiles;
import dev.podium.contracts.adapter.ArtifactReader;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.embedded.EmbeddedKafka;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On a broker of its own: a collection looks at all chunks there are. */
class ChunkCollectorTest {
    private static final Duration NO_GRACE = Duration.ofSeconds(-60);

    @TempDir
    static Path folder;

    private static EmbeddedKafka broker;
    private static Map<String, Object> kafka;

    private final String project = "p" + UUID.randomUUID();

    @BeforeAll
    static void start() throws Exception {
        broker = EmbeddedKafka.start(folder.resolve("kafka"), 0);
        kafka = Map.of("bootstrap.servers", broker.bootstrapServers());
        try (Admin admin = Admin.create(kafka)) {
            Topics.createMissing(admin, 3, (short) 1);
        }
    }

    @AfterAll
    static void stop() {
        broker.close();
    }

    @Test
    void whatNoManifestNeedsIsRemovedAndNothingElse() throws Exception {
        Path kept = content("kept");
        Path retired = content("retired");
        Path data = content("data");
        Path orphan = content("orphan");
        try (Publisher publisher = new Publisher()) {
            publisher.publish("v1", kept, Optional.empty());
            publisher.publish("v2", retired, Optional.of(data));
            publisher.chunks(orphan);
        }
        Set<String> gone = Set.of(project + "/v2");

        ChunkCollector.Result young = new ChunkCollector(kafka).collect(gone, Duration.ofHours(1), false);
        assertFalse(young.removed());
        assertEquals(2, young.young());
        ChunkCollector.Result dry = new ChunkCollector(kafka).collect(gone, NO_GRACE, true);
        assertEquals(Set.of(sha256(retired), sha256(orphan)), Set.copyOf(dry.garbageArtifacts()));
        assertTrue(isThere(orphan), "a dry run has removed something");

        ChunkCollector.Result done = new ChunkCollector(kafka).collect(gone, NO_GRACE, false);

        assertTrue(done.removed());
        assertEquals(Files.size(retired) + Files.size(orphan), done.garbageBytes());
        assertFalse(isThere(orphan));
        assertFalse(isThere(retired));
        assertTrue(isThere(kept));
        assertTrue(isThere(data), "the lineage is gone");
        assertFalse(new ChunkCollector(kafka).collect(gone, NO_GRACE, false).removed());
    }

    /** The same content was garbage, and is published again at the very moment in which it is removed. */
    @Test
    void whatIsPublishedBetweenTheLookAndTheRemovalIsKept() throws Exception {
        Path again = content("again");
        try (Publisher before = new Publisher()) {
            before.chunks(again);
        }
        try (Publisher publisher = new Publisher()) {
            AtomicBoolean once = new AtomicBoolean();
            CompletableFuture<Void> published = new CompletableFuture<>();
            ChunkCollector collector = new ChunkCollector(kafka, () -> {
                if (once.compareAndSet(false, true)) {
                    // Its chunk is in the log below our tombstone, and its transaction still open.
                    publisher.begin();
                    publisher.sendChunks(again);
                    Thread.ofPlatform().start(() -> {
                        awaitTombstone(again);
                        publisher.commit("v9", again);
                        published.complete(null);
                    });
                }
            });

            ChunkCollector.Result result = collector.collect(Set.of(), NO_GRACE, false);

            published.join();
            assertFalse(result.garbageArtifacts().contains(sha256(again)));
            assertTrue(isThere(again));
        }
    }

    /** Contents come, are retired, and come again, while one collection follows the other without any grace. */
    @Test
    void noVersionThatIsNeededLosesAChunkWhileCollectionsRun() throws Exception {
        AtomicBoolean publishing = new AtomicBoolean(true);
        AtomicInteger removals = new AtomicInteger();
        AtomicInteger looks = new AtomicInteger();
        // A thread of its own: one of the common pool may have been made by a Quarkus test, whose class loader it
        // keeps;
        // Kafka's clients then find a second copy of their own classes there, and cannot be made.
        ExecutorService collector = Executors.newSingleThreadExecutor();
        CompletableFuture<Void> collections = CompletableFuture.runAsync(
                () -> {
                    while (publishing.get()) {
                        try {
                            if (new ChunkCollector(kafka)
                                    .collect(Set.of(), NO_GRACE, false)
                                    .removed()) {
                                removals.incrementAndGet();
                            }
                            looks.incrementAndGet();
                        } catch (org.apache.kafka.common.KafkaException busy) {
                            // It says so where publishers leave no moment; whatever else it says is a fault.
                            if (!String.valueOf(busy.getMessage()).contains("are being published at this moment")) {
                                throw busy;
                            }
                        }
                    }
                },
                collector);
        List<Path> contents = List.of(content("a"), content("b"), content("c"));
        try (Publisher publisher = new Publisher()) {
            for (int i = 0; i < 12; i++) {
                Path current = contents.get(i % contents.size());
                publisher.publish("current", current, Optional.empty());
                assertTrue(isThere(current), "version " + i + " has lost a chunk");
                // A collection needs a moment in which nobody publishes; the next publication meets the one after it.
                int seen = looks.get();
                long deadlineNanos = System.nanoTime() + Duration.ofSeconds(30).toNanos();
                while (looks.get() == seen && !collections.isDone() && System.nanoTime() < deadlineNanos) {
                    java.util.concurrent.locks.LockSupport.parkNanos(10_000_000);
                }
            }
        } finally {
            publishing.set(false);
            collector.shutdown();
            collections.join();
        }
        assertTrue(removals.get() > 0, "nothing was ever removed");
    }

    @Test
    void aManifestThatIsNotUnderstoodStopsTheRemoval() throws Exception {
        Path orphan = content("orphan of a later version");
        try (Publisher publisher = new Publisher()) {
            publisher.chunks(orphan);
            publisher.send(Topics.ADAPTERS, project + "/v1", "{\"later\":true}".getBytes(UTF_8));
            assertThrows(
                    org.apache.kafka.common.KafkaException.class,
                    () -> new ChunkCollector(kafka).collect(Set.of(), NO_GRACE, false));
            publisher.send(Topics.ADAPTERS, project + "/v1", null);
        }
        assertTrue(isThere(orphan));
    }

    private Path content(String name) throws Exception {
        // Two chunks, in whatever partitions their keys fall.
        byte[] bytes = (project + name + "\n").repeat(1).getBytes(UTF_8);
        byte[] all = java.util.Arrays.copyOf(bytes, Topics.MAX_CHUNK_BYTES + 100);
        return Files.write(folder.resolve(UUID.randomUUID().toString()), all);
    }

    private static String sha256(Path file) throws Exception {
        return ArtifactFiles.describe(file).sha256();
    }

    private static boolean isThere(Path file) throws Exception {
        try (BoundedReader reader = BoundedReader.connect(kafka)) {
            new ArtifactReader(reader).fetch(ArtifactFiles.describe(file), folder.resolve("fetched"));
            return true;
        } catch (ArtifactException missing) {
            return false;
        }
    }

    private static void awaitTombstone(Path file) {
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", broker.bootstrapServers(), "isolation.level", "read_uncommitted"),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(Topics.ARTIFACT_CHUNKS).stream()
                    .map(info -> new TopicPartition(info.topic(), info.partition()))
                    .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            String sha256 = sha256(file);
            while (true) {
                for (var record : consumer.poll(Duration.ofMillis(100))) {
                    if (record.value() == null && new String(record.key(), UTF_8).startsWith(sha256)) {
                        return;
                    }
                }
            }
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** Publishes as trainers do: chunks and manifest in one transaction. */
    private final class Publisher implements AutoCloseable {
        private final KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
                Map.of(
                        "bootstrap.servers",
                        broker.bootstrapServers(),
                        "transactional.id",
                        UUID.randomUUID().toString()),
                new ByteArraySerializer(),
                new ByteArraySerializer());

        Publisher() {
            producer.initTransactions();
        }

        void publish(String version, Path file, Optional<Path> data) {
            begin();
            sendChunks(file);
            data.ifPresent(this::sendChunks);
            commit(version, file, data);
        }

        void chunks(Path file) {
            begin();
            sendChunks(file);
            producer.commitTransaction();
        }

        void begin() {
            producer.beginTransaction();
        }

        void sendChunks(Path file) {
            try {
                ArtifactFile described = ArtifactFiles.describe(file);
                ArtifactFiles.forEachChunk(
                        file, (index, chunk) -> record(Topics.ARTIFACT_CHUNKS, described.chunkKey(index), chunk));
                producer.flush();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }

        void commit(String version, Path file) {
            commit(version, file, Optional.empty());
        }

        private void commit(String version, Path file, Optional<Path> data) {
            try {
                ArtifactFile described = ArtifactFiles.describe(file);
                Optional<ArtifactFile> dataSet =
                        data.isPresent() ? Optional.of(ArtifactFiles.describe(data.get())) : Optional.empty();
                AdapterManifest manifest = new AdapterManifest(
                        project,
                        version,
                        AdapterManifest.Kind.POLICY,
                        "a-round",
                        RoundKind.DPO,
                        new AdapterManifest.BaseModel("podium-nano", "0".repeat(64)),
                        RoundConfig.defaults(RoundKind.DPO),
                        Optional.of(RoundConfig.Lora.DEFAULT),
                        List.of(described),
                        dataSet,
                        1,
                        Optional.empty(),
                        Optional.empty(),
                        Optional.empty(),
                        Optional.empty(),
                        Map.of(),
                        Instant.EPOCH);
                record(Topics.ADAPTERS, manifest.key(), EventJson.write(manifest));
                producer.commitTransaction();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }

        void send(String topic, String key, byte[] value) {
            begin();
            record(topic, key, value);
            producer.commitTransaction();
        }

        private void record(String topic, String key, byte[] value) {
            var sent = producer.send(new ProducerRecord<>(topic, key.getBytes(UTF_8), value));
            if (sent.isCancelled()) {
                throw new IllegalStateException("cancelled");
            }
        }

        @Override
        public void close() {
            producer.close();
        }
    }
}
