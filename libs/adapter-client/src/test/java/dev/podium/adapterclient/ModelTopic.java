package dev.podium.adapterclient;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.AdapterLoad;
import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.AdapterManifest.ArtifactFile;
import dev.podium.contracts.ChannelPointer;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.Topics;
import dev.podium.contracts.adapter.AdapterFolder;
import dev.podium.contracts.adapter.ArtifactFiles;
import dev.podium.contracts.adapter.SigningKey;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The other side of the client: writes what trainers and operators write, reads what services report. */
final class ModelTopic implements AutoCloseable {
    private final String bootstrapServers;
    private final String project;
    private final KafkaProducer<byte[], byte[]> producer;

    ModelTopic(String bootstrapServers, String project) throws Exception {
        this.bootstrapServers = bootstrapServers;
        this.project = project;
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrapServers))) {
            Topics.createMissing(admin, 3, (short) 1);
        }
        this.producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", bootstrapServers), new ByteArraySerializer(), new ByteArraySerializer());
    }

    /** The manifest of a folder; nothing is sent. */
    AdapterManifest describe(String version, Path folder, AdapterManifest.Kind kind) throws Exception {
        List<ArtifactFile> files = new ArrayList<>();
        for (String name : new TreeSet<>(AdapterFolder.files(kind, 1))) {
            files.add(ArtifactFiles.describe(folder.resolve(name)));
        }
        return manifest(version, kind, TinyAdapter.BASE, TinyAdapter.BASE_SHA256, Optional.of(TinyAdapter.LORA), files);
    }

    AdapterManifest manifest(
            String version,
            AdapterManifest.Kind kind,
            String base,
            String baseSha256,
            Optional<RoundConfig.Lora> lora,
            List<ArtifactFile> files) {
        return new AdapterManifest(
                project,
                version,
                kind,
                "round-" + version,
                RoundKind.DPO,
                new AdapterManifest.BaseModel(base, baseSha256),
                RoundConfig.Dpo.DEFAULT,
                lora,
                files,
                Optional.empty(),
                1,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Map.of(),
                Instant.now());
    }

    void sendFiles(Path folder) throws Exception {
        try (var files = Files.list(folder)) {
            for (Path file : files.toList()) {
                ArtifactFile described = ArtifactFiles.describe(file);
                ArtifactFiles.forEachChunk(
                        file, (index, chunk) -> send(Topics.ARTIFACT_CHUNKS, described.chunkKey(index), chunk));
            }
        }
    }

    void sendManifest(AdapterManifest manifest) {
        send(Topics.ADAPTERS, manifest.key(), EventJson.write(manifest));
    }

    /** As a trainer with a key does. */
    void sendSigned(AdapterManifest manifest, SigningKey key) {
        byte[] recordKey = manifest.key().getBytes(UTF_8);
        byte[] value = EventJson.write(manifest);
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(Topics.ADAPTERS, recordKey, value);
        record.headers().add(SigningKey.HEADER, key.sign(recordKey, value).getBytes(UTF_8));
        send(record);
    }

    /** Removes all chunks of a version, as the collection of garbage would. */
    void removeChunks(AdapterManifest manifest) {
        for (ArtifactFile file : manifest.files()) {
            for (int index = 0; index < file.chunks(); index++) {
                send(Topics.ARTIFACT_CHUNKS, file.chunkKey(index), null);
            }
        }
    }

    /** Publishes a valid adapter, changed by what the test wants to see refused. */
    void publish(String version, Path folder, UnaryOperator<AdapterManifest> change) throws Exception {
        sendFiles(folder);
        sendManifest(change.apply(describe(version, folder, AdapterManifest.Kind.POLICY)));
    }

    void point(String channel, String version, long sequence) {
        point(channel, version, sequence, null);
    }

    void point(String channel, String version, long sequence, ChannelPointer.Canary canary) {
        send(
                Topics.CHANNELS,
                ChannelPointer.key(project, channel),
                EventJson.write(pointer(channel, version, sequence, canary)));
    }

    /** As feedback-api with a key does. */
    void pointSigned(String channel, String version, long sequence, SigningKey key) {
        byte[] recordKey = ChannelPointer.key(project, channel).getBytes(UTF_8);
        byte[] value = EventJson.write(pointer(channel, version, sequence, null));
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(Topics.CHANNELS, recordKey, value);
        record.headers()
                .add(
                        SigningKey.HEADER,
                        key.sign(SigningKey.Purpose.POINTER, recordKey, value).getBytes(UTF_8));
        send(record);
    }

    private ChannelPointer pointer(String channel, String version, long sequence, ChannelPointer.Canary canary) {
        return new ChannelPointer(
                project,
                channel,
                Optional.ofNullable(version),
                sequence,
                "operator",
                Optional.empty(),
                Instant.now(),
                Optional.ofNullable(canary));
    }

    void send(String topic, String key, byte[] value) {
        send(new ProducerRecord<>(topic, key.getBytes(UTF_8), value));
    }

    private void send(ProducerRecord<byte[], byte[]> record) {
        try {
            producer.send(record).get();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** Waits for the load report of an instance about a pointer. */
    AdapterLoad awaitLoad(String instanceId, long sequence) throws Exception {
        return awaitLoad(instanceId, sequence, load -> true);
    }

    AdapterLoad awaitLoad(String instanceId, long sequence, Predicate<AdapterLoad> wanted) throws Exception {
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", bootstrapServers, "isolation.level", "read_committed"),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(Topics.ADAPTER_LOADS).stream()
                    .map(p -> new TopicPartition(p.topic(), p.partition()))
                    .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
            while (System.nanoTime() < deadline) {
                for (var record : consumer.poll(Duration.ofMillis(100))) {
                    if (record.value() == null) {
                        continue;
                    }
                    AdapterLoad load = EventJson.read(record.value(), AdapterLoad.class);
                    if (load.instanceId().equals(instanceId) && load.sequence() == sequence && wanted.test(load)) {
                        return load;
                    }
                }
            }
        }
        throw new AssertionError("no report of " + instanceId + " about pointer " + sequence);
    }

    /** The newest record of an instance: its report, or nothing where it was taken back. */
    Optional<AdapterLoad> newestLoad(String instanceId) throws Exception {
        Optional<AdapterLoad> newest = Optional.empty();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", bootstrapServers, "isolation.level", "read_committed"),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(Topics.ADAPTER_LOADS).stream()
                    .map(p -> new TopicPartition(p.topic(), p.partition()))
                    .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
                for (var record : consumer.poll(Duration.ofMillis(100))) {
                    if (new String(record.key(), UTF_8).equals(instanceId)) {
                        newest = record.value() == null
                                ? Optional.empty()
                                : Optional.of(EventJson.read(record.value(), AdapterLoad.class));
                    }
                }
            }
        }
        return newest;
    }

    @Override
    public void close() {
        producer.close();
    }
}
