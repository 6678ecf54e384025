package dev.podium.embedded.testing;

import dev.podium.embedded.EmbeddedKafka;
import dev.podium.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.kafka.KafkaContainer;
import org.testcontainers.postgresql.PostgreSQLContainer;

/**
 * One broker and one PostgreSQL for all tests of a JVM, each started when first asked for and stopped with the JVM: the
 * embedded ones, or containers where Docker runs. Topics and rows of other tests are there too, so a test takes ids of
 * its own.
 */
public final class SharedServers {
    private static final String KAFKA_IMAGE = "apache/kafka:4.1.2";
    private static final String POSTGRES_IMAGE = "postgres:18-alpine";

    private static @Nullable String kafka;
    private static @Nullable Database postgres;

    private SharedServers() {}

    /**
     * Where the tests' database is.
     *
     * @param jdbcUrl of an empty database at first use
     */
    public record Database(String jdbcUrl, String username, String password) {}

    /** Value for {@code bootstrap.servers}. */
    public static synchronized String bootstrapServers() {
        String servers = kafka;
        if (servers == null) {
            servers = inApplicationLoader(SharedServers::startKafka);
            kafka = servers;
        }
        return servers;
    }

    /** The database; the same for all tests of the JVM. */
    public static synchronized Database database() {
        Database database = postgres;
        if (database == null) {
            database = inApplicationLoader(SharedServers::startPostgres);
            postgres = database;
        }
        return database;
    }

    /** Both as Quarkus configuration; called by reflection from the test resource. */
    static Map<String, String> configuration() {
        Database database = database();
        return Map.of(
                "kafka.bootstrap.servers", bootstrapServers(),
                "quarkus.datasource.jdbc.url", database.jdbcUrl(),
                "quarkus.datasource.username", database.username(),
                "quarkus.datasource.password", database.password());
    }

    private static String startKafka() {
        if (dockerRuns()) {
            KafkaContainer container =
                    new KafkaContainer(KAFKA_IMAGE).withEnv("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false");
            container.start();
            return container.getBootstrapServers();
        }
        try {
            Path folder = Files.createTempDirectory("podium-kafka-");
            EmbeddedKafka broker = EmbeddedKafka.start(folder, 0);
            atExit(broker, folder);
            return broker.bootstrapServers();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Database startPostgres() {
        if (dockerRuns()) {
            PostgreSQLContainer container = new PostgreSQLContainer(POSTGRES_IMAGE);
            container.start();
            return new Database(container.getJdbcUrl(), container.getUsername(), container.getPassword());
        }
        try {
            Path folder = Files.createTempDirectory("podium-postgres-");
            EmbeddedPostgres server = EmbeddedPostgres.start(folder, 0, false);
            atExit(server, folder);
            return new Database(server.jdbcUrl(), server.username(), server.password());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean dockerRuns() {
        // Asking costs 0.3 s and a stack trace in the log; without a socket or a host there is nothing to ask.
        boolean configured = System.getenv("DOCKER_HOST") != null || Files.exists(Path.of("/var/run/docker.sock"));
        return configured && DockerClientFactory.instance().isDockerAvailable();
    }

    private static void atExit(AutoCloseable server, Path folder) {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try (server) {
                deleteLater(folder);
            } catch (Exception e) {
                System.err.println("a test server did not stop cleanly: " + e);
            }
        }));
    }

    private static void deleteLater(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                file.toFile().delete();
            }
        }
    }

    private static <T> T inApplicationLoader(Supplier<T> start) {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        thread.setContextClassLoader(SharedServers.class.getClassLoader());
        try {
            return start.get();
        } finally {
            thread.setContextClassLoader(before);
        }
    }
}
