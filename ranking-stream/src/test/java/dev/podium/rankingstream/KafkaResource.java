package dev.podium.rankingstream;

import dev.podium.embedded.BrokerMain;
import dev.podium.embedded.FreePort;
import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A broker in another process, which can be halted, and an application id and state of its own, for the Quarkus
 * application.
 */
public final class KafkaResource implements QuarkusTestResourceLifecycleManager {
    /** Property with the broker's process id. */
    static final String PID = "test.kafka.pid";

    private @Nullable Process broker;

    @Override
    public Map<String, String> start() {
        try {
            int port = FreePort.find();
            Path folder = Files.createDirectories(Path.of("target", "kafka-" + UUID.randomUUID()));
            Process started = new ProcessBuilder(
                            ProcessHandle.current().info().command().orElse("java"),
                            "-Xmx256m",
                            "-cp",
                            System.getProperty("java.class.path"),
                            BrokerMain.class.getName(),
                            folder.toString(),
                            Integer.toString(port))
                    .redirectError(folder.resolve("broker.err").toFile())
                    .start();
            broker = started;
            String line;
            do {
                line = started.inputReader().readLine();
                if (line == null) {
                    throw new IOException("the broker has ended; see " + folder);
                }
            } while (!line.equals("ready"));
            Thread output = new Thread(() -> started.inputReader().lines().forEach(unused -> {}), "broker-output");
            output.setDaemon(true);
            output.start();
            return settings("127.0.0.1:" + port, started.pid());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Map<String, String> settings(String bootstrapServers, long pid) {
        String id = "stream-" + UUID.randomUUID();
        return Map.ofEntries(
                Map.entry("kafka.bootstrap.servers", bootstrapServers),
                Map.entry(PID, Long.toString(pid)),
                Map.entry("quarkus.kafka-streams.application-id", id),
                Map.entry("quarkus.http.test-port", "0"),
                Map.entry("podium.topics.partitions", "3"),
                Map.entry("podium.topics.replication", "1"),
                Map.entry("podium.unknown-task.park", "2S"),
                Map.entry("podium.standby-replicas", "0"),
                Map.entry("podium.work.dir", "target/" + id));
    }

    @Override
    public void stop() {
        if (broker != null) {
            broker.destroyForcibly();
        }
    }
}
