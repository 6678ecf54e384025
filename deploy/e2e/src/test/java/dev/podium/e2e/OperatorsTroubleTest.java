package dev.podium.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static dev.podium.e2e.Look.HOSTILE;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.microsoft.playwright.Locator;
import dev.podium.contracts.Topics;
import dev.podium.e2e.Browser.Device;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * What the console says when something is wrong with Podium itself, and what is to be done about it: seen at a desktop
 * and on a phone that look at the same trouble.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OperatorsTroubleTest {
    /** The relay's own, of which it lets one instance at a time send. */
    private static final long RELAY_LOCK = 0x706f6469756dL;

    private static final String TOPIC = "podium-e2e-trouble";
    private static final String GROUP = "podium-e2e-slow";
    private static final int MORE_THAN_ALLOWED = 10_001;

    private Scene scene;

    @BeforeAll
    void openScene() {
        scene = Scene.open();
    }

    @Test
    void whatIsWrongIsSaidWithWhatToDoUntilItIsMended() throws Exception {
        try (Look desktop = Look.operator(scene, Device.DESKTOP, "trouble", "/console");
                Look phone = Look.operator(scene, Device.PHONE, "trouble", "/console");
                Connection database = connect();
                Admin admin = Admin.create(Map.of("bootstrap.servers", scene.stack.bootstrapServers()))) {
            List<Look> both = List.of(desktop, phone);
            each(both, look -> assertThat(problems(look)).hasCount(0));
            String deadLetters = figure(desktop, "dead letters").textContent();
            admin.createTopics(List.of(new NewTopic(TOPIC, 1, (short) 1))).all().get();
            try {
                // Something that Kafka never takes, and a record of which the stream can make nothing.
                insert(database, Topics.TASKS, "x".repeat(3_000_000), 0);
                send(Topics.RANKINGS, 1, "{\"trouble-poison\":\"" + HOSTILE + "\"}");
                each(both, look -> {
                    assertThat(problems(look).getByText("Kafka refuses one event for good"))
                            .containsText("column refused");
                    assertThat(figure(look, "refused by Kafka")).containsClass("bad");
                    assertThat(figure(look, "dead letters")).not().hasText(deadLetters);
                    assertThat(figure(look, "dead letters")).containsClass("bad");
                });

                // An instance that hangs keeps the others from sending.
                execute(database, "select pg_advisory_lock(" + RELAY_LOCK + ")");
                insert(database, TOPIC, "{}", 120);
                each(both, look -> {
                    assertThat(problems(look).getByText("waiting for more than a minute"))
                            .containsText("log of feedback-api");
                    assertThat(figure(look, "age of the oldest")).containsClass("bad");
                });

                // And somebody has stopped reading.
                send(TOPIC, MORE_THAN_ALLOWED, "{}");
                readUntil(admin, 0);
                each(both, look -> {
                    assertThat(problems(look).getByText("more than 10,000 records behind"))
                            .containsText("podium status");
                    assertThat(look.row("#operations", GROUP)).containsText("10,001");
                    look.check("all at once");
                });

                execute(database, "select pg_advisory_unlock(" + RELAY_LOCK + ")");
                execute(database, "delete from outbox where refused is not null");
                readUntil(admin, MORE_THAN_ALLOWED + 1);
                each(both, look -> assertThat(problems(look)).hasCount(0));

                SharedStack.wayToKafka().hold();
                each(both, look -> {
                    assertThat(problems(look)).containsText("Kafka does not answer");
                    assertThat(problems(look)).containsText("Rankings are taken all the same");
                    // Nothing is said of what nobody knows.
                    assertThat(figure(look, "dead letters")).containsText("–");
                    assertThat(look.page.locator("#operations"))
                            .not()
                            .containsText("do ranking-stream and the trainers run");
                    look.check("without Kafka");
                });
                phone.page.reload();
                assertThat(phone.page.locator("#dead-letters")).hasText("Not known while Kafka does not answer.");
                SharedStack.wayToKafka().release();
                each(both, look -> {
                    assertThat(problems(look)).hasCount(0);
                    assertThat(figure(look, "dead letters")).not().containsText("–");
                    assertThat(look.row("#dead-letters", "trouble-poison").first())
                            .isVisible();
                });
            } finally {
                SharedStack.wayToKafka().release();
                execute(database, "delete from outbox where id like 'trouble-%'");
                execute(database, "select pg_advisory_unlock_all()");
                deleteGroup(admin);
                admin.deleteTopics(List.of(TOPIC)).all().get();
            }
        }
    }

    private static void deleteGroup(Admin admin) throws Exception {
        try {
            admin.deleteConsumerGroups(List.of(GROUP)).all().get();
        } catch (ExecutionException e) {
            if (!(e.getCause() instanceof GroupIdNotFoundException)) {
                throw e;
            }
        }
    }

    private static void each(List<Look> looks, Consumer<Look> what) {
        looks.forEach(what);
    }

    private static Locator problems(Look look) {
        look.page.locator("#operations .figure").first().waitFor();
        return look.page.locator("#operations .notice.bad");
    }

    private static Locator figure(Look look, String name) {
        return look.page
                .locator("#operations .figure")
                .filter(new Locator.FilterOptions().setHas(look.page.getByText(name)));
    }

    private Connection connect() throws SQLException {
        return DriverManager.getConnection(scene.stack.jdbcUrl(), scene.stack.jdbcUser(), scene.stack.jdbcPassword());
    }

    private static void insert(Connection database, String topic, String payload, int ageSeconds) throws SQLException {
        try (PreparedStatement insert = database.prepareStatement(
                "insert into outbox (id, aggregatetype, aggregateid, type, payload, subject, created_at)"
                        + " values (?, ?, 'trouble', 'trouble', ?, 'trouble', now() - make_interval(secs => ?))")) {
            insert.setString(1, "trouble-" + topic);
            insert.setString(2, topic);
            insert.setString(3, payload);
            insert.setInt(4, ageSeconds);
            assertEquals(1, insert.executeUpdate());
        }
    }

    private static void execute(Connection database, String statement) throws SQLException {
        try (PreparedStatement prepared = database.prepareStatement(statement)) {
            prepared.execute();
        }
    }

    private static void readUntil(Admin admin, long offset) throws Exception {
        admin.alterConsumerGroupOffsets(GROUP, Map.of(new TopicPartition(TOPIC, 0), new OffsetAndMetadata(offset)))
                .all()
                .get();
    }

    private void send(String topic, int times, String value) {
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", scene.stack.bootstrapServers()),
                new ByteArraySerializer(),
                new ByteArraySerializer())) {
            for (int i = 0; i < times; i++) {
                producer.send(new ProducerRecord<>(
                        topic,
                        ("trouble-" + i).getBytes(StandardCharsets.UTF_8),
                        value.getBytes(StandardCharsets.UTF_8)));
            }
            producer.flush();
        }
    }
}
