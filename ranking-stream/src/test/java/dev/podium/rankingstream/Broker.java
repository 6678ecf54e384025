package dev.podium.rankingstream;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.jspecify.annotations.Nullable;

/** What tests do with the real broker: write events, read topics, look at open transactions. */
final class Broker implements AutoCloseable {
    final String servers;
    final Admin admin;
    private final KafkaProducer<String, byte[]> producer;
    private volatile @Nullable Exception failure;

    Broker(String servers) {
        this.servers = servers;
        this.admin = Admin.create(Map.of("bootstrap.servers", servers));
        this.producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", servers, "acks", "all", "max.request.size", Topics.MAX_REQUEST_BYTES),
                new StringSerializer(),
                new ByteArraySerializer());
    }

    /** A class of the JVM's own loader, because Quarkus loads this test's classes anew. */
    static String sharedServers() {
        try {
            return (String) ClassLoader.getSystemClassLoader()
                    .loadClass("dev.podium.embedded.testing.SharedServers")
                    .getMethod("bootstrapServers")
                    .invoke(null);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("cannot start the broker", e);
        }
    }

    void task(Task task) {
        send(Topics.TASKS, task.taskId(), EventJson.write(task), headers(task, task.taskId()));
    }

    void ranking(RankingEvent event) {
        send(Topics.RANKINGS, event.taskId(), EventJson.write(event), headers(event, event.eventId()));
    }

    void send(String topic, String key, byte[] value, Headers headers) {
        send(topic, key, value, headers, null);
    }

    /** An event as one that was written at a time. */
    void send(String topic, String key, Object event, Instant at) {
        send(topic, key, EventJson.write(event), headers(event, key), at.toEpochMilli());
    }

    private void send(String topic, String key, byte[] value, Headers headers, @Nullable Long timestamp) {
        var unused = producer.send(new ProducerRecord<>(topic, null, timestamp, key, value, headers), (at, problem) -> {
            if (problem != null) {
                failure = problem;
            }
        });
    }

    void flush() {
        producer.flush();
        if (failure != null) {
            throw new AssertionError("the broker has not taken all records", failure);
        }
    }

    /** All committed records of a topic as they are now; per key in the order of the log. */
    List<ConsumerRecord<String, byte[]>> committed(String topic) {
        return read(topic, "read_committed");
    }

    List<ConsumerRecord<String, byte[]>> uncommitted(String topic) {
        return read(topic, "read_uncommitted");
    }

    /** The newest committed value per key. */
    <T> Map<String, T> newest(String topic, Class<T> type) throws InvalidEventException {
        Map<String, T> newest = new HashMap<>();
        for (ConsumerRecord<String, byte[]> record : committed(topic)) {
            newest.put(record.key(), EventJson.read(record.value(), type));
        }
        return newest;
    }

    /** Records and markers behind the last stable offsets: what open transactions hold back. */
    long heldBack(String topic) throws Exception {
        return sum(topic, IsolationLevel.READ_UNCOMMITTED) - sum(topic, IsolationLevel.READ_COMMITTED);
    }

    private long sum(String topic, IsolationLevel isolation) throws Exception {
        Map<TopicPartition, OffsetSpec> latest = new HashMap<>();
        admin.describeTopics(List.of(topic))
                .allTopicNames()
                .get()
                .get(topic)
                .partitions()
                .forEach(p -> latest.put(new TopicPartition(topic, p.partition()), OffsetSpec.latest()));
        return admin.listOffsets(latest, new ListOffsetsOptions(isolation)).all().get().values().stream()
                .mapToLong(result -> result.offset())
                .sum();
    }

    private List<ConsumerRecord<String, byte[]>> read(String topic, String isolation) {
        List<ConsumerRecord<String, byte[]>> all = new ArrayList<>();
        try (KafkaConsumer<String, byte[]> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", servers, "isolation.level", isolation),
                new StringDeserializer(),
                new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
                    .map(info -> new TopicPartition(topic, info.partition()))
                    .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
                consumer.poll(Duration.ofMillis(100)).forEach(all::add);
            }
        }
        return all;
    }

    private static Headers headers(Object event, String id) {
        return CloudEvents.headers(id, "/test", CloudEvents.type(event), id, Facts.NOON, null);
    }

    @Override
    public void close() {
        producer.close();
        admin.close();
    }
}
