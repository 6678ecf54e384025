package dev.podium.training.round;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.adapter.ArtifactStore;
import dev.podium.embedded.testing.SharedS3;
import dev.podium.objectstore.S3ArtifactStore;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointMirrorTest {
    @TempDir
    Path folder;

    /** Else each checkpoint would hold up the training for as long as the store is waited for. */
    @Test
    void aStoreThatFailsIsLeftAloneForAWhile() throws Exception {
        AtomicLong now = new AtomicLong();
        AtomicInteger asked = new AtomicInteger();
        Files.writeString(folder.resolve("checkpoint.bin"), "2 1.0");
        try (ServerSocket broken = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
                ArtifactStore store = store(broken.getLocalPort())) {
            Thread.ofVirtual().start(() -> hangUp(broken, asked));
            CheckpointMirror mirror = new CheckpointMirror(Optional.of(store), now::get);

            mirror.save("r-1", folder, 2);
            int first = asked.get();
            mirror.save("r-1", folder, 4);
            int second = asked.get();
            now.addAndGet(Duration.ofMinutes(11).toNanos());
            mirror.save("r-1", folder, 6);

            assertEquals(first, second, "asked again at once");
            assertTrue(asked.get() > first, "not asked again after a while");
            assertEquals(
                    "6", Files.readString(folder.resolve("checkpoint-step")).strip());
        }
    }

    private static void hangUp(ServerSocket broken, AtomicInteger asked) {
        while (true) {
            try (Socket caller = broken.accept()) {
                asked.incrementAndGet();
                caller.shutdownOutput();
            } catch (IOException e) {
                return;
            }
        }
    }

    private static ArtifactStore store(int port) {
        Map<String, String> settings = SharedS3.settings(Map.of("podium.store.endpoint", "http://127.0.0.1:" + port));
        return S3ArtifactStore.configured(name -> Optional.ofNullable(settings.get(name)))
                .orElseThrow();
    }
}
