package dev.podium.adapterclient;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.adapter.ManifestTrust;
import dev.podium.embedded.testing.SharedServers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README shows, for a service in plain Java; in Spring, {@code lookup} is {@code environment::getProperty}. */
class PlainJavaExampleTest {
    @TempDir
    Path folder;

    /** An adapter in the service's own form. */
    record MyAdapter(long bytes) implements AutoCloseable {
        static MyAdapter read(Path peftFolder) throws IOException {
            return new MyAdapter(Files.size(peftFolder.resolve("adapter_model.safetensors")));
        }

        @Override
        public void close() {
            // Memory of a device would be freed here.
        }
    }

    /** From properties of any kind. */
    static AdapterClientConfig settings(Function<String, String> lookup) {
        return new AdapterClientConfig(
                        Map.of("bootstrap.servers", lookup.apply("kafka.bootstrap.servers")),
                        lookup.apply("podium.instance"),
                        lookup.apply("podium.project"),
                        lookup.apply("podium.channel"),
                        Path.of(lookup.apply("podium.cache.dir")),
                        Expectation.of(lookup.apply("podium.base-model"), lookup.apply("podium.base-sha256")),
                        Duration.ofSeconds(2))
                .trusting(ManifestTrust.configured(Optional.ofNullable(lookup.apply("podium.trusted.keys.file"))));
    }

    @Test
    void aServiceOfAFewLinesFollowsAChannel() throws Exception {
        String project = "p" + UUID.randomUUID();
        Map<String, String> properties = Map.of(
                "kafka.bootstrap.servers",
                SharedServers.bootstrapServers(),
                "podium.instance",
                "example-" + project,
                "podium.project",
                project,
                "podium.channel",
                "production",
                "podium.cache.dir",
                folder.resolve("cache").toString(),
                "podium.base-model",
                TinyAdapter.BASE,
                "podium.base-sha256",
                TinyAdapter.BASE_SHA256);
        try (ModelTopic topic = new ModelTopic(SharedServers.bootstrapServers(), project);
                HotSwap<MyAdapter> swap = new HotSwap<>(served -> MyAdapter.read(served.folder()));
                AdapterClient client = AdapterClient.start(settings(properties::get), swap)) {
            Path adapter = TinyAdapter.write(folder.resolve("adapter"), AdapterManifest.Kind.POLICY, 1);
            topic.publish("v1", adapter, manifest -> manifest);
            topic.point("production", "v1", 1);
            topic.awaitLoad("example-" + project, 1);

            try (HotSwap.Lease<MyAdapter> lease = swap.lease("a-conversation")) {
                assertTrue(lease.adapter().orElseThrow().bytes() > 0);
                client.answered(lease.version());
            }

            assertEquals(Optional.of("v1"), client.runningVersion());
        }
    }
}
