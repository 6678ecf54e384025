package dev.podium.feedback.projection;

import dev.podium.feedback.kafka.KafkaAccess;
import dev.podium.feedback.rest.Problems;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.jboss.logging.Logger;

/** Follows the topics of {@link Projection} from where the tables stand; after any failure it starts over from there. */
@Singleton
class ProjectionReader {
    private static final Logger LOG = Logger.getLogger(ProjectionReader.class);
    private static final Duration POLL = Duration.ofMillis(500);
    private static final Duration PAUSE = Duration.ofSeconds(2);

    private final KafkaAccess kafka;
    private final Projection projection;
    private volatile boolean running;
    private Thread thread = new Thread();

    ProjectionReader(KafkaAccess kafka, Projection projection) {
        this.kafka = kafka;
        this.projection = projection;
    }

    void start(@Observes StartupEvent event) {
        running = true;
        thread = new Thread(this::run, "projection");
        thread.setDaemon(true);
        thread.start();
    }

    void stop(@Observes ShutdownEvent event) throws InterruptedException {
        running = false;
        thread.join(Duration.ofSeconds(5));
    }

    private void run() {
        while (running) {
            if (!kafka.topicsReady()) {
                sleep(Duration.ofMillis(200));
                continue;
            }
            try (KafkaConsumer<byte[], byte[]> consumer = kafka.consumer()) {
                follow(consumer);
            } catch (WakeupException e) {
                return;
            } catch (RuntimeException e) {
                LOG.warnf("the projection stops for %d s: %s", PAUSE.toSeconds(), e.toString());
                LOG.debug("the projection's failure", e);
                sleep(PAUSE);
            }
        }
    }

    private void follow(KafkaConsumer<byte[], byte[]> consumer) {
        List<TopicPartition> all = new ArrayList<>();
        for (String topic : Projection.TOPICS) {
            for (PartitionInfo info : consumer.partitionsFor(topic)) {
                all.add(new TopicPartition(topic, info.partition()));
            }
        }
        consumer.assign(all);
        Map<TopicPartition, Long> positions = projection.positions();
        Map<TopicPartition, Long> ends = consumer.endOffsets(all);
        for (TopicPartition partition : all) {
            Long next = positions.get(partition);
            if (next != null && next > ends.getOrDefault(partition, Long.MAX_VALUE)) {
                LOG.warnf("%s ends before what was read of it: it is another one, and is read anew", partition);
                projection.forget(partition);
                next = null;
            }
            if (next == null) {
                consumer.seekToBeginning(List.of(partition));
            } else {
                consumer.seek(partition, next);
            }
        }
        Map<TopicPartition, Long> noted = new HashMap<>(positions);
        while (running) {
            ConsumerRecords<byte[], byte[]> records = consumer.poll(POLL);
            if (!records.isEmpty()) {
                apply(records);
                records.forEach(record ->
                        noted.put(new TopicPartition(record.topic(), record.partition()), record.offset() + 1));
            } else {
                noteEnds(consumer, all, noted);
            }
        }
    }

    /** Behind the last record there may be the end of its transaction, which is no record: it is not left to be read. */
    private void noteEnds(
            KafkaConsumer<byte[], byte[]> consumer, List<TopicPartition> all, Map<TopicPartition, Long> noted) {
        Map<TopicPartition, Long> further = new HashMap<>();
        for (TopicPartition partition : all) {
            long position = consumer.position(partition);
            if (position > noted.getOrDefault(partition, 0L)) {
                further.put(partition, position);
            }
        }
        if (!further.isEmpty()) {
            projection.reached(further);
            noted.putAll(further);
        }
    }

    /** All in one transaction; where that fails for good, one by one, without the record that is the reason. */
    private void apply(ConsumerRecords<byte[], byte[]> records) {
        try {
            projection.apply(records);
        } catch (RuntimeException batch) {
            if (!Problems.isRefusedForGood(batch)) {
                throw batch;
            }
            for (ConsumerRecord<byte[], byte[]> record : records) {
                try {
                    projection.apply(List.of(record));
                } catch (RuntimeException e) {
                    if (!Problems.isRefusedForGood(e)) {
                        throw e;
                    }
                    projection.skip(record, e);
                }
            }
        }
    }

    private static void sleep(Duration duration) {
        try {
            Thread.sleep(duration);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
