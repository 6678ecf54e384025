package dev.podium.adapterclient;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/**
 * How a service instance follows a channel.
 *
 * @param kafka client configuration, at least {@code bootstrap.servers}
 * @param instanceId unique per running instance, stable over restarts: under it the loads are reported
 * @param cacheDir folder of this instance alone; with it the service starts where Kafka is away
 * @param retryPause between attempts while Kafka is away
 */
public record AdapterClientConfig(
        Map<String, Object> kafka,
        String instanceId,
        String projectId,
        String channel,
        Path cacheDir,
        Expectation expectation,
        Duration retryPause) {
    public AdapterClientConfig {
        kafka = Map.copyOf(kafka);
    }

    public AdapterClientConfig(
            String bootstrapServers,
            String instanceId,
            String projectId,
            String channel,
            Path cacheDir,
            Expectation expectation) {
        this(
                Map.of("bootstrap.servers", bootstrapServers),
                instanceId,
                projectId,
                channel,
                cacheDir,
                expectation,
                Duration.ofSeconds(2));
    }
}
