package dev.podium.feedback.artifact;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jboss.logging.Logger;

/**
 * Removes chunks that no manifest needs, by tombstones.
 *
 * <pre>
 *   read all chunks, then all manifests -> garbage: needed by none, and older than the grace time
 *   begin a transaction, write the tombstones
 *   read what came to the chunks' partitions since, up to the tombstones -> garbage was written again? abort
 *   read the manifests again                                             -> garbage is needed now?   abort
 *   commit
 * </pre>
 *
 * Why nothing that is needed is lost: a publisher writes all chunks of a version and its manifest in one transaction. A
 * chunk that it wrote before our tombstone is seen by the second read, which waits for every transaction that began
 * before the tombstone; a chunk that it writes behind our tombstone outlives it, because the last record of a key counts.
 */
public final class ChunkCollector {
    private static final Logger LOG = Logger.getLogger(ChunkCollector.class);
    // Open tombstones keep readers from what is written behind them: a collector that dies must not do so for long.
    private static final int TRANSACTION_MILLIS = (int) Duration.ofMinutes(1).toMillis();
    // Of publishers whose transactions are open below the tombstones.
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(20);
    private static final int ATTEMPTS = 3;
    private static final Duration POLL = Duration.ofMillis(200);

    private final Map<String, Object> kafka;
    private final Runnable beforeTombstones;

    public ChunkCollector(Map<String, Object> kafka) {
        this(kafka, () -> {});
    }

    /** @param beforeTombstones what happens between the look and the removal, for tests */
    ChunkCollector(Map<String, Object> kafka, Runnable beforeTombstones) {
        this.kafka = kafka;
        this.beforeTombstones = beforeTombstones;
    }

    /**
     * What was found, and what became of it.
     *
     * @param chunks of all artifacts
     * @param bytes of all artifacts
     * @param garbageArtifacts that nothing needs any more
     * @param garbageBytes of these
     * @param young artifacts that nothing needs, but within the grace time
     * @param removed whether tombstones were written
     */
    public record Result(
            int artifacts,
            long chunks,
            long bytes,
            List<String> garbageArtifacts,
            long garbageBytes,
            int young,
            boolean removed) {}

    /** A publisher was at work on what was to be removed. */
    private static final class Concurrent extends Exception {
        private static final long serialVersionUID = 1L;

        Concurrent(String message) {
            super(message);
        }
    }

    private static final class Artifact {
        private final Map<String, TopicPartition> chunks = new HashMap<>();
        private final Map<String, Integer> bytes = new HashMap<>();
        private long newestMillis;

        long size() {
            return bytes.values().stream().mapToLong(Integer::longValue).sum();
        }
    }

