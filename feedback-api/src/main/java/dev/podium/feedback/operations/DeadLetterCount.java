package dev.podium.feedback.operations;

import dev.podium.feedback.kafka.KafkaAccess;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/** How many dead letters there are. They are read for that, each once: offsets count the ends of transactions, too. */
@Singleton
class DeadLetterCount {
    private static final Duration LIMIT = Duration.ofSeconds(2);
    private static final Duration POLL = Duration.ofMillis(100);

    private final KafkaAccess kafka;
    private final Map<TopicPartition, Long> next = new HashMap<>();
    private Map<TopicPartition, Long> from = Map.of();
    private long counted;

    DeadLetterCount(KafkaAccess kafka) {
        this.kafka = kafka;
    }

    /**
     * Letters between these offsets. What is not read within two seconds counts by its offsets, until the next look.
     *
     * @param begins of all partitions; letters may be gone since the last look
     */
    synchronized long between(Map<TopicPartition, Long> begins, Map<TopicPartition, Long> ends) {
        if (!begins.equals(from)) {
            from = Map.copyOf(begins);
            next.clear();
            next.putAll(begins);
            counted = 0;
        }
        if (open(ends) > 0) {
            read(ends);
        }
        return counted + open(ends);
    }

    private long open(Map<TopicPartition, Long> ends) {
        return next.entrySet().stream()
                .mapToLong(each -> Math.max(0, ends.getOrDefault(each.getKey(), 0L) - each.getValue()))
                .sum();
    }

    private void read(Map<TopicPartition, Long> ends) {
        try (KafkaConsumer<byte[], byte[]> consumer = kafka.consumer()) {
            consumer.assign(next.keySet());
            next.forEach(consumer::seek);
            long deadlineNanos = System.nanoTime() + LIMIT.toNanos();
            while (open(ends) > 0 && System.nanoTime() < deadlineNanos) {
                counted += consumer.poll(POLL).count();
                next.replaceAll((partition, offset) -> consumer.position(partition));
            }
        }
    }
}
