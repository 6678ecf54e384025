package dev.podium.feedback.operations;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.DeadLetterHeaders;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.feedback.audit.Act;
import dev.podium.feedback.audit.AuditLog;
import dev.podium.feedback.kafka.KafkaAccess;
import dev.podium.feedback.rendering.VisibleText;
import dev.podium.feedback.rest.Refusal;
import io.quarkus.narayana.jta.QuarkusTransaction;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/** Records that the stream could not use: a look at them, and a way back to where they came from. */
@Singleton
class DeadLetters {
    private static final int PREVIEW_CHARACTERS = 2000;
    private static final int SEND_SECONDS = 20;
    private static final String OWN_HEADERS = "podium_dlt_";

    private final KafkaAccess kafka;
    private final EntityManager entities;
    private final AuditLog audit;

    DeadLetters(KafkaAccess kafka, EntityManager entities, AuditLog audit) {
        this.kafka = kafka;
        this.entities = entities;
        this.audit = audit;
    }

    /**
     * A dead letter.
     *
     * @param value its beginning, with control characters made visible
     */
    public record Letter(
            int partition,
            long offset,
            Instant at,
            String reason,
            String message,
            String topic,
            String origin,
            String key,
            String eventId,
            int bytes,
            String value) {}

    /**
     * What a replay did, or would do.
     *
     * @param problem why the stream would refuse it again; empty where nothing is known against it
     */
    public record Replayed(boolean dryRun, String topic, String eventId, String problem) {}

    /** The newest of each partition, newest first. */
    List<Letter> newest(int limit) {
        try (BoundedReader reader = kafka.reader()) {
            List<TopicPartition> partitions = reader.partitions(Topics.DEAD_LETTERS);
            Map<TopicPartition, Long> ends = reader.ends(partitions);
            Map<TopicPartition, Long> begins = reader.beginnings(partitions);
            Map<TopicPartition, Long> from = new HashMap<>();
            partitions.forEach(partition -> from.put(
                    partition, Math.max(begins.getOrDefault(partition, 0L), ends.getOrDefault(partition, 0L) - limit)));
            List<Letter> letters = new ArrayList<>();
            reader.read(from, ends, record -> letters.add(letter(record)));
            letters.sort(Comparator.comparing(Letter::at).reversed());
            return letters.subList(0, Math.min(limit, letters.size()));
        } catch (KafkaException e) {
            throw new Refusal(503, "kafka_away", "Kafka does not answer; try again in a minute.");
        }
    }

    private static Letter letter(ConsumerRecord<byte[], byte[]> record) {
        byte[] value = record.value() == null ? new byte[0] : record.value();
        String text = new String(value, 0, Math.min(value.length, PREVIEW_CHARACTERS * 4), UTF_8);
        return new Letter(
                record.partition(),
                record.offset(),
                Instant.ofEpochMilli(record.timestamp()),
                header(record, DeadLetterHeaders.REASON),
                VisibleText.of(header(record, DeadLetterHeaders.MESSAGE)),
                header(record, DeadLetterHeaders.TOPIC),
                header(record, DeadLetterHeaders.PARTITION) + "@" + header(record, DeadLetterHeaders.OFFSET),
                record.key() == null ? "" : VisibleText.of(new String(record.key(), UTF_8)),
                VisibleText.of(header(record, CloudEvents.ID)),
                value.length,
                VisibleText.of(text.substring(0, Math.min(text.length(), PREVIEW_CHARACTERS))));
    }

    private static String header(ConsumerRecord<byte[], byte[]> record, String name) {
        Header header = record.headers().lastHeader(name);
        return header == null || header.value() == null ? "" : new String(header.value(), UTF_8);
    }

