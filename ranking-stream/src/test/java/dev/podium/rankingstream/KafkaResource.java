package dev.podium.rankingstream;

import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import java.util.Map;
import java.util.UUID;

/** The tests' broker, and an application id and state of its own, for the Quarkus application. */
public final class KafkaResource implements QuarkusTestResourceLifecycleManager {
    @Override
    public Map<String, String> start() {
        String id = "stream-" + UUID.randomUUID();
        return Map.of(
                "kafka.bootstrap.servers", Broker.sharedServers(),
                "quarkus.kafka-streams.application-id", id,
                "quarkus.http.test-port", "0",
                "podium.topics.partitions", "3",
                "podium.topics.replication", "1",
                "podium.unknown-task.park", "2S",
                "podium.work.dir", "target/" + id,
                // The broker runs in this JVM and tells much.
                "quarkus.log.category.\"kafka\".level", "WARN",
                "quarkus.log.category.\"state.change.logger\".level", "WARN");
    }

    @Override
    public void stop() {
        // The broker is shared with the other tests.
    }
}
