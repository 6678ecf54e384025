package dev.podium.objectstore;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.contracts.adapter.ArtifactStore;
import dev.podium.embedded.testing.SharedS3;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Against a server that checks signatures, see {@link SharedS3}. */
class S3ArtifactStoreTest {
    private static final long PART_BYTES = 5L << 20;

    @TempDir
    static Path folder;

    @Test
    void whatIsStoredComesBackAndIsListedAndDeleted() throws Exception {
        try (ArtifactStore store = store(Map.of())) {
            Path file = random(100_000);
            store.put("artifacts/p/v1/abc", file);
            store.put("artifacts/p/v%2F2/abc", file);

            Path back = folder.resolve("back");
            store.get("artifacts/p/v1/abc", back, 100_000);

            assertArrayEquals(Files.readAllBytes(file), Files.readAllBytes(back));
            List<ArtifactStore.Stored> listed = store.list("artifacts/p/");
            assertEquals(
                    List.of("artifacts/p/v%2F2/abc", "artifacts/p/v1/abc"),
                    listed.stream().map(ArtifactStore.Stored::name).sorted().toList());
            assertEquals(100_000, listed.getFirst().bytes());
            assertEquals("artifacts/p/v1/abc", store.name(store.location("artifacts/p/v1/abc")));
            store.delete("artifacts/p/v1/abc");
            store.delete("artifacts/p/v1/abc");
            store.delete("artifacts/p/v%2F2/abc");
            assertEquals(List.of(), store.list("artifacts/p/"));
        }
    }

    @Test
    void aLargeFileGoesInParts() throws Exception {
        try (ArtifactStore store = new S3ArtifactStore(settings(Map.of()), PART_BYTES, Duration.ofMinutes(2))) {
            Path file = random((int) (2 * PART_BYTES + 12_345));
            store.put("large", file);
            Path back = folder.resolve("large-back");
            store.get("large", back, Files.size(file));
            assertEquals(-1, Files.mismatch(file, back));
            store.delete("large");
        }
    }

    @Test
    void whatIsNotThereIsMissingAndWhatIsTooLargeIsNotRead() throws Exception {
        try (ArtifactStore store = store(Map.of())) {
            assertThrows(NoSuchFileException.class, () -> store.get("artifacts/none", folder.resolve("none"), 10));
            store.put("big", random(1_000));
            IOException refusal = assertThrows(IOException.class, () -> store.get("big", folder.resolve("big"), 999));
            assertTrue(refusal.getMessage().contains("more than 999"), refusal.getMessage());
        }
    }

    @Test
    void aWrongSecretOrASilentServerIsAnErrorThatMayPass() {
        try (ArtifactStore store = store(Map.of("podium.store.secret.access.key", "another"))) {
            IOException refusal = assertThrows(IOException.class, () -> store.get("x", folder.resolve("x"), 10));
            assertFalse(refusal instanceof NoSuchFileException);
            assertTrue(refusal.getMessage().contains("HTTP 403"), refusal.getMessage());
            assertFalse(refusal.getMessage().contains("another"), "the secret is in the message");
        }
        try (ArtifactStore store = store(Map.of("podium.store.endpoint", "http://127.0.0.1:1"))) {
            assertThrows(IOException.class, () -> store.list("x"));
        }
    }

    /** It takes connections and says nothing; each attempt alone would wait for it for a minute. */
    @Test
    @Timeout(30)
    void aSilentServerIsWaitedForNoLongerThanACallMayTake() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
                ArtifactStore store = new S3ArtifactStore(
                        settings(Map.of("podium.store.endpoint", "http://127.0.0.1:" + silent.getLocalPort())),
                        PART_BYTES,
                        Duration.ofSeconds(1))) {
            Path file = random(10);

            assertThrows(IOException.class, () -> store.list("checkpoints/"));
            assertThrows(IOException.class, () -> store.put("checkpoints/a", file));
        }
    }

    @Test
    void noReferenceLeadsOutOfTheConfiguredPlaces() throws Exception {
        try (ArtifactStore store = store(Map.of(
                "podium.store.url", "s3://podium-test/podium", "podium.store.also.read", "s3://old-bucket/models"))) {
            assertEquals("s3://old-bucket/models/a", store.name("s3://old-bucket/models/a"));
            for (String elsewhere : List.of(
                    "s3://podium-test/other/artifacts/a",
                    "s3://podium-test/podium/../other/a",
                    "s3://podium-test/podium//a",
                    "s3://podium-test/podium/a?versionId=1",
                    "s3://podium-test-other/podium/a",
                    "s3://old-bucket/modelsx/a",
                    "file:///etc/passwd",
                    "http://169.254.169.254/latest/meta-data",
                    "s3://podium-test/podium/a\u0000b")) {
                ArtifactException refusal =
                        assertThrows(ArtifactException.class, () -> store.name(elsewhere), elsewhere);
                assertFalse(refusal.getMessage().contains("\u0000"));
            }
            assertThrows(IOException.class, () -> store.put("../x", random(1)));
        }
    }

    @Test
    void settingsThatAreHalfOrWrongAreNamed() {
        assertEquals(Optional.empty(), StoreSettings.from(name -> Optional.empty()));
        assertThrows(IllegalArgumentException.class, () -> settings(Map.of("podium.store.url", "https://x/y")));
        assertThrows(IllegalArgumentException.class, () -> settings(Map.of("podium.store.url", "s3://buck/a/../b")));
        assertThrows(IllegalArgumentException.class, () -> settings(Map.of("podium.store.secret.access.key", " ")));
    }

    private static ArtifactStore store(Map<String, String> changes) {
        return new S3ArtifactStore(settings(changes));
    }

    private static StoreSettings settings(Map<String, String> changes) {
        Map<String, String> all = SharedS3.settings(changes);
        return StoreSettings.from(name -> Optional.ofNullable(all.get(name))).orElseThrow();
    }

    private static Path random(int bytes) throws IOException {
        byte[] content = new byte[bytes];
        new Random(bytes).nextBytes(content);
        return Files.write(folder.resolve("random-" + bytes), content);
    }
}
