package dev.podium.embedded;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.storage.Formatter;

/**
 * The real Kafka broker (KRaft, one node that is broker and controller) inside this JVM. What was written survives a
 * restart on the same folder, also after SIGKILL.
 */
public final class EmbeddedKafka implements AutoCloseable {
    private static final int NODE_ID = 1;
    private static final Duration START_TIMEOUT = Duration.ofSeconds(60);
    // The broker logs some hundred lines at each start; held here, because the log manager holds loggers weakly.
    private static final List<Logger> QUIET = Stream.of("kafka", "org.apache.kafka", "state.change.logger")
            .map(Logger::getLogger)
            .toList();

    private final KafkaRaftServer server;
    private final String bootstrapServers;
    private boolean closed;

    private EmbeddedKafka(KafkaRaftServer server, String bootstrapServers) {
        this.server = server;
        this.bootstrapServers = bootstrapServers;
    }

    /**
     * Starts a broker and returns when it takes connections.
     *
     * @param dataDir made when missing, formatted when empty
     * @param port of the clients' listener on 127.0.0.1; 0 takes a free one
     */
    public static EmbeddedKafka start(Path dataDir, int port) throws IOException {
        return start(dataDir, port, Map.of());
    }

    /**
     * Starts a broker and returns when it takes connections.
     *
     * @param overrides broker properties that replace the ones chosen here
     */
    public static EmbeddedKafka start(Path dataDir, int port, Map<String, String> overrides) throws IOException {
        return start(dataDir, port, overrides, List.of());
    }

    /**
     * A further listener for clients whose way to the broker is watched or cut: they are told another port, where
     * something forwards what they send.
     *
     * @param name upper case letters and underscores
     * @param port on 127.0.0.1
     * @param advertisedPort that clients of this listener are told
     */
    public record Listener(String name, int port, int advertisedPort) {}

    /**
     * Starts a broker and returns when it takes connections.
     *
     * @param overrides broker properties that replace the ones chosen here
     * @param more listeners besides the clients' own
     */
    public static EmbeddedKafka start(Path dataDir, int port, Map<String, String> overrides, List<Listener> more)
            throws IOException {
        QUIET.forEach(logger -> logger.setLevel(Level.WARNING));
        Path folder = Files.createDirectories(dataDir).toAbsolutePath();
        int clientPort = FreePort.orFree(port);
        Map<String, Object> properties = new HashMap<>(properties(folder, clientPort, FreePort.find(), more));
        properties.putAll(overrides);
        format(folder);
        KafkaRaftServer server = new KafkaRaftServer(new KafkaConfig(properties, false), Time.SYSTEM);
        try {
            server.startup();
            awaitConnection(clientPort);
        } catch (RuntimeException | IOException e) {
            server.shutdown();
            throw e;
        }
        return new EmbeddedKafka(server, "127.0.0.1:" + clientPort);
    }

    /** Value for {@code bootstrap.servers}. */
    public String bootstrapServers() {
        return bootstrapServers;
    }

    /** Stops the broker; waits until its files are closed. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            server.shutdown();
            server.awaitShutdown();
        }
    }

    private static Map<String, Object> properties(
            Path folder, int clientPort, int controllerPort, List<Listener> more) {
        StringBuilder listeners = new StringBuilder("CLIENT://127.0.0.1:" + clientPort);
        StringBuilder advertised = new StringBuilder(listeners);
        StringBuilder protocols = new StringBuilder("CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT");
        for (Listener each : more) {
            listeners.append(',').append(each.name()).append("://127.0.0.1:").append(each.port());
            advertised.append(',').append(each.name()).append("://127.0.0.1:").append(each.advertisedPort());
            protocols.append(',').append(each.name()).append(":PLAINTEXT");
        }
        return Map.ofEntries(
                Map.entry("process.roles", "broker,controller"),
                Map.entry("node.id", Integer.toString(NODE_ID)),
                Map.entry("controller.quorum.voters", NODE_ID + "@127.0.0.1:" + controllerPort),
                Map.entry("listeners", listeners + ",CONTROLLER://127.0.0.1:" + controllerPort),
                Map.entry("advertised.listeners", advertised.toString()),
                Map.entry("listener.security.protocol.map", protocols.toString()),
                Map.entry("controller.listener.names", "CONTROLLER"),
                Map.entry("inter.broker.listener.name", "CLIENT"),
                Map.entry("log.dirs", folder.toString()),
                Map.entry("auto.create.topics.enable", "false"),
                // One node: every internal topic has one replica.
                Map.entry("offsets.topic.replication.factor", "1"),
                Map.entry("offsets.topic.num.partitions", "5"),
                Map.entry("transaction.state.log.replication.factor", "1"),
                Map.entry("transaction.state.log.min.isr", "1"),
                Map.entry("transaction.state.log.num.partitions", "5"),
                Map.entry("share.coordinator.state.topic.replication.factor", "1"),
                Map.entry("share.coordinator.state.topic.min.isr", "1"),
                Map.entry("share.coordinator.state.topic.num.partitions", "3"),
                // The first member of a group need not wait for others.
                Map.entry("group.initial.rebalance.delay.ms", "0"),
                // No other broker could take over, so a busy machine's pause should not fence this one; but a restart
                // waits this long for the former registration to end.
                Map.entry("broker.session.timeout.ms", "18000"),
                // A laptop is no cluster: small index files, few threads.
                Map.entry("log.index.size.max.bytes", Integer.toString(1024 * 1024)),
                Map.entry("log.cleaner.dedupe.buffer.size", Integer.toString(16 * 1024 * 1024)),
                Map.entry("num.network.threads", "2"),
                Map.entry("num.io.threads", "4"),
                Map.entry("background.threads", "2"),
                Map.entry("num.recovery.threads.per.data.dir", "2"),
                Map.entry("controlled.shutdown.enable", "false"));
    }

    private static void format(Path folder) throws IOException {
        if (Files.exists(folder.resolve("meta.properties"))) {
            return;
        }
        try (PrintStream silent = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8)) {
            new Formatter()
                    .setClusterId(Uuid.randomUuid().toString())
                    .setNodeId(NODE_ID)
                    .setDirectories(List.of(folder.toString()))
                    .setControllerListenerName("CONTROLLER")
                    .setMetadataLogDirectory(folder.toString())
                    .setIgnoreFormatted(true)
                    .setPrintStream(silent)
                    .run();
        } catch (IOException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IOException("cannot format " + folder + " for Kafka", e);
        }
    }

    private static void awaitConnection(int port) throws IOException {
        long deadlineNanos = System.nanoTime() + START_TIMEOUT.toNanos();
        while (true) {
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                if (socket.isConnected()) {
                    return;
                }
            } catch (IOException e) {
                if (System.nanoTime() > deadlineNanos) {
                    throw new IOException("the broker does not take connections on port " + port, e);
                }
                pause();
            }
        }
    }

    private static void pause() {
        try {
            Thread.sleep(20);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UncheckedIOException(new IOException("interrupted while the broker started", e));
        }
    }
}
