package dev.podium.adapterclient;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.ChannelPointer;
import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.Topics;
import dev.podium.contracts.TraceParent;
import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.contracts.adapter.ManifestTrust;
import dev.podium.contracts.adapter.SigningKey;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads every pointer of one channel, from the first: partitions are assigned, without a group, so that each instance sees
 * all.
 */
final class ChannelReader implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ChannelReader.class);

    private final String projectId;
    private final String channel;
    private final Consumer<byte[], byte[]> consumer;
    private final ManifestTrust trust;
    private Map<TopicPartition, Long> endsAtStart = Map.of();
    private Optional<TraceParent> trace = Optional.empty();
    private long tracedSequence;

    /** @param trust which pointers are followed */
    ChannelReader(Map<String, Object> kafka, String projectId, String channel, ManifestTrust trust) {
        this.trust = trust;
        this.projectId = projectId;
        this.channel = channel;
        Map<String, Object> properties = new HashMap<>(kafka);
        properties.remove(ConsumerConfig.GROUP_ID_CONFIG);
        properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        properties.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        properties.put(ConsumerConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, 15_000);
        properties.put(ConsumerConfig.REQUEST_TIMEOUT_MS_CONFIG, 10_000);
        this.consumer = new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /** Takes all partitions, from their beginning. */
    void start() {
        List<TopicPartition> partitions = new ArrayList<>();
        for (PartitionInfo info : consumer.partitionsFor(Topics.CHANNELS)) {
            partitions.add(new TopicPartition(Topics.CHANNELS, info.partition()));
        }
        if (partitions.isEmpty()) {
            throw new KafkaException("there is no topic " + Topics.CHANNELS + " yet");
        }
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        endsAtStart = consumer.endOffsets(partitions);
    }

    /** Whether all that was there at the start has been read: older pointers of a channel are then known to be old. */
    boolean caughtUp() {
        return endsAtStart.entrySet().stream().allMatch(end -> consumer.position(end.getKey()) >= end.getValue());
    }

    /** What caused the newest pointer so far. */
    Optional<TraceParent> trace() {
        return trace;
    }

    /** The newest pointer of the channel among the records that arrived. */
    Optional<ChannelPointer> poll(Duration timeout) {
        ConsumerRecords<byte[], byte[]> records = consumer.poll(timeout);
        Optional<ChannelPointer> newest = Optional.empty();
        for (ConsumerRecord<byte[], byte[]> record : records) {
            Optional<ChannelPointer> pointer = parse(record);
            if (pointer.isPresent()
                    && (newest.isEmpty()
                            || pointer.get().sequence() > newest.get().sequence())) {
                newest = pointer;
                remember(pointer.get(), record);
            }
        }
        return newest;
    }

    private void remember(ChannelPointer pointer, ConsumerRecord<byte[], byte[]> record) {
        if (pointer.sequence() > tracedSequence) {
            tracedSequence = pointer.sequence();
            trace = CloudEvents.text(record.headers(), CloudEvents.TRACE_PARENT).flatMap(TraceParent::parse);
        }
    }

    private Optional<ChannelPointer> parse(ConsumerRecord<byte[], byte[]> record) {
        if (record.key() == null
                || record.value() == null
                || !new String(record.key(), UTF_8).equals(ChannelPointer.key(projectId, channel))) {
            return Optional.empty();
        }
        try {
            trust.checkPointer(record.key(), record.value(), CloudEvents.text(record.headers(), SigningKey.HEADER));
            ChannelPointer pointer = EventJson.read(record.value(), ChannelPointer.class);
            if (pointer.projectId().equals(projectId) && pointer.channel().equals(channel)) {
                return Optional.of(pointer);
            }
            LOG.warn(
                    "pointer ignored: its key is {}/{}, its value names {}/{} ({}-{}@{})",
                    projectId,
                    channel,
                    pointer.projectId(),
                    pointer.channel(),
                    record.topic(),
                    record.partition(),
                    record.offset());
        } catch (IOException e) {
            // Nobody knows now whom to believe: it is read again once the file is there.
            throw new UncheckedIOException(e);
        } catch (InvalidEventException | ArtifactException e) {
            LOG.warn(
                    "pointer ignored: {} ({}-{}@{})",
                    e.getMessage(),
                    record.topic(),
                    record.partition(),
                    record.offset());
        }
        return Optional.empty();
    }

    @Override
    public void close() {
        consumer.close();
    }
}
