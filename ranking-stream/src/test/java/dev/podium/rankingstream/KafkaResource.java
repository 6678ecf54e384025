package dev.podium.rankingstream;

import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import java.util.Map;
import java.util.UUID;

/** The tests' broker, and an application id and state of its own, for the Quarkus application. */
public final class KafkaResource implements QuarkusTestResourceLifecycleManager {
    @Override
    public Map<String, String> start() {
        String id = "stream-" + UUID.randomUUID();
        return Map.ofEntries(
                Map.entry("kafka.bootstrap.servers", Broker.sharedServers()),
                Map.entry("quarkus.kafka-streams.application-id", id),
                Map.entry("quarkus.http.test-port", "0"),
                Map.entry("podium.topics.partitions", "3"),
                Map.entry("podium.topics.replication", "1"),
                Map.entry("podium.unknown-task.park", "2S"),
                Map.entry("podium.standby-replicas", "0"),
                Map.entry("podium.work.dir", "target/" + id),
                // The broker runs in this JVM and tells much.
                Map.entry("quarkus.log.category.\"kafka\".level", "WARN"),
                Map.entry("quarkus.log.category.\"state.change.logger\".level", "WARN"));
    }

    @Override
    public void stop() {
        // The broker is shared with the other tests.
    }
}
