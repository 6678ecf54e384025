package dev.podium.embedded.testing;

import dev.podium.embedded.EmbeddedKafka;
import dev.podium.embedded.EmbeddedPostgres;
import dev.podium.embedded.FreePort;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A broker and a PostgreSQL of one test class, which it stops and starts as it likes; addresses and data stay. Called by
 * reflection through the JVM's own class loader, because a Quarkus test's classes are loaded anew.
 */
public final class OutageServers {
    private static @Nullable Path folder;
    private static int kafkaPort;
    private static @Nullable EmbeddedKafka kafka;
    private static @Nullable EmbeddedPostgres postgres;

    private OutageServers() {}

    /** Starts PostgreSQL only; Kafka has an address at which nothing listens yet. */
    public static synchronized Map<String, String> configuration() throws IOException {
        folder = Files.createTempDirectory("podium-outage-");
        kafkaPort = FreePort.find();
        EmbeddedPostgres database = EmbeddedPostgres.start(folder.resolve("postgres"), 0, false);
        postgres = database;
        Runtime.getRuntime().addShutdownHook(new Thread(OutageServers::stopAll));
        return Map.of(
                "kafka.bootstrap.servers", "127.0.0.1:" + kafkaPort,
                "quarkus.datasource.jdbc.url", database.jdbcUrl(),
                "quarkus.datasource.username", database.username(),
                "quarkus.datasource.password", database.password());
    }

    /** Starts the broker, or starts it again. */
    public static synchronized void startKafka() throws IOException {
        kafka = EmbeddedKafka.start(home().resolve("kafka"), kafkaPort);
    }

    /** Stops the broker. */
    public static synchronized void stopKafka() {
        if (kafka != null) {
            kafka.close();
            kafka = null;
        }
    }

    /** Stops PostgreSQL. */
    public static synchronized void stopPostgres() {
        if (postgres != null) {
            postgres.close();
        }
    }

    /** Starts PostgreSQL again at its old address. */
    public static synchronized void startPostgres() throws IOException {
        if (postgres == null) {
            throw new IllegalStateException("PostgreSQL was never started");
        }
        postgres = EmbeddedPostgres.start(home().resolve("postgres"), postgres.port(), false);
    }

    /** Freezes PostgreSQL with all its processes: connections stay, and nothing is answered. */
    public static synchronized void freezePostgres() throws IOException {
        signalPostgres("STOP");
    }

    /** Lets a frozen PostgreSQL go on. */
    public static synchronized void thawPostgres() throws IOException {
        signalPostgres("CONT");
    }

    private static void signalPostgres(String signal) throws IOException {
        if (postgres == null) {
            throw new IllegalStateException("PostgreSQL was never started");
        }
        List<String> kill = new ArrayList<>(List.of("kill", "-" + signal, Long.toString(postgres.pid())));
        // The server first, which starts others.
        ProcessHandle.of(postgres.pid())
                .orElseThrow()
                .descendants()
                .forEach(each -> kill.add(Long.toString(each.pid())));
        try {
            new ProcessBuilder(kill).inheritIO().start().waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while PostgreSQL got a signal", e);
        }
    }

    private static Path home() {
        if (folder == null) {
            throw new IllegalStateException("call configuration() first");
        }
        return folder;
    }

    private static synchronized void stopAll() {
        stopKafka();
        stopPostgres();
    }
}