    /**
     * Looks, and removes.
     *
     * @param retired keys (project/version) of versions whose weights are needed no more
     * @param grace how long ago the newest chunk of an artifact must have been written
     * @param dryRun only look
     * @throws KafkaException when Kafka does not answer, or publishers leave no moment; nothing is removed then
     */
    public Result collect(Set<String> retired, Duration grace, boolean dryRun) {
        KafkaException last = new KafkaException("not tried");
        for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
            try {
                return attempt(retired, Instant.now().minus(grace).toEpochMilli(), dryRun);
            } catch (Concurrent e) {
                LOG.infof("nothing removed, looking again: %s", e.getMessage());
                last = new KafkaException("artifacts are being published at this moment: " + e.getMessage());
            }
        }
        throw last;
    }

    private Result attempt(Set<String> retired, long youngestMillis, boolean dryRun) throws Concurrent {
        try (BoundedReader reader = BoundedReader.connect(kafka)) {
            List<TopicPartition> partitions = reader.partitions(Topics.ARTIFACT_CHUNKS);
            Map<TopicPartition, Long> seenUntil = reader.ends(partitions);
            Map<String, Artifact> artifacts = new TreeMap<>();
            reader.read(reader.beginnings(partitions), seenUntil, record -> {
                note(artifacts, record);
                return true;
            });
            artifacts.values().removeIf(artifact -> artifact.chunks.isEmpty());
            // Chunks before manifests: whatever was published with the chunks that were seen is seen now.
            Set<String> needed = needed(reader, retired);
            Map<String, Artifact> garbage = new TreeMap<>(artifacts);
            garbage.keySet().removeAll(needed);
            int unneeded = garbage.size();
            garbage.values().removeIf(artifact -> artifact.newestMillis > youngestMillis);
            if (!dryRun && !garbage.isEmpty()) {
                remove(garbage, seenUntil, retired);
            }
            return new Result(
                    artifacts.size(),
                    artifacts.values().stream().mapToLong(a -> a.chunks.size()).sum(),
                    artifacts.values().stream().mapToLong(Artifact::size).sum(),
                    List.copyOf(garbage.keySet()),
                    garbage.values().stream().mapToLong(Artifact::size).sum(),
                    unneeded - garbage.size(),
                    !dryRun && !garbage.isEmpty());
        }
    }

    private static void note(Map<String, Artifact> artifacts, ConsumerRecord<byte[], byte[]> record) {
        if (record.key() == null) {
            return;
        }
        String key = new String(record.key(), UTF_8);
        Artifact artifact = artifacts.computeIfAbsent(artifact(key), sha256 -> new Artifact());
        if (record.value() == null) {
            artifact.chunks.remove(key);
            artifact.bytes.remove(key);
        } else {
            artifact.chunks.put(key, new TopicPartition(record.topic(), record.partition()));
            artifact.bytes.put(key, record.value().length);
            artifact.newestMillis = Math.max(artifact.newestMillis, record.timestamp());
        }
    }

    private static String artifact(String chunkKey) {
        int slash = chunkKey.indexOf('/');
        return slash < 0 ? chunkKey : chunkKey.substring(0, slash);
    }

    /** sha256 of every file that a manifest names, but for the weights of what is retired. */
    private static Set<String> needed(BoundedReader reader, Set<String> retired) {
        Map<String, byte[]> newest = new HashMap<>();
        reader.readAll(reader.partitions(Topics.ADAPTERS), record -> {
            if (record.key() != null) {
                String key = new String(record.key(), UTF_8);
                if (record.value() == null) {
                    newest.remove(key);
                } else {
                    newest.put(key, record.value());
                }
            }
            return true;
        });
        Set<String> needed = new HashSet<>();
        newest.forEach((key, value) -> {
            try {
                AdapterManifest manifest = EventJson.read(value, AdapterManifest.class);
                manifest.dataSet().ifPresent(file -> needed.add(file.sha256()));
                if (!retired.contains(key)) {
                    manifest.files().forEach(file -> needed.add(file.sha256()));
                }
            } catch (InvalidEventException e) {
                // Of a later version of Podium, perhaps: what it needs is not known, so nothing may go.
                throw new KafkaException(
                        "the manifest of " + key + " cannot be read, so nothing is removed: " + e.getMessage());
            }
        });
        return needed;
    }

    private void remove(Map<String, Artifact> garbage, Map<TopicPartition, Long> seenUntil, Set<String> retired)
            throws Concurrent {
        try (Producer<byte[], byte[]> producer = producer();
                BoundedReader patient = BoundedReader.connect(kafka, LONGEST_WAIT)) {
            producer.initTransactions();
            producer.beginTransaction();
            beforeTombstones.run();
            boolean sound = false;
            try {
                Map<TopicPartition, Long> first = new HashMap<>();
                Map<TopicPartition, Long> last = new HashMap<>();
                bury(producer, garbage, first, last);
                requireUntouched(patient, garbage, seenUntil, first, last);
                for (String sha256 : needed(patient, retired)) {
                    if (garbage.containsKey(sha256)) {
                        throw new Concurrent(sha256 + " is needed again");
                    }
                }
                sound = true;
            } catch (TimeoutException e) {
                throw new Concurrent("a publisher's transaction is still open");
            } finally {
                if (!sound) {
                    producer.abortTransaction();
                }
            }
            producer.commitTransaction();
        }
    }

    private static void bury(
            Producer<byte[], byte[]> producer,
            Map<String, Artifact> garbage,
            Map<TopicPartition, Long> first,
            Map<TopicPartition, Long> last) {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        garbage.values()
                .forEach(artifact -> artifact.chunks.forEach((key, partition) -> sent.add(producer.send(
                        new ProducerRecord<>(partition.topic(), partition.partition(), key.getBytes(UTF_8), null)))));
        try {
            for (Future<RecordMetadata> tombstone : sent) {
                RecordMetadata at = tombstone.get();
                TopicPartition partition = new TopicPartition(at.topic(), at.partition());
                first.merge(partition, at.offset(), Math::min);
                last.merge(partition, at.offset(), Math::max);
            }
        } catch (ExecutionException e) {
            throw e.getCause() instanceof KafkaException cause ? cause : new KafkaException(e.getCause());
        } catch (InterruptedException e) {
            throw new InterruptException(e);
        }
    }

    private void requireUntouched(
            BoundedReader reader,
            Map<String, Artifact> garbage,
            Map<TopicPartition, Long> seenUntil,
            Map<TopicPartition, Long> first,
            Map<TopicPartition, Long> last)
            throws Concurrent {
        Set<String> again = new HashSet<>();
        Map<TopicPartition, Long> from = new HashMap<>();
        first.keySet().forEach(partition -> from.put(partition, seenUntil.getOrDefault(partition, 0L)));
        // Waits for every transaction that is open below our first tombstone: its chunks count when it commits.
        reader.read(from, first, record -> {
            touch(garbage, record, again);
            return true;
        });
        amongTombstones(first, last, record -> touch(garbage, record, again));
        if (!again.isEmpty()) {
            throw new Concurrent(again.size() + " artifacts were written again");
        }
    }

    private static void touch(Map<String, Artifact> garbage, ConsumerRecord<byte[], byte[]> record, Set<String> again) {
        if (record.key() != null && record.value() != null) {
            String sha256 = artifact(new String(record.key(), UTF_8));
            if (garbage.containsKey(sha256)) {
                again.add(sha256);
            }
        }
    }

    private interface Look {
        void at(ConsumerRecord<byte[], byte[]> record);
    }

    /** Between our own tombstones nothing is committed yet, and whoever writes there may commit later. */
    private void amongTombstones(Map<TopicPartition, Long> first, Map<TopicPartition, Long> last, Look look) {
        Map<String, Object> properties = new HashMap<>(kafka);
        properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_uncommitted");
        properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        properties.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        try (Consumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(first.keySet());
            first.forEach(consumer::seek);
            long deadlineNanos = System.nanoTime() + LONGEST_WAIT.toNanos();
            while (first.keySet().stream()
                    .anyMatch(partition -> consumer.position(partition) <= last.getOrDefault(partition, -1L))) {
                if (System.nanoTime() > deadlineNanos) {
                    throw new TimeoutException("the tombstones cannot be read back");
                }
                consumer.poll(POLL).forEach(look::at);
            }
        }
    }

    private Producer<byte[], byte[]> producer() {
        Map<String, Object> properties = new HashMap<>(kafka);
        // One collector at a time: the next one fences the one before.
        properties.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, "podium-chunk-collector");
        properties.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, TRANSACTION_MILLIS);
        properties.put(ProducerConfig.ACKS_CONFIG, "all");
        properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 30_000);
        return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
    }
}
