package dev.podium.adapterclient;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.AdapterLoad;
import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.AdapterManifest.ArtifactFile;
import dev.podium.contracts.ChannelPointer;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.Topics;
import dev.podium.embedded.testing.SharedServers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdapterClientTest {
    private static final String CHANNEL = "production";

    @TempDir
    Path folder;

    private final String project = "p" + UUID.randomUUID();
    private final String instance = "i" + UUID.randomUUID();
    private final List<String> swaps = new CopyOnWriteArrayList<>();
    private final List<AdapterClient> clients = new ArrayList<>();
    private ModelTopic topic;

    @BeforeEach
    void connect() throws Exception {
        topic = new ModelTopic(SharedServers.bootstrapServers(), project);
    }

    @AfterEach
    void disconnect() {
        clients.forEach(AdapterClient::close);
        topic.close();
    }

    @Test
    void newPointerIsVerifiedSwappedInAndReported() throws Exception {
        publish("v1", 1);
        AdapterClient client = start(instance);

        topic.point(CHANNEL, "v1", 1);

        AdapterLoad load = topic.awaitLoad(instance, 1);
        assertEquals(AdapterLoad.Status.LOADED, load.status());
        assertEquals(Optional.of("v1"), load.runningVersion());
        assertEquals(Optional.of("v1"), client.runningVersion());
        assertEquals(List.of("v1"), swaps);
        assertTrue(Files.exists(folder.resolve(instance).resolve("current.json")));
    }

    @Test
    void absentVersionMeansTheBaseModel() throws Exception {
        publish("v1", 1);
        AdapterClient client = start(instance);
        topic.point(CHANNEL, "v1", 1);
        topic.awaitLoad(instance, 1);

        topic.point(CHANNEL, null, 2);

        assertEquals(AdapterLoad.Status.LOADED, topic.awaitLoad(instance, 2).status());
        assertEquals(Optional.empty(), client.runningVersion());
        assertEquals(List.of("v1", "base"), swaps);
    }

    @Test
    void everyInstanceSeesEveryPointer() throws Exception {
        publish("v1", 1);
        start(instance + "a");
        start(instance + "b");

        topic.point(CHANNEL, "v1", 1);

        assertEquals(
                AdapterLoad.Status.LOADED, topic.awaitLoad(instance + "a", 1).status());
        assertEquals(
                AdapterLoad.Status.LOADED, topic.awaitLoad(instance + "b", 1).status());
    }

    @Test
    void olderPointerReplayedIsIgnored() throws Exception {
        publish("v1", 1);
        publish("v2", 2);
        AdapterClient client = start(instance);
        topic.point(CHANNEL, "v2", 5);
        topic.awaitLoad(instance, 5);

        topic.point(CHANNEL, "v1", 4);
        topic.point(CHANNEL, "v2", 5);
        topic.point(CHANNEL, null, 6);

        topic.awaitLoad(instance, 6);
        assertEquals(List.of("v2", "base"), swaps);
        assertEquals(6, client.sequence());
    }

    @Test
    void atTheStartOnlyTheNewestPointerCounts() throws Exception {
        publish("v1", 1);
        publish("v2", 2);
        topic.point(CHANNEL, "v1", 1);
        topic.point(CHANNEL, "v2", 2);

        AdapterClient client = start(instance);

        assertTrue(client.awaitCaughtUp(Duration.ofSeconds(30)));
        assertEquals(List.of("v2"), swaps);
    }

    @Test
    void pointerToAnUnknownVersionIsRefused() throws Exception {
        refused("v99", "never published");
    }

    @Test
    void wrongSha256IsRefused() throws Exception {
        Path adapter = adapter(2);
        topic.sendFiles(adapter);
        AdapterManifest good = topic.describe("v2", adapter, AdapterManifest.Kind.POLICY);
        byte[] other = "other bytes".getBytes(UTF_8);
        ArtifactFile claimed = new ArtifactFile("adapter_config.json", "c".repeat(64), other.length, 1);
        topic.send(Topics.ARTIFACT_CHUNKS, claimed.chunkKey(0), other);
        topic.sendManifest(with(good, List.of(claimed, good.files().get(1))));

        refused("v2", "sha256");
    }

    @Test
    void wrongSizeIsRefused() throws Exception {
        publish(
                "v2",
                2,
                m -> with(
                        m,
                        m.files().stream()
                                .map(f -> new ArtifactFile(f.name(), f.sha256(), f.bytes() + 1, f.chunks()))
                                .toList()));
        refused("v2", "bytes");
    }

    @Test
    void tooManyBytesAreRefusedWhileTheyCome() throws Exception {
        publish(
                "v2",
                2,
                m -> with(
                        m,
                        m.files().stream()
                                .map(f -> new ArtifactFile(f.name(), f.sha256(), 5, f.chunks()))
                                .toList()));
        refused("v2", "more than the 5 bytes");
    }

    @Test
    void missingChunkIsRefused() throws Exception {
        publish(
                "v2",
                2,
                m -> with(
                        m,
                        m.files().stream()
                                .map(f -> new ArtifactFile(f.name(), f.sha256(), f.bytes(), f.chunks() + 1))
                                .toList()));
        refused("v2", "is missing");
    }

    @Test
    void pickleFileIsRefused() throws Exception {
        publish("v2", 2, m -> {
            List<ArtifactFile> files = new ArrayList<>(m.files());
            files.add(new ArtifactFile("adapter_model.bin", "d".repeat(64), 10, 1));
            return with(m, files);
        });
        refused("v2", "adapter_model.bin may not be part");
    }

    @Test
    void wrongBaseModelIsRefused() throws Exception {
        publish("v2", 2, m -> topic.manifest("v2", m.kind(), "other", TinyAdapter.BASE_SHA256, m.lora(), m.files()));
        refused("v2", "base model other");
    }

    @Test
    void wholeModelIsRefusedWithTheWayToServeIt() throws Exception {
        publish(
                "v2",
                2,
                m -> topic.manifest(
                        "v2",
                        AdapterManifest.Kind.MODEL,
                        TinyAdapter.BASE,
                        TinyAdapter.BASE_SHA256,
                        Optional.empty(),
                        m.files()));
        refused("v2", "is a whole model");
    }

    @Test
    void wrongBaseWeightsAreRefused() throws Exception {
        publish("v2", 2, m -> topic.manifest("v2", m.kind(), TinyAdapter.BASE, "e".repeat(64), m.lora(), m.files()));
        refused("v2", "this service runs " + TinyAdapter.BASE_SHA256);
    }

    @Test
    void rankThatIsNotTheManifestsIsRefused() throws Exception {
        publish(
                "v2",
                2,
                m -> topic.manifest(
                        "v2",
                        m.kind(),
                        TinyAdapter.BASE,
                        TinyAdapter.BASE_SHA256,
                        Optional.of(new RoundConfig.Lora(
                                16, 16, 0, m.lora().orElseThrow().targets())),
                        m.files()));
        refused("v2", "has r 8, the manifest 16");
    }

    @Test
    void shapeThatIsNotOfTheRankIsRefused() throws Exception {
        Path adapter = adapter(2);
        Files.write(adapter.resolve("adapter_model.safetensors"), TinyAdapter.safetensors(TinyAdapter.shapes(16), 2));
        topic.publish("v2", adapter, m -> m);
        refused("v2", "not of rank 8");
    }

    @Test
    void valuesThatAreNotFiniteAreRefused() throws Exception {
        Path adapter = adapter(Float.NaN);
        topic.publish("v2", adapter, m -> m);
        refused("v2", "not finite");
    }

    @Test
    void doraIsRefused() throws Exception {
        Path adapter = adapter(2);
        Map<String, Object> config = TinyAdapter.config("CAUSAL_LM");
        config.put("use_dora", true);
        Files.write(adapter.resolve("adapter_config.json"), EventJson.write(config));
        topic.publish("v2", adapter, m -> m);
        refused("v2", "use_dora");
    }

    @Test
    void rewardAdapterIsRefused() throws Exception {
        Path adapter = TinyAdapter.write(folder.resolve("reward"), AdapterManifest.Kind.REWARD, 1);
        topic.sendFiles(adapter);
        topic.sendManifest(topic.describe("v2", adapter, AdapterManifest.Kind.REWARD));
        refused("v2", "only POLICY");
    }

    @Test
    void poisonManifestIsRefused() throws Exception {
        topic.send(Topics.ADAPTERS, project + "/v2", "{not json".getBytes(UTF_8));
        refused("v2", "not a valid AdapterManifest");
    }

    @Test
    void manifestUnderAnotherVersionsKeyIsRefused() throws Exception {
        Path adapter = adapter(2);
        topic.send(
                Topics.ADAPTERS,
                project + "/v2",
                EventJson.write(topic.describe("v3", adapter, AdapterManifest.Kind.POLICY)));
        refused("v2", "is of " + project + "/v3");
    }

    @Test
    void poisonPointerIsIgnored() throws Exception {
        publish("v1", 1);
        AdapterClient client = start(instance);
        topic.send(Topics.CHANNELS, ChannelPointer.key(project, CHANNEL), new byte[] {(byte) 0xff, 0});

        topic.point(CHANNEL, "v1", 1);

        topic.awaitLoad(instance, 1);
        assertEquals(Optional.of("v1"), client.runningVersion());
    }

    @Test
    void serviceThatDoesNotTakeItKeepsTheFormerOne() throws Exception {
        publish("v1", 1);
        publish("v2", 2);
        AdapterClient client = start(instance, adapter -> {
            if (adapter.isPresent() && adapter.get().version().equals("v2")) {
                throw new IllegalStateException("no room on the device");
            }
        });
        topic.point(CHANNEL, "v1", 1);
        topic.awaitLoad(instance, 1);

        topic.point(CHANNEL, "v2", 2);

        AdapterLoad load = topic.awaitLoad(instance, 2);
        assertEquals(AdapterLoad.Status.REFUSED, load.status());
        assertTrue(load.problem().orElse("").contains("no room on the device"));
        assertEquals(Optional.of("v1"), client.runningVersion());
    }

    @Test
    void startsFromItsCacheWhereKafkaIsAway() throws Exception {
        publish("v1", 1);
        start(instance);
        topic.point(CHANNEL, "v1", 1);
        topic.awaitLoad(instance, 1);
        clients.removeFirst().close();
        swaps.clear();

        AdapterClient again = start(instance, "127.0.0.1:1", this::swapped);

        assertEquals(Optional.of("v1"), again.runningVersion());
        assertEquals(List.of("v1"), swaps);
    }

    @Test
    void damagedCacheIsFetchedAgain() throws Exception {
        publish("v1", 1);
        start(instance);
        topic.point(CHANNEL, "v1", 1);
        topic.awaitLoad(instance, 1);
        clients.removeFirst().close();
        try (var files = Files.walk(folder.resolve(instance))) {
            for (Path weights :
                    files.filter(f -> f.endsWith("adapter_model.safetensors")).toList()) {
                Files.writeString(weights, "damaged");
            }
        }
        swaps.clear();

        AdapterClient again = start(instance);

        assertTrue(again.awaitCaughtUp(Duration.ofSeconds(30)));
        assertEquals(Optional.of("v1"), again.runningVersion());
        assertEquals(List.of("v1"), swaps);
    }

    @Test
    void chunksAreFoundWhereTheHintIsWrong() throws Exception {
        publish(
                "v1",
                1,
                m -> with(
                        m,
                        m.files().stream()
                                .map(f -> new ArtifactFile(
                                        f.name(),
                                        f.sha256(),
                                        f.bytes(),
                                        1,
                                        List.of(new AdapterManifest.ChunkLocation(7, 12345))))
                                .toList()));
        AdapterClient client = start(instance);

        topic.point(CHANNEL, "v1", 1);

        assertEquals(AdapterLoad.Status.LOADED, topic.awaitLoad(instance, 1).status());
        assertEquals(Optional.of("v1"), client.runningVersion());
    }

    private void refused(String version, String why) throws Exception {
        publish("v1", 1);
        AdapterClient client = start(instance);
        topic.point(CHANNEL, "v1", 1);
        topic.awaitLoad(instance, 1);

        topic.point(CHANNEL, version, 2);

        AdapterLoad load = topic.awaitLoad(instance, 2);
        assertEquals(AdapterLoad.Status.REFUSED, load.status());
        assertTrue(load.problem().orElse("").contains(why), load.problem().orElse(""));
        assertEquals(Optional.of("v1"), load.runningVersion());
        assertEquals(Optional.of("v1"), client.runningVersion());
        assertEquals(List.of("v1"), swaps);
    }

    private Path adapter(float value) throws Exception {
        return TinyAdapter.write(folder.resolve("adapter-" + value), AdapterManifest.Kind.POLICY, value);
    }

    private void publish(String version, float value) throws Exception {
        publish(version, value, m -> m);
    }

    private void publish(String version, float value, java.util.function.UnaryOperator<AdapterManifest> change)
            throws Exception {
        topic.publish(version, adapter(value), change);
    }

    private AdapterManifest with(AdapterManifest m, List<ArtifactFile> files) {
        return topic.manifest(m.version(), m.kind(), TinyAdapter.BASE, TinyAdapter.BASE_SHA256, m.lora(), files);
    }

    private void swapped(Optional<ServedAdapter> adapter) {
        swaps.add(adapter.map(ServedAdapter::version).orElse("base"));
    }

    private AdapterClient start(String instanceId) throws Exception {
        return start(instanceId, this::swapped);
    }

    private AdapterClient start(String instanceId, AdapterSwap swap) throws Exception {
        return start(instanceId, SharedServers.bootstrapServers(), swap);
    }

    private AdapterClient start(String instanceId, String bootstrapServers, AdapterSwap swap) throws Exception {
        AdapterClient client = AdapterClient.start(
                new AdapterClientConfig(
                        Map.of("bootstrap.servers", bootstrapServers),
                        instanceId,
                        project,
                        CHANNEL,
                        folder.resolve(instanceId),
                        Expectation.of(TinyAdapter.BASE, TinyAdapter.BASE_SHA256),
                        Duration.ofMillis(100)),
                swap);
        clients.add(client);
        return client;
    }
}
