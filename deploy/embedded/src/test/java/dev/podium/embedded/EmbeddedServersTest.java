package dev.podium.embedded;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.Topics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedServersTest {
    @TempDir
    Path folder;

    @Test
    void transactionsSurviveARestartOfTheBroker() throws Exception {
        try (EmbeddedKafka broker = EmbeddedKafka.start(folder, 0)) {
            try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
                Topics.createMissing(admin, 3, (short) 1);
                Topics.createMissing(admin, 3, (short) 1);
                assertTrue(admin.listTopics().names().get().containsAll(Topics.all()));
            }
            writeInTransaction(broker.bootstrapServers());
        }

        try (EmbeddedKafka broker = EmbeddedKafka.start(folder, 0)) {
            assertEquals("kept", readFirst(broker.bootstrapServers()));
        }
    }

    @Test
    void rowsSurviveARestartOfPostgres() throws Exception {
        try (EmbeddedPostgres server = EmbeddedPostgres.start(folder, 0)) {
            execute(server, "create table kept (id int)", "insert into kept values (7)");
        }

        try (EmbeddedPostgres server = EmbeddedPostgres.start(folder, 0)) {
            assertEquals(7, firstInt(server, "select id from kept"));
        }
    }

    @Test
    void passwordIsDemandedAndReadableByTheOwnerOnly() throws Exception {
        try (EmbeddedPostgres server = EmbeddedPostgres.start(folder, 0, false)) {
            assertThrows(
                    SQLException.class,
                    () -> DriverManager.getConnection(server.jdbcUrl(), server.username(), "wrong")
                            .close());
            assertEquals(
                    "rw-------",
                    PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("password"))));
        }
    }

    @Test
    void secondServerOnTheSameFolderIsRefused() throws Exception {
        try (EmbeddedPostgres server = EmbeddedPostgres.start(folder, 0, false)) {
            IOException refused = assertThrows(IOException.class, () -> EmbeddedPostgres.start(folder, 0, false));
            assertTrue(refused.getMessage().contains("already runs"), refused.getMessage());
            assertTrue(server.isAlive());
        }
    }

    @Test
    void postgresEndsWithTheProcessThatStartedItAlsoByAKill() throws Exception {
        Process starter = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElseThrow(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Starter.class.getName(),
                        folder.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        long pid = Long.parseLong(starter.inputReader().readLine().strip());
        ProcessHandle server = ProcessHandle.of(pid).orElseThrow();

        starter.destroyForcibly().waitFor();

        server.onExit().get(1, TimeUnit.MINUTES);
        assertFalse(EmbeddedPostgres.reap(folder), "nothing is left to be stopped");
    }

    @Test
    void theServerOfAFolderThatThisOneIsACopyOfIsLeftAlone(@TempDir Path copy) throws Exception {
        try (EmbeddedPostgres server = EmbeddedPostgres.start(folder, 0, false)) {
            Files.createDirectory(copy.resolve("data"));
            Files.copy(folder.resolve("data/postmaster.pid"), copy.resolve("data/postmaster.pid"));

            assertFalse(EmbeddedPostgres.reap(copy));
            assertEquals(1, firstInt(server, "select 1"));
        }
    }

    /** Starts a server, tells its process id, and waits to be killed. */
    static final class Starter {
        private Starter() {}

        public static void main(String[] arguments) throws Exception {
            System.out.println(
                    EmbeddedPostgres.start(Path.of(arguments[0]), 0, false).pid());
            Thread.sleep(Duration.ofDays(1));
        }
    }

    private static void writeInTransaction(String bootstrapServers) throws Exception {
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", bootstrapServers, "transactional.id", "test"),
                new StringSerializer(),
                new StringSerializer())) {
            producer.initTransactions();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(Topics.TASKS, 0, "key", "kept")).get();
            producer.commitTransaction();
        }
    }

    private static String readFirst(String bootstrapServers) {
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", bootstrapServers, "isolation.level", "read_committed"),
                new StringDeserializer(),
                new StringDeserializer())) {
            TopicPartition partition = new TopicPartition(Topics.TASKS, 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            ConsumerRecords<String, String> records = consumer.poll(Duration.ofSeconds(20));
            return records.iterator().next().value();
        }
    }

    private static void execute(EmbeddedPostgres server, String... statements) throws SQLException {
        try (Connection connection = connect(server)) {
            for (String statement : statements) {
                connection.createStatement().execute(statement);
            }
        }
    }

    private static int firstInt(EmbeddedPostgres server, String query) throws SQLException {
        try (Connection connection = connect(server);
                ResultSet rows = connection.createStatement().executeQuery(query)) {
            assertTrue(rows.next());
            return rows.getInt(1);
        }
    }

    private static Connection connect(EmbeddedPostgres server) throws SQLException {
        return DriverManager.getConnection(server.jdbcUrl(), server.username(), server.password());
    }
}
