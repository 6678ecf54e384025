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
import dev.podium.contracts.adapter.BaseShape;
import dev.podium.contracts.adapter.ManifestTrust;
import dev.podium.contracts.adapter.SigningKey;
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
    private final SigningKey key = SigningKey.generate();
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
    void anInstanceSaysThatItIsThereAndTakesItsReportBackWhenItEnds() throws Exception {
        publish("v1", 1);
        topic.point(CHANNEL, "v1", 1);
        AdapterClient client = start(config(instance, SharedServers.bootstrapServers(), folder.resolve(instance))
                .reportingEvery(Duration.ofMillis(20)));
        AdapterLoad first = topic.awaitLoad(instance, 1);

        AdapterLoad later = topic.awaitLoad(instance, 1, load -> load.at().isAfter(first.at()));

        assertEquals(Optional.of(1L), later.reportsEverySeconds());
        assertEquals(first.swapMillis(), later.swapMillis());
        client.close();
        assertEquals(Optional.empty(), topic.newestLoad(instance));
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

    @Test
    void signedManifestIsTakenAndUnsignedOrForgedOnesAreNot() throws Exception {
        Path keys = Files.writeString(folder.resolve("keys"), key.trustLine());
        AdapterManifest signed = sendFiles("v1", 1);
        topic.sendSigned(signed, key);
        publish("v2", 2);
        topic.sendSigned(sendFiles("v3", 3), SigningKey.generate());
        AdapterClient client = start(config(instance).trusting(ManifestTrust.in(keys)));
        topic.point(CHANNEL, "v1", 1);
        assertEquals(AdapterLoad.Status.LOADED, topic.awaitLoad(instance, 1).status());

        topic.point(CHANNEL, "v2", 2);
        topic.point(CHANNEL, "v3", 3);

        assertRefused(topic.awaitLoad(instance, 3), "not trusted here");
        topic.point(CHANNEL, "v2", 4);
        assertRefused(topic.awaitLoad(instance, 4), "is not signed");
        assertEquals(Optional.of("v1"), client.runningVersion());
        assertEquals(List.of("v1"), swaps);
    }

    @Test
    void onlySignedPointersAreFollowedWhereTheirKeysAreConfigured() throws Exception {
        SigningKey next = SigningKey.generate();
        Path keys = Files.writeString(folder.resolve("pointer-keys"), key.trustLine());
        publish("v1", 1);
        publish("v2", 2);
        publish("v3", 3);
        AdapterClient client = start(config(instance).following(ManifestTrust.in(keys)));
        topic.pointSigned(CHANNEL, "v2", 1, key);
        topic.awaitLoad(instance, 1);

        // Unsigned, signed by a stranger, and a signed one of before: none of them leads back.
        topic.point(CHANNEL, "v1", 2);
        topic.pointSigned(CHANNEL, "v1", 3, SigningKey.generate());
        topic.pointSigned(CHANNEL, "v1", 1, key);
        Files.writeString(keys, key.trustLine() + "\n" + next.trustLine());
        topic.pointSigned(CHANNEL, "v3", 4, next);

        assertEquals(AdapterLoad.Status.LOADED, topic.awaitLoad(instance, 4).status());
        assertEquals(Optional.of("v3"), client.runningVersion());
        assertEquals(List.of("v2", "v3"), swaps);
    }

    @Test
    void aRotationNeedsNoRestartAndARevokedKeyStartsNothing() throws Exception {
        SigningKey next = SigningKey.generate();
        Path keys = Files.writeString(folder.resolve("keys"), key.trustLine());
        topic.sendSigned(sendFiles("v1", 1), key);
        topic.sendSigned(sendFiles("v2", 2), next);
        start(config(instance).trusting(ManifestTrust.in(keys)));
        topic.point(CHANNEL, "v1", 1);
        topic.awaitLoad(instance, 1);

        Files.writeString(keys, key.trustLine() + "\n" + next.trustLine());
        topic.point(CHANNEL, "v2", 2);
        assertEquals(AdapterLoad.Status.LOADED, topic.awaitLoad(instance, 2).status());

        clients.removeFirst().close();
        Files.writeString(keys, key.trustLine() + "\nrevoked " + next.id());
        AdapterClient again =
                start(config(instance, "127.0.0.1:1", folder.resolve(instance)).trusting(ManifestTrust.in(keys)));
        assertEquals(Optional.empty(), again.runningVersion());
    }

    @Test
    void rollBackToACachedVersionNeedsNoChunks() throws Exception {
        publish("v1", 1);
        publish("v2", 2);
        AdapterClient client = start(instance);
        topic.point(CHANNEL, "v1", 1);
        topic.awaitLoad(instance, 1);
        topic.point(CHANNEL, "v2", 2);
        topic.awaitLoad(instance, 2);
        topic.removeChunks(topic.describe("v1", adapter(1), AdapterManifest.Kind.POLICY));

        topic.point(CHANNEL, "v1", 3);

        assertEquals(AdapterLoad.Status.LOADED, topic.awaitLoad(instance, 3).status());
        assertEquals(Optional.of("v1"), client.runningVersion());
    }

    @Test
    void shapeThatIsNotTheBasesIsRefused() throws Exception {
        publish("v1", 1);
        BaseShape wider = new BaseShape(2, 8, 16, 2, 2, 4);
        AdapterClient client = start(new AdapterClientConfig(
                Map.of("bootstrap.servers", SharedServers.bootstrapServers()),
                instance,
                project,
                CHANNEL,
                folder.resolve(instance),
                Expectation.of(TinyAdapter.BASE, TinyAdapter.BASE_SHA256).shaped(wider),
                Duration.ofMillis(100)));

        topic.point(CHANNEL, "v1", 1);

        assertRefused(topic.awaitLoad(instance, 1), "the base model's q_proj is 8");
        assertEquals(Optional.empty(), client.runningVersion());
    }

    @Test
    void whatADiskOrAStoreDoesNotDoNowIsTriedAgainUntilItDoes() throws Exception {
        MemoryStore store = new MemoryStore();
        AdapterManifest manifest = sendFiles("v1", 1);
        topic.sendManifest(with(manifest, store.take(manifest, adapter(1))));
        store.fail(3);
        AdapterClient client = start(config(instance).fetchingFrom(Optional.of(store)));

        topic.point(CHANNEL, "v1", 1);

        AdapterLoad first = topic.awaitLoad(instance, 1);
        assertRefused(first, "does not answer; it is tried again");
        assertEquals(Optional.of(true), first.retrying());
        AdapterLoad last = topic.awaitLoad(instance, 1, load -> load.status() == AdapterLoad.Status.LOADED);
        assertEquals(Optional.of("v1"), last.runningVersion());
        assertEquals(Optional.of("v1"), client.runningVersion());
    }

    @Test
    void aReferenceIsFollowedIntoTheConfiguredStoreOnly() throws Exception {
        MemoryStore store = new MemoryStore();
        AdapterManifest manifest = sendFiles("v1", 1);
        topic.sendManifest(with(
                manifest,
                manifest.files().stream()
                        .map(file -> file.at("memory://elsewhere/" + file.sha256()))
                        .toList()));
        start(config(instance).fetchingFrom(Optional.of(store)));
        topic.point(CHANNEL, "v1", 1);
        assertRefused(topic.awaitLoad(instance, 1), "not in this store");

        start(config(instance + "b"));
        assertRefused(topic.awaitLoad(instance + "b", 1), "configured for none");
    }

    @Test
    void anObjectThatWasExchangedIsRefused() throws Exception {
        MemoryStore store = new MemoryStore();
        AdapterManifest manifest = sendFiles("v1", 1);
        List<ArtifactFile> files = store.take(manifest, adapter(1));
        topic.sendManifest(with(manifest, files));
        store.exchange(files.get(1), new byte[(int) files.get(1).bytes()]);
        start(config(instance).fetchingFrom(Optional.of(store)));

        topic.point(CHANNEL, "v1", 1);

        assertRefused(topic.awaitLoad(instance, 1), "in the object store has");
    }

    @Test
    void aShareOfTheInstancesRunsTheCanary() throws Exception {
        publish("v1", 1);
        publish("v2", 2);
        ChannelPointer.Canary canary = new ChannelPointer.Canary("v2", 50, ChannelPointer.Canary.By.INSTANCES);
        topic.point(CHANNEL, "v1", 1, canary);
        ChannelPointer pointer = new ChannelPointer(
                project,
                CHANNEL,
                Optional.of("v1"),
                1,
                "operator",
                Optional.empty(),
                java.time.Instant.now(),
                Optional.of(canary));
        String in = first(pointer, true);
        String out = first(pointer, false);

        start(in);
        start(out);

        assertEquals(Optional.of("v2"), topic.awaitLoad(in, 1).runningVersion());
        assertEquals(Optional.of("v1"), topic.awaitLoad(out, 1).runningVersion());
        topic.point(CHANNEL, "v1", 2);
        assertEquals(Optional.of("v1"), topic.awaitLoad(in, 2).runningVersion());
    }

    @Test
    void aShareOfTheRequestsGoesToTheCanaryAndErrorsAreReported() throws Exception {
        publish("v1", 1);
        publish("v2", 2);
        try (HotSwap<Held> swap = new HotSwap<>(adapter -> new Held(adapter.version()))) {
            AdapterClient client = start(config(instance).reportingEvery(Duration.ofMillis(50)), swap);
            topic.point(CHANNEL, "v1", 1, new ChannelPointer.Canary("v2", 30, ChannelPointer.Canary.By.REQUESTS));
            topic.awaitLoad(instance, 1);

            int canary = 0;
            for (int i = 0; i < 200; i++) {
                try (HotSwap.Lease<Held> lease = swap.lease("conversation-" + i)) {
                    if (lease.version().equals(Optional.of("v2"))) {
                        canary++;
                        client.failed(lease.version());
                    } else {
                        client.answered(lease.version());
                    }
                }
            }

            int expected = canary;
            assertTrue(canary > 30 && canary < 90, "canary got " + canary + " of 200");
            AdapterLoad load = topic.awaitLoad(
                    instance,
                    1,
                    l -> l.traffic().map(t -> t.requests() + t.canaryRequests()).orElse(0L) == 200);
            assertEquals(
                    new AdapterLoad.Traffic(200 - expected, 0, expected, expected),
                    load.traffic().orElseThrow());
            topic.point(CHANNEL, "v2", 2);
            topic.awaitLoad(instance, 2);
            try (HotSwap.Lease<Held> lease = swap.lease("conversation-1")) {
                assertEquals(Optional.of("v2"), lease.version());
            }
        }
    }

    /** Its cache knows what answers, but neither the canary nor that this process has not reported yet. */
    @Test
    void anInstanceThatIsStartedAnewTakesItsCanaryAgainAndReportsItsRequests() throws Exception {
        publish("v1", 1);
        publish("v2", 2);
        AdapterClientConfig config = config(instance).reportingEvery(Duration.ofMillis(50));
        try (HotSwap<Held> before = new HotSwap<>(adapter -> new Held(adapter.version()))) {
            start(config, before);
            topic.point(CHANNEL, "v1", 7, new ChannelPointer.Canary("v2", 50, ChannelPointer.Canary.By.REQUESTS));
            topic.awaitLoad(instance, 7);
            clients.removeFirst().close();
        }

        try (HotSwap<Held> again = new HotSwap<>(adapter -> new Held(adapter.version()))) {
            AdapterClient client = start(config, again);
            assertEquals(Optional.of("v1"), client.runningVersion());
            assertTrue(client.awaitCaughtUp(Duration.ofSeconds(30)));

            int canary = 0;
            for (int i = 0; i < 40; i++) {
                try (HotSwap.Lease<Held> lease = again.lease("conversation-" + i)) {
                    canary += lease.version().equals(Optional.of("v2")) ? 1 : 0;
                    client.answered(lease.version());
                }
            }
            int expected = canary;
            assertTrue(expected > 0 && expected < 40, "canary got " + expected + " of 40");
            topic.awaitLoad(
                    instance,
                    7,
                    load -> load.traffic()
                            .map(t -> t.canaryRequests() == expected && t.requests() == 40 - expected)
                            .orElse(false));
        }
    }

    @Test
    void aServiceThatHoldsOneAdapterSaysThatItTakesNoShareOfRequests() throws Exception {
        publish("v1", 1);
        publish("v2", 2);
        AdapterClient client = start(instance);

        topic.point(CHANNEL, "v1", 1, new ChannelPointer.Canary("v2", 30, ChannelPointer.Canary.By.REQUESTS));

        AdapterLoad load = topic.awaitLoad(instance, 1);
        assertRefused(load, "a share of the instances");
        assertEquals(Optional.of("v1"), client.runningVersion());
    }

    private record Held(String version) implements AutoCloseable {
        @Override
        public void close() {
            // Nothing is held.
        }
    }

    private String first(ChannelPointer pointer, boolean in) {
        for (int i = 0; ; i++) {
            if (pointer.isInCanary(instance + i) == in) {
                return instance + i;
            }
        }
    }

    private static void assertRefused(AdapterLoad load, String why) {
        assertEquals(AdapterLoad.Status.REFUSED, load.status());
        assertTrue(load.problem().orElse("").contains(why), load.problem().orElse(""));
    }

    private AdapterManifest sendFiles(String version, float value) throws Exception {
        topic.sendFiles(adapter(value));
        return topic.describe(version, adapter(value), AdapterManifest.Kind.POLICY);
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
        return start(config(instanceId, bootstrapServers, folder.resolve(instanceId)), swap);
    }

    private AdapterClient start(AdapterClientConfig config) throws Exception {
        return start(config, this::swapped);
    }

    private AdapterClient start(AdapterClientConfig config, AdapterSwap swap) throws Exception {
        AdapterClient client = AdapterClient.start(config, swap);
        clients.add(client);
        return client;
    }

    private AdapterClientConfig config(String instanceId) {
        return config(instanceId, SharedServers.bootstrapServers(), folder.resolve(instanceId));
    }

    private AdapterClientConfig config(String instanceId, String bootstrapServers, Path cache) {
        return new AdapterClientConfig(
                Map.of("bootstrap.servers", bootstrapServers),
                instanceId,
                project,
                CHANNEL,
                cache,
                Expectation.of(TinyAdapter.BASE, TinyAdapter.BASE_SHA256),
                Duration.ofMillis(100));
    }
}
