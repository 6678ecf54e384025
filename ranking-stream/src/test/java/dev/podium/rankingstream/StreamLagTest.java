package dev.podium.rankingstream;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.podium.rankingstream.GroupLag.Seen;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;

/** On the real broker, with a group that has no member: what counts is what is committed. */
class StreamLagTest {
    private final String name = "lag-" + UUID.randomUUID();
    private final TopicPartition stuck = new TopicPartition(name, 0);
    private final TopicPartition done = new TopicPartition(name, 1);
    private final long noon = Instant.parse("2026-01-01T12:00:00Z").toEpochMilli();

    @Test
    void onePartitionThatIsStuckIsSeenBesideOthersThatAreDone() throws Exception {
        try (Broker broker = topic();
                GroupLag lag = new GroupLag(Map.of("bootstrap.servers", broker.servers), name, List.of(name))) {
            assertEquals(new Seen(0, OptionalLong.empty()), lag.look());

            // Each transaction leaves a marker behind, which nobody commits.
            send(broker, stuck, noon, noon + 1000, noon + 2000);
            send(broker, done, noon + 3000);
            assertEquals(OptionalLong.of(noon), lag.look().oldestMillis());

            commit(broker, stuck, 1);
            commit(broker, done, 1);
            assertEquals(OptionalLong.of(noon + 1000), lag.look().oldestMillis());

            commit(broker, stuck, 3);
            assertEquals(new Seen(0, OptionalLong.empty()), lag.look());
        }
    }

    @Test
    void anAgeThatCouldNotBeSeenAnewGrows() {
        StreamLag.Look nothing = new StreamLag.Look(new Seen(0, OptionalLong.empty()), noon);
        StreamLag.Look some = new StreamLag.Look(new Seen(2, OptionalLong.of(noon - 10_000)), noon);

        assertEquals(0, nothing.seconds(noon + 20_000));
        assertEquals(90, nothing.seconds(noon + 90_000));
        assertEquals(30, some.seconds(noon + 20_000));
        assertEquals(100, some.seconds(noon + 90_000));
    }

    @Test
    void everyReasonOfDeadLettersIsCountedFromZero() {
        SimpleMeterRegistry meters = new SimpleMeterRegistry();

        StreamMetrics metrics = new StreamMetrics(meters);

        for (String reason : RejectedRecord.REASONS) {
            assertEquals(
                    0,
                    meters.get(StreamMetrics.DEAD_LETTERS)
                            .tag("reason", reason)
                            .counter()
                            .count());
        }
        metrics.rejected("null_key");
        assertEquals(
                1,
                meters.get(StreamMetrics.DEAD_LETTERS)
                        .tag("reason", "null_key")
                        .counter()
                        .count());
    }

    private Broker topic() throws Exception {
        Broker broker = new Broker(Broker.sharedServers());
        broker.admin
                .createTopics(Set.of(new NewTopic(name, 2, (short) 1)))
                .all()
                .get();
        return broker;
    }

    private void send(Broker broker, TopicPartition to, long... times) {
        Map<String, Object> settings = Map.of(
                "bootstrap.servers",
                broker.servers,
                "transactional.id",
                UUID.randomUUID().toString());
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.initTransactions();
            producer.beginTransaction();
            for (long time : times) {
                var unused = producer.send(new ProducerRecord<>(
                        to.topic(), to.partition(), time, null, "x".getBytes(StandardCharsets.UTF_8)));
            }
            producer.commitTransaction();
        }
    }

    private void commit(Broker broker, TopicPartition partition, long next) throws Exception {
        broker.admin
                .alterConsumerGroupOffsets(name, Map.of(partition, new OffsetAndMetadata(next)))
                .all()
                .get();
    }
}
