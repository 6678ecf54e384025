package dev.podium.training.round;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundCommand.PartitionEnd;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Predicate;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The other side of a trainer: writes commands and preference sets, reads what became of them. */
public final class RoundLog implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Map<String, Object> kafka;
    private final KafkaProducer<byte[], byte[]> producer;

    public RoundLog(String bootstrapServers) throws Exception {
        this.kafka = Map.of("bootstrap.servers", bootstrapServers);
        try (Admin admin = Admin.create(kafka)) {
            Topics.createMissing(admin, 3, (short) 1);
        }
        this.producer = new KafkaProducer<>(
                Map.of(
                        "bootstrap.servers",
                        bootstrapServers,
                        ProducerConfig.MAX_REQUEST_SIZE_CONFIG,
                        Topics.MAX_REQUEST_BYTES),
                new ByteArraySerializer(),
                new ByteArraySerializer());
    }

    public Map<String, Object> kafka() {
        return kafka;
    }

    public void send(String topic, String key, byte[] value) throws Exception {
        producer.send(new ProducerRecord<>(topic, key == null ? null : key.getBytes(UTF_8), value))
                .get();
    }

    /** As an application of another version writes. */
    public void sendOfType(String topic, String key, byte[] value, String type) throws Exception {
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, key.getBytes(UTF_8), value);
        record.headers().add(CloudEvents.TYPE, type.getBytes(UTF_8));
        producer.send(record).get();
    }

    public void command(RoundCommand command) throws Exception {
        send(Topics.ROUND_COMMANDS, command.roundId(), EventJson.write(command));
    }

    public void cancel(RoundCommand.StartRound round) throws Exception {
        command(new RoundCommand.CancelRound(round.roundId(), round.projectId(), "operator", Instant.now()));
    }

    public void prefer(PreferenceSet set) throws Exception {
        send(Topics.PREFERENCES, set.taskId(), EventJson.write(set));
    }

    /** What feedback-api pins when a round is triggered. */
    public List<PartitionEnd> pin() {
        try (BoundedReader reader = BoundedReader.connect(kafka)) {
            List<PartitionEnd> pin = new ArrayList<>();
            reader.ends(reader.partitions(Topics.PREFERENCES))
                    .forEach((partition, end) -> pin.add(new PartitionEnd(partition.partition(), end)));
            return pin;
        }
    }

    /** A DPO round with whatever is pinned now. */
    public RoundCommand.StartRound dpo(String project, String version) {
        return round(project, version, RoundConfig.Dpo.DEFAULT, TinyAdapter.BASE, Optional.empty());
    }

    public RoundCommand.StartRound round(
            String project, String version, RoundConfig config, String baseModel, Optional<String> initialAdapter) {
        RoundKind kind = config.kind();
        return new RoundCommand.StartRound(
                UUID.randomUUID().toString(),
                project,
                kind,
                version,
                baseModel,
                config,
                pin(),
                initialAdapter,
                Optional.empty(),
                kind == RoundKind.SAMPLE ? List.of(List.of(Message.user("hello"))) : List.of(),
                List.of(),
                "operator",
                Instant.now());
    }

    /** A task with one decided pair, or with none. */
    public static PreferenceSet set(String project, String taskId, boolean decided, String chosenText) {
        return new PreferenceSet(
                project,
                taskId,
                List.of(Message.user("question of " + taskId)),
                List.of(
                        new Output("o1", chosenText, Output.Provenance.imported(), List.of()),
                        new Output("o2", "worse", Output.Provenance.imported(), List.of())),
                Optional.empty(),
                decided ? List.of(new PreferenceSet.Pair("o1", "o2", 1, 1, 0, 1, 0.75)) : List.of(),
                List.of(),
                Map.of(),
                List.of(new PreferenceSet.RankingUsed("anna", 1, "e-" + taskId, Topics.RANKINGS, 0, 5, 1)),
                false,
                decided,
                Instant.now());
    }

    /** All events of a round as they are committed now. */
    public List<RoundEvent> events(String roundId) throws Exception {
        List<RoundEvent> events = new ArrayList<>();
        for (ConsumerRecord<byte[], byte[]> record : read(Topics.ROUND_EVENTS)) {
            if (roundId.equals(new String(record.key(), UTF_8))) {
                events.add(EventJson.read(record.value(), RoundEvent.class));
            }
        }
        return events;
    }

    public <T extends RoundEvent> List<T> events(String roundId, Class<T> type) throws Exception {
        return events(roundId).stream().filter(type::isInstance).map(type::cast).toList();
    }

    /** All committed records of a topic, as it is now. */
    public List<ConsumerRecord<byte[], byte[]>> read(String topic) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        try (BoundedReader reader = BoundedReader.connect(kafka)) {
            reader.readAll(reader.partitions(topic), record -> records.add(record));
        }
        return records;
    }

    /** Waits for an event of a round. */
    public <T extends RoundEvent> T await(String roundId, Class<T> type) throws Exception {
        return await(roundId, type, event -> true);
    }

    public <T extends RoundEvent> T await(String roundId, Class<T> type, Predicate<T> condition) throws Exception {
        List<RoundEvent> seen = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(Topics.ROUND_EVENTS, "read_committed")) {
            long deadline = System.nanoTime() + PATIENCE.toNanos();
            while (System.nanoTime() < deadline) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    RoundEvent event = EventJson.read(record.value(), RoundEvent.class);
                    if (!event.roundId().equals(roundId)) {
                        continue;
                    }
                    seen.add(event);
                    if (type.isInstance(event) && condition.test(type.cast(event))) {
                        return type.cast(event);
                    }
                }
            }
        }
        throw new AssertionError("no " + type.getSimpleName() + " of round " + roundId + ", but " + seen);
    }

    /** Counts all that was ever written to a topic, also what was never committed. */
    public int countUncommitted(String topic) {
        int count = 0;
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(topic, "read_uncommitted")) {
            Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
            while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
                count += consumer.poll(Duration.ofMillis(100)).count();
            }
        }
        return count;
    }

    private KafkaConsumer<byte[], byte[]> consumer(String topic, String isolation) {
        KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", kafka.get("bootstrap.servers"), "isolation.level", isolation),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer());
        List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
                .map(info -> new TopicPartition(info.topic(), info.partition()))
                .toList();
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        return consumer;
    }

    @Override
    public void close() {
        producer.close();
    }
}
