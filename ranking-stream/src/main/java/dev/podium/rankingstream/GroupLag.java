package dev.podium.rankingstream;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * How far a group is behind its topics, seen from the outside: what it has committed against what is in the log. So it is
 * the same for a group that is slow, that fails over and over, that restores its stores, or that has no member.
 */
final class GroupLag implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final Duration POLL = Duration.ofMillis(200);

    private final String group;
    private final List<String> topics;
    private final Admin admin;
    private final KafkaConsumer<byte[], byte[]> consumer;
    private Set<TopicPartition> partitions = Set.of();

    /**
     * @param records of the partitions in which at least one record waits
     * @param oldestMillis time of the oldest record that waits; none where nothing does
     */
    record Seen(long records, OptionalLong oldestMillis) {}

    /** @param kafka settings of every client */
    GroupLag(Map<String, Object> kafka, String group, List<String> topics) {
        this.group = group;
        this.topics = List.copyOf(topics);
        this.admin = Admin.create(kafka);
        Map<String, Object> settings = new HashMap<>(kafka);
        settings.put("isolation.level", "read_committed");
        settings.put("enable.auto.commit", "false");
        // One record of each partition is wanted; a batch that is larger comes all the same.
        settings.put("max.partition.fetch.bytes", 16 * 1024);
        settings.put("allow.auto.create.topics", "false");
        settings.put("default.api.timeout.ms", (int) LIMIT.toMillis());
        settings.put("request.timeout.ms", (int) LIMIT.toMillis());
        try {
            this.consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        } catch (KafkaException e) {
            admin.close(Duration.ZERO);
            throw e;
        }
    }

    /**
     * Looks now; takes seconds at most.
     *
     * @throws ExecutionException when Kafka does not answer, or a topic is missing
     */
    Seen look() throws ExecutionException, InterruptedException {
        if (partitions.isEmpty()) {
            partitions = findPartitions();
        }
        Map<TopicPartition, Long> ends = offsets(OffsetSpec.latest());
        Map<TopicPartition, Long> next = committed();
        Set<TopicPartition> behind = new HashSet<>();
        for (TopicPartition partition : partitions) {
            if (next.getOrDefault(partition, 0L) < ends.getOrDefault(partition, 0L)) {
                behind.add(partition);
            }
        }
        return behind.isEmpty() ? new Seen(0, OptionalLong.empty()) : firstWaiting(behind, next, ends);
    }

    /** Offsets may be those of records that were compacted, or of a transaction's markers: only a record counts. */
    private Seen firstWaiting(
            Set<TopicPartition> behind, Map<TopicPartition, Long> next, Map<TopicPartition, Long> ends) {
        consumer.assign(behind);
        // The same assignment as the last time keeps its pauses.
        consumer.resume(behind);
        behind.forEach(partition -> consumer.seek(partition, next.getOrDefault(partition, 0L)));
        long deadlineNanos = System.nanoTime() + LIMIT.toNanos();
        long waiting = 0;
        OptionalLong oldest = OptionalLong.empty();
        Set<TopicPartition> open = new HashSet<>(behind);
        while (!open.isEmpty()) {
            var polled = consumer.poll(POLL);
            for (TopicPartition partition : List.copyOf(open)) {
                List<ConsumerRecord<byte[], byte[]>> records = polled.records(partition);
                if (!records.isEmpty()) {
                    ConsumerRecord<byte[], byte[]> first = records.getFirst();
                    waiting += Math.max(1, ends.getOrDefault(partition, 0L) - first.offset());
                    oldest = OptionalLong.of(Math.min(oldest.orElse(Long.MAX_VALUE), first.timestamp()));
                    open.remove(partition);
                } else if (consumer.position(partition) >= ends.getOrDefault(partition, 0L)) {
                    open.remove(partition);
                }
            }
            if (!open.isEmpty() && System.nanoTime() - deadlineNanos > 0) {
                throw new KafkaException("the first waiting records of " + open + " were not read within " + LIMIT);
            }
            // What was answered is not fetched again.
            consumer.pause(new ArrayList<>(closed(behind, open)));
        }
        return new Seen(waiting, oldest);
    }

    private static Set<TopicPartition> closed(Set<TopicPartition> all, Set<TopicPartition> open) {
        Set<TopicPartition> closed = new HashSet<>(all);
        closed.removeAll(open);
        return closed;
    }

    /** Where the group goes on; the log's beginning where it has not begun, or where that is gone. */
    private Map<TopicPartition, Long> committed() throws ExecutionException, InterruptedException {
        Map<TopicPartition, Long> next = new HashMap<>(offsets(OffsetSpec.earliest()));
        Map<TopicPartition, OffsetAndMetadata> committed =
                get(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata());
        committed.forEach((partition, offset) -> {
            if (offset != null && next.containsKey(partition)) {
                next.merge(partition, offset.offset(), Math::max);
            }
        });
        return next;
    }

    private Map<TopicPartition, Long> offsets(OffsetSpec spec) throws ExecutionException, InterruptedException {
        Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
        partitions.forEach(partition -> wanted.put(partition, spec));
        Map<TopicPartition, Long> found = new HashMap<>();
        get(admin.listOffsets(wanted, new ListOffsetsOptions(IsolationLevel.READ_COMMITTED))
                        .all())
                .forEach((partition, result) -> found.put(partition, result.offset()));
        return found;
    }

    private Set<TopicPartition> findPartitions() throws ExecutionException, InterruptedException {
        Set<TopicPartition> found = new HashSet<>();
        get(admin.describeTopics(topics).allTopicNames())
                .forEach((topic, description) ->
                        description.partitions().forEach(p -> found.add(new TopicPartition(topic, p.partition()))));
        return found;
    }

    private static <T> T get(KafkaFuture<T> answer) throws ExecutionException, InterruptedException {
        try {
            return answer.get(LIMIT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new ExecutionException("Kafka did not answer within " + LIMIT, e);
        }
    }

    @Override
    public void close() {
        consumer.close(Duration.ZERO);
        admin.close(Duration.ZERO);
    }
}
