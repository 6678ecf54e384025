package dev.podium.contracts.log;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.utils.Utils;

/**
 * Reads what is committed in a topic between two offsets. Belongs to one thread at a time, holds no group membership.
 *
 * <p>An end is a high watermark, not the last stable offset: a read waits for transactions that are still open below it,
 * so that a committed record behind them is not taken for missing.
 */
public final class BoundedReader implements AutoCloseable {
    /** Longest wait without any progress: a hung transaction is aborted by the broker after 60 s plus 10 s. */
    public static final Duration STALL = Duration.ofSeconds(90);

    private static final Duration POLL = Duration.ofMillis(200);
    // One chunk of an artifact at a time, and not half a topic of preference sets in memory.
    private static final int FETCH_BYTES = 2 * 1024 * 1024;

    private final Consumer<byte[], byte[]> consumer;
    private final Admin admin;
    private final Duration stall;

    private BoundedReader(Consumer<byte[], byte[]> consumer, Admin admin, Duration stall) {
        this.consumer = consumer;
        this.admin = admin;
        this.stall = stall;
    }

    /** What is done with each record; false ends the read. */
    public interface Handler {
        boolean accept(ConsumerRecord<byte[], byte[]> record);
    }

    /** @param kafka client configuration, at least {@code bootstrap.servers} */
    public static BoundedReader connect(Map<String, ?> kafka) {
        return connect(kafka, STALL);
    }

    /** @param stall longest wait without any progress before a {@link TimeoutException} */
    public static BoundedReader connect(Map<String, ?> kafka, Duration stall) {
        Map<String, Object> properties = new HashMap<>(kafka);
        properties.remove(ConsumerConfig.GROUP_ID_CONFIG);
        properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        properties.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        properties.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, FETCH_BYTES);
        properties.put(ConsumerConfig.FETCH_MAX_BYTES_CONFIG, FETCH_BYTES);
        // A fetch that waits for news of one partition would hold up the next read, of another.
        properties.put(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, 10);
        Consumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        try {
            return new BoundedReader(consumer, Admin.create(new HashMap<>(kafka)), stall);
        } catch (RuntimeException e) {
            consumer.close();
            throw e;
        }
    }

    /** All partitions of a topic; empty when there is no such topic. */
    public List<TopicPartition> partitions(String topic) {
        List<TopicPartition> partitions = new ArrayList<>();
        for (PartitionInfo info : consumer.partitionsFor(topic)) {
            partitions.add(new TopicPartition(topic, info.partition()));
        }
        return partitions;
    }

    /** The partition in which the default partitioner puts a key. */
    public TopicPartition partitionOf(String topic, byte[] key) {
        int count = consumer.partitionsFor(topic).size();
        if (count == 0) {
            throw new KafkaException("there is no topic " + topic);
        }
        return new TopicPartition(topic, Utils.toPositive(Utils.murmur2(key)) % count);
    }

    /** Offset behind the newest record, committed or not. */
    public Map<TopicPartition, Long> ends(Collection<TopicPartition> partitions) {
        return offsets(partitions, OffsetSpec.latest());
    }

    /** Offset of the oldest record. */
    public Map<TopicPartition, Long> beginnings(Collection<TopicPartition> partitions) {
        return offsets(partitions, OffsetSpec.earliest());
    }

    /** First offset whose record has this time or a later one; the end when there is none. */
    public long offsetAt(TopicPartition partition, long timeMillis, long end) {
        OffsetAndTimestamp found =
                consumer.offsetsForTimes(Map.of(partition, timeMillis)).get(partition);
        return found == null ? end : found.offset();
    }

    /** Reads whole partitions, as they are now. */
    public void readAll(Collection<TopicPartition> partitions, Handler handler) {
        read(beginnings(partitions), ends(partitions), handler);
    }

    /**
     * Reads the committed records with {@code from <= offset < until}, in order within a partition.
     *
     * @param until exclusive, for the same partitions as {@code from}
     * @throws TimeoutException when nothing moves for the stall time
     */
    public void read(Map<TopicPartition, Long> from, Map<TopicPartition, Long> until, Handler handler) {
        Set<TopicPartition> open = new HashSet<>();
        from.forEach((partition, start) -> {
            if (start < until.getOrDefault(partition, 0L)) {
                open.add(partition);
            }
        });
        consumer.assign(open);
        open.forEach(partition -> consumer.seek(partition, from.getOrDefault(partition, 0L)));
        long movedNanos = System.nanoTime();
        while (!open.isEmpty()) {
            Map<TopicPartition, Long> before = positions(open);
            ConsumerRecords<byte[], byte[]> records = consumer.poll(POLL);
            for (ConsumerRecord<byte[], byte[]> record : records) {
                TopicPartition partition = new TopicPartition(record.topic(), record.partition());
                if (record.offset() < until.getOrDefault(partition, 0L) && !handler.accept(record)) {
                    return;
                }
            }
            Map<TopicPartition, Long> after = positions(open);
            if (!after.equals(before)) {
                movedNanos = System.nanoTime();
            } else if (System.nanoTime() - movedNanos > stall.toNanos()) {
                throw new TimeoutException("no progress for " + stall.toSeconds() + " s while reading " + open);
            }
            open.removeIf(partition -> after.getOrDefault(partition, 0L) >= until.getOrDefault(partition, 0L));
        }
    }

    /** The committed record at exactly this offset; empty when compacted away, aborted or not written yet. */
    public Optional<ConsumerRecord<byte[], byte[]>> at(TopicPartition partition, long offset) {
        long end = offsets(Set.of(partition), OffsetSpec.latest()).getOrDefault(partition, 0L);
        if (offset < 0 || offset >= end) {
            return Optional.empty();
        }
        List<ConsumerRecord<byte[], byte[]>> found = new ArrayList<>();
        read(Map.of(partition, offset), Map.of(partition, offset + 1), record -> {
            found.add(record);
            return false;
        });
        return found.isEmpty() ? Optional.empty() : Optional.of(found.getFirst());
    }

    private Map<TopicPartition, Long> positions(Set<TopicPartition> partitions) {
        Map<TopicPartition, Long> positions = new HashMap<>();
        partitions.forEach(partition -> positions.put(partition, consumer.position(partition)));
        return positions;
    }

    private Map<TopicPartition, Long> offsets(Collection<TopicPartition> partitions, OffsetSpec spec) {
        Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
        partitions.forEach(partition -> wanted.put(partition, spec));
        try {
            Map<TopicPartition, Long> offsets = new HashMap<>();
            admin.listOffsets(wanted, new ListOffsetsOptions(IsolationLevel.READ_UNCOMMITTED))
                    .all()
                    .get()
                    .forEach((partition, result) -> offsets.put(partition, result.offset()));
            return offsets;
        } catch (ExecutionException e) {
            throw e.getCause() instanceof KafkaException cause ? cause : new KafkaException(e.getCause());
        } catch (InterruptedException e) {
            throw new org.apache.kafka.common.errors.InterruptException(e);
        }
    }

    @Override
    public void close() {
        consumer.close();
        admin.close(Duration.ofSeconds(5));
    }
}
