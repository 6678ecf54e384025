package dev.podium.training.publish;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.Topics;
import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.contracts.adapter.ArtifactFiles;
import dev.podium.contracts.adapter.ArtifactReader;
import dev.podium.contracts.adapter.ArtifactStore;
import dev.podium.contracts.adapter.ManifestSigner;
import dev.podium.contracts.adapter.ManifestTrust;
import dev.podium.contracts.adapter.Manifests;
import dev.podium.contracts.adapter.SignedManifest;
import dev.podium.contracts.adapter.SigningKey;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.embedded.testing.SharedS3;
import dev.podium.embedded.testing.SharedServers;
import dev.podium.objectstore.S3ArtifactStore;
import dev.podium.training.round.RoundFailure;
import dev.podium.training.round.RoundLog;
import dev.podium.training.round.TinyAdapter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdapterPublisherTest {
    @TempDir
    Path folder;

    private final String project = "p" + UUID.randomUUID();
    private RoundLog log;
    private AdapterPublisher publisher;

    @BeforeEach
    void connect() throws Exception {
        log = new RoundLog(SharedServers.bootstrapServers());
        publisher = new AdapterPublisher(log.kafka(), "/policy-trainer");
    }

    @AfterEach
    void disconnect() {
        log.close();
    }

    @Test
    void readersSeeNothingOfATransactionThatDiesInTheMiddle() throws Exception {
        AdapterPublisher.Publication publication = publication("r1", "v1", 3);
        int committedBefore = log.read(Topics.ARTIFACT_CHUNKS).size();
        int allBefore = log.countUncommitted(Topics.ARTIFACT_CHUNKS);
        // The adapter's chunks are sent, then the data set cannot be read.
        Files.delete(publication.dataSet().orElseThrow());

        assertThrows(IOException.class, () -> publisher.publish(publication, success("r1", "v1")));

        assertTrue(log.countUncommitted(Topics.ARTIFACT_CHUNKS) > allBefore);
        assertEquals(committedBefore, log.read(Topics.ARTIFACT_CHUNKS).size());
        assertEquals(Optional.empty(), manifest("v1"));
        assertTrue(log.events("r1").isEmpty());
    }

    @Test
    void artifactOfSeveralChunksComesBackWhole() throws Exception {
        AdapterPublisher.Publication publication = publication("r2", "v1", 2 * Topics.MAX_CHUNK_BYTES + 17);

        assertEquals(AdapterPublisher.Outcome.PUBLISHED, publisher.publish(publication, success("r2", "v1")));

        AdapterManifest.ArtifactFile dataSet =
                manifest("v1").orElseThrow().dataSet().orElseThrow();
        assertEquals(3, dataSet.chunks());
        Path back = folder.resolve("back");
        try (BoundedReader reader = BoundedReader.connect(log.kafka())) {
            new ArtifactReader(reader).fetch(dataSet, back);
        }
        assertEquals(-1, Files.mismatch(publication.dataSet().orElseThrow(), back));
    }

    @Test
    void sameRoundPublishesOnce() throws Exception {
        AdapterPublisher.Publication publication = publication("r3-" + project, "v1", 3);
        publisher.publish(publication, success("r3-" + project, "v1"));

        assertEquals(
                AdapterPublisher.Outcome.ALREADY_PUBLISHED,
                publisher.publish(publication, success("r3-" + project, "v1")));

        assertEquals(1, log.events("r3-" + project, RoundEvent.Succeeded.class).size());
    }

    @Test
    void secondRoundWithTheSameVersionIsRefused() throws Exception {
        publisher.publish(publication("r4", "v1", 3), success("r4", "v1"));

        RoundFailure refused = assertThrows(
                RoundFailure.class, () -> publisher.publish(publication("r5", "v1", 3), success("r5", "v1")));

        assertEquals("version_taken", refused.code());
        assertEquals("r4", manifest("v1").orElseThrow().roundId());
    }

    @Test
    void zombieInMidTransactionIsFencedByTheNextPublisher() throws Exception {
        // A publisher that stands still with an open transaction, as a frozen process would.
        Map<String, Object> properties = Map.of(
                "bootstrap.servers",
                SharedServers.bootstrapServers(),
                "transactional.id",
                "podium-adapter-" + project + "/v1");
        try (var zombie = new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            zombie.initTransactions();
            zombie.beginTransaction();
            zombie.send(EventRecords.of(success("zombie-" + project, "v1"), "/zombie", new RoundTraces()))
                    .get();

            publisher.publish(publication("r6", "v1", 3), success("r6", "v1"));

            assertThrows(ProducerFencedException.class, zombie::commitTransaction);
        }
        assertTrue(log.events("zombie-" + project).isEmpty());
        assertEquals("r6", manifest("v1").orElseThrow().roundId());
    }

    @Test
    void ofTwoTrainersAtOnceOnePublishes() throws Exception {
        CountDownLatch together = new CountDownLatch(2);
        var results = List.of("ra", "rb").stream()
                .map(name -> {
                    var task = new java.util.concurrent.FutureTask<String>(() -> {
                        AdapterPublisher.Publication publication = publication(name + project, "v1", 3);
                        together.countDown();
                        assertTrue(together.await(30, TimeUnit.SECONDS));
                        try {
                            return publisher
                                    .publish(publication, success(name + project, "v1"))
                                    .name();
                        } catch (RoundFailure e) {
                            return e.code();
                        }
                    });
                    Thread.ofPlatform().daemon().start(task);
                    return task;
                })
                .toList();
        int published = 0;
        for (var result : results) {
            published += result.get(60, TimeUnit.SECONDS).equals("PUBLISHED") ? 1 : 0;
        }

        assertEquals(1, published);
        int succeeded = log.events("ra" + project, RoundEvent.Succeeded.class).size()
                + log.events("rb" + project, RoundEvent.Succeeded.class).size();
        assertEquals(1, succeeded);
    }

    @Test
    void largeFilesGoToTheObjectStoreAndTheManifestIsSigned() throws Exception {
        SigningKey key = SigningKey.generate();
        Path keys = Files.writeString(folder.resolve("keys"), key.trustLine());
        Map<String, String> settings = SharedS3.settings(Map.of());
        try (ArtifactStore store = S3ArtifactStore.configured(name -> Optional.ofNullable(settings.get(name)))
                .orElseThrow()) {
            AdapterPublisher signing = new AdapterPublisher(
                    log.kafka(),
                    "/policy-trainer",
                    new Publishing(Optional.of(key), ManifestTrust.in(keys), Optional.of(store), 1_000));
            AdapterPublisher.Publication publication = publication("r7", "v1", 5_000);

            signing.publish(publication, success("r7", "v1"));

            try (BoundedReader reader = BoundedReader.connect(log.kafka())) {
                SignedManifest signed =
                        Manifests.findSigned(reader, project, "v1").orElseThrow();
                ManifestTrust.in(keys).check(signed);
                AdapterManifest.ArtifactFile dataSet =
                        signed.manifest().dataSet().orElseThrow();
                assertEquals(
                        settings.get("podium.store.url") + "/artifacts/" + project + "/v1/" + dataSet.sha256(),
                        dataSet.location().orElseThrow());
                Path back = folder.resolve("back");
                new ArtifactReader(reader, Optional.of(store)).fetch(dataSet, back);
                assertEquals(-1, Files.mismatch(publication.dataSet().orElseThrow(), back));
                AdapterManifest.ArtifactFile config = signed.manifest().files().getFirst();
                assertEquals(Optional.empty(), config.location(), "what is small stays in chunks");
                new ArtifactReader(reader).fetch(config, back);
                assertThrows(ArtifactException.class, () -> new ArtifactReader(reader).fetch(dataSet, back));
            }
        }
    }

    @Test
    void whatWasNotSignedIsSignedOnceMoreByteForByte() throws Exception {
        publisher.publish(publication("r8", "v1", 3), success("r8", "v1"));
        SigningKey key = SigningKey.generate();
        Path keys = Files.writeString(folder.resolve("keys"), key.trustLine());
        SignedManifest before = signed("v1");
        assertThrows(ArtifactException.class, () -> ManifestTrust.in(keys).check(before));

        var done = ManifestSigner.sign(
                log.kafka(),
                key,
                found -> found.keyId().isEmpty() && found.key().startsWith(project));

        assertEquals(1, done.size());
        SignedManifest after = signed("v1");
        ManifestTrust.in(keys).check(after);
        assertArrayEquals(before.value(), after.value());
    }

    private SignedManifest signed(String version) throws Exception {
        try (BoundedReader reader = BoundedReader.connect(log.kafka())) {
            return Manifests.findSigned(reader, project, version).orElseThrow();
        }
    }

    private AdapterPublisher.Publication publication(String roundId, String version, int dataSetBytes)
            throws Exception {
        Path adapter = TinyAdapter.write(
                folder.resolve(roundId + version), AdapterManifest.Kind.POLICY, new Random().nextFloat());
        Path dataSet = folder.resolve(roundId + version + ".jsonl");
        byte[] content = new byte[dataSetBytes];
        new Random().nextBytes(content);
        Files.write(dataSet, content);
        AdapterManifest draft = new AdapterManifest(
                project,
                version,
                AdapterManifest.Kind.POLICY,
                roundId,
                RoundKind.DPO,
                new AdapterManifest.BaseModel(TinyAdapter.BASE, TinyAdapter.BASE_SHA256),
                RoundConfig.Dpo.DEFAULT,
                Optional.of(TinyAdapter.LORA),
                AdapterPublisher.describe(
                        adapter, AdapterManifest.Kind.POLICY, TinyAdapter.BASE, Optional.of(TinyAdapter.LORA)),
                Optional.of(ArtifactFiles.describe(dataSet)),
                1,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Map.of(),
                Instant.now());
        return new AdapterPublisher.Publication(draft, adapter, Optional.of(dataSet));
    }

    private RoundEvent.Succeeded success(String roundId, String version) {
        return new RoundEvent.Succeeded(roundId, project, Optional.of(version), Map.of(), Instant.now());
    }

    private Optional<AdapterManifest> manifest(String version) throws Exception {
        try (BoundedReader reader = BoundedReader.connect(log.kafka())) {
            return Manifests.find(reader, project, version);
        }
    }
}