    /**
     * Sends a dead letter to where it came from, as it was: with its key, its bytes and its event id, by which the stream
     * knows what it has counted already.
     */
    Replayed replay(int partition, long offset, boolean dryRun, @Nullable String reason) {
        ConsumerRecord<byte[], byte[]> letter = read(new TopicPartition(Topics.DEAD_LETTERS, partition), offset)
                .orElseThrow(() -> Refusal.notFound("Dead letter " + partition + "@" + offset));
        String topic = header(letter, DeadLetterHeaders.TOPIC);
        if (!topic.equals(Topics.TASKS) && !topic.equals(Topics.RANKINGS)) {
            throw Refusal.unprocessable(
                    "unknown_origin", "It came from topic '" + topic + "'; only tasks and rankings are sent again.");
        }
        byte[] value = letter.value() == null || letter.value().length == 0 ? origin(letter, topic) : letter.value();
        String eventId = header(letter, CloudEvents.ID);
        String problem = QuarkusTransaction.requiringNew().call(() -> problem(topic, letter.key(), value));
        if (dryRun) {
            audit.nothingIsChanged();
        } else {
            // Sent before the entry is committed: what was sent and is not written down, is sent again and counts once.
            QuarkusTransaction.requiringNew().run(() -> {
                audit.append(Act.of("deadLetter.replayed", partition + "@" + offset)
                        .because(reason)
                        .with("topic", topic)
                        .with("eventId", eventId));
                send(topic, letter, value);
            });
        }
        return new Replayed(dryRun, topic, eventId, problem);
    }

    private Optional<ConsumerRecord<byte[], byte[]>> read(TopicPartition partition, long offset) {
        try (BoundedReader reader = kafka.reader()) {
            if (!reader.partitions(partition.topic()).contains(partition)) {
                return Optional.empty();
            }
            long begin = reader.beginnings(List.of(partition)).getOrDefault(partition, 0L);
            long end = reader.ends(List.of(partition)).getOrDefault(partition, 0L);
            return offset < begin || offset >= end ? Optional.empty() : reader.at(partition, offset);
        } catch (KafkaException e) {
            throw new Refusal(503, "kafka_away", "Kafka does not answer; try again in a minute.");
        }
    }

    /** What was too large to be copied stays in the log it came from. */
    private byte[] origin(ConsumerRecord<byte[], byte[]> letter, String topic) {
        try {
            TopicPartition partition =
                    new TopicPartition(topic, Integer.parseInt(header(letter, DeadLetterHeaders.PARTITION)));
            return read(partition, Long.parseLong(header(letter, DeadLetterHeaders.OFFSET)))
                    .map(ConsumerRecord::value)
                    .filter(value -> value != null)
                    .orElse(new byte[0]);
        } catch (NumberFormatException e) {
            return new byte[0];
        }
    }

    /** What is known to be wrong with it still. */
    private String problem(String topic, byte @Nullable [] key, byte[] value) {
        if (key == null || key.length == 0) {
            return "It has no key.";
        }
        String task;
        try {
            task = topic.equals(Topics.TASKS)
                    ? EventJson.read(value, Task.class).taskId()
                    : EventJson.read(value, RankingEvent.class).taskId();
        } catch (InvalidEventException e) {
            return "It cannot be read: " + e.getMessage();
        }
        if (!task.equals(new String(key, UTF_8))) {
            return "Its key is another task's than its value.";
        }
        if (topic.equals(Topics.RANKINGS)
                && entities.createNativeQuery("select 1 from task where id = :id")
                        .setParameter("id", task)
                        .getResultList()
                        .isEmpty()) {
            return "There is no task " + task + ".";
        }
        return "";
    }

    private void send(String topic, ConsumerRecord<byte[], byte[]> letter, byte[] value) {
        RecordHeaders headers = new RecordHeaders();
        for (Header header : letter.headers()) {
            if (!header.key().startsWith(OWN_HEADERS)) {
                headers.add(header);
            }
        }
        Map<String, Object> settings = kafka.clientConfiguration();
        settings.put("acks", "all");
        settings.put("max.request.size", Topics.MAX_REQUEST_BYTES);
        settings.put("max.block.ms", TimeUnit.SECONDS.toMillis(SEND_SECONDS));
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.send(new ProducerRecord<>(topic, null, letter.timestamp(), letter.key(), value, headers))
                    .get(SEND_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException | KafkaException e) {
            throw new Refusal(503, "kafka_away", "Kafka does not take it: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }
}
