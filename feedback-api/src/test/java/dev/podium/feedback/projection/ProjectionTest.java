package dev.podium.feedback.projection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.Topics;
import dev.podium.embedded.testing.ServersResource;
import dev.podium.feedback.kafka.KafkaAccess;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(ServersResource.class)
class ProjectionTest {
    private static final Duration WAIT = Duration.ofSeconds(30);
    // No partition of the real topic: its offsets are this test's own.
    private static final int ELSEWHERE = 4321;
    private static final long TIMES = 200;

    @Inject
    Projection projection;

    @Inject
    KafkaAccess kafka;

    @Inject
    EntityManager entities;

    @Test
    void aRecordThatNoTableTakesStopsNothing() throws Exception {
        String round = UUID.randomUUID().toString();
        try (var producer = new KafkaProducer<>(
                kafka.clientConfiguration(), new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.send(new ProducerRecord<>(Topics.ROUND_EVENTS, 0, bytes("x"), accepted("nul \0 in it")))
                    .get();
            producer.send(new ProducerRecord<>(Topics.ROUND_EVENTS, 0, null, null))
                    .get();
            producer.send(new ProducerRecord<>(Topics.ROUND_EVENTS, 0, bytes(round), accepted(round)))
                    .get();
        }
        long deadlineNanos = System.nanoTime() + WAIT.toNanos();
        while (count("select count(*) from round_event where round_id = :id", round) == 0) {
            assertTrue(System.nanoTime() < deadlineNanos, "what came behind it was not read within " + WAIT);
            Thread.sleep(100);
        }
    }

    @Test
    void anInstanceThatIsBehindDoesNotUndoWhatAnotherHasWritten() {
        String task = UUID.randomUUID().toString();
        int partition = ELSEWHERE + task.hashCode() % 1000;
        projection.apply(List.of(set(task, partition, 10, true)));
        projection.apply(List.of(set(task, partition, 5, false)));
        assertEquals(1, count("select count(*) from preference where task_id = :id and decided", task));
        assertEquals(11L, projection.positions().get(new TopicPartition(Topics.PREFERENCES, partition)));
    }

    @Test
    void twoInstancesThatNoteTheEndsInOppositeOrderDoNotWaitForOneAnother() throws Exception {
        // Given two partitions, and two instances
        int number = ELSEWHERE + 1000 + UUID.randomUUID().hashCode() % 1000;
        TopicPartition first = new TopicPartition(Topics.PREFERENCES, number);
        TopicPartition second = new TopicPartition(Topics.ROUND_EVENTS, number);
        CyclicBarrier start = new CyclicBarrier(2);
        try (ExecutorService instances = Executors.newFixedThreadPool(2)) {
            // When both come to the ends of both again and again
            Future<?> one = instances.submit(() -> reach(start, first, second));
            Future<?> other = instances.submit(() -> reach(start, second, first));

            // Then neither fails
            one.get();
            other.get();
        }
        assertEquals(TIMES, projection.positions().get(first));
        assertEquals(TIMES, projection.positions().get(second));
    }

    private Void reach(CyclicBarrier start, TopicPartition first, TopicPartition second) throws Exception {
        start.await();
        for (long next = 1; next <= TIMES; next++) {
            Map<TopicPartition, Long> positions = new LinkedHashMap<>();
            positions.put(first, next);
            positions.put(second, next);
            projection.reached(positions);
        }
        return null;
    }

    private static ConsumerRecord<byte[], byte[]> set(String task, int partition, long offset, boolean decided) {
        PreferenceSet set = new PreferenceSet(
                "p",
                task,
                List.of(Message.user("x")),
                List.of(),
                Optional.empty(),
                List.of(),
                List.of(),
                Map.of(),
                List.of(),
                false,
                decided,
                Instant.EPOCH);
        return new ConsumerRecord<>(
                Topics.PREFERENCES, partition, offset, bytes(task), bytes(EventJson.writeText(set)));
    }

    private static byte[] accepted(String round) {
        return bytes(EventJson.writeText(new RoundEvent.Accepted(round, "p", "a trainer", Instant.EPOCH)));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private long count(String sql, String id) {
        return QuarkusTransaction.requiringNew()
                .call(() -> ((Number) entities.createNativeQuery(sql)
                                .setParameter("id", id)
                                .getSingleResult())
                        .longValue());
    }
}
