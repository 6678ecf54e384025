package dev.podium.feedback;

import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.nullValue;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.DeadLetterHeaders;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.embedded.testing.ServersResource;
import dev.podium.feedback.kafka.KafkaAccess;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;

/** What operators watch, and what they do about it. */
@QuarkusTest
@WithTestResource(ServersResource.class)
class OperationsTest {
    @Inject
    KafkaAccess kafka;

    @TestHTTPResource("/")
    URI address;

    @Test
    void aDeadLetterGoesBackWithItsKeyItsBytesAndItsEventId() throws Exception {
        String project = Api.project("{}");
        Api.tasks(project, 1);
        byte[] value = "{\"poison\":".getBytes(StandardCharsets.UTF_8);
        String eventId = UUID.randomUUID().toString();
        RecordMetadata letter = bury("a-task", value, eventId);
        String path = "/api/v1/dead-letters/" + letter.partition() + "/" + letter.offset() + "/replay";
        Api.operator()
                .get("/api/v1/dead-letters")
                .then()
                .body("find { it.eventId == '" + eventId + "' }.reason", equalTo("invalid_json"))
                .body("find { it.eventId == '" + eventId + "' }.value", equalTo("{\"poison\":"));
        Map<TopicPartition, Long> before = kafka.endOffsets(Topics.RANKINGS);
        Api.operator()
                .body("{\"dryRun\":true}")
                .post(path)
                .then()
                .statusCode(200)
                .body("problem", org.hamcrest.Matchers.startsWith("It cannot be read"));
        assertEquals(before, kafka.endOffsets(Topics.RANKINGS), "a dry run sends nothing");

        Api.operator()
                .body("{\"reason\":\"the cause is mended\"}")
                .post(path)
                .then()
                .statusCode(200)
                .body("eventId", equalTo(eventId));

        List<ConsumerRecord<byte[], byte[]>> sent = new ArrayList<>();
        try (BoundedReader reader = kafka.reader()) {
            reader.read(before, reader.ends(before.keySet()), sent::add);
        }
        ConsumerRecord<byte[], byte[]> again = sent.stream()
                .filter(record -> new String(record.key(), StandardCharsets.UTF_8).equals("a-task"))
                .findFirst()
                .orElseThrow();
        assertArrayEquals(value, again.value());
        assertEquals(eventId, new String(again.headers().lastHeader("ce_id").value(), StandardCharsets.UTF_8));
        assertEquals(null, again.headers().lastHeader(DeadLetterHeaders.REASON));
        Api.operator()
                .get("/api/v1/audit?limit=20")
                .then()
                .body("find { it.action == 'deadLetter.replayed' }.reason", equalTo("the cause is mended"));
        Api.operator()
                .body("{}")
                .post("/api/v1/dead-letters/0/999999/replay")
                .then()
                .statusCode(404);
    }

    private RecordMetadata bury(String key, byte[] value, String eventId) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
                kafka.clientConfiguration(), new ByteArraySerializer(), new ByteArraySerializer())) {
            ProducerRecord<byte[], byte[]> record =
                    new ProducerRecord<>(Topics.DEAD_LETTERS, key.getBytes(StandardCharsets.UTF_8), value);
            Map.of(
                            "ce_id",
                            eventId,
                            DeadLetterHeaders.REASON,
                            "invalid_json",
                            DeadLetterHeaders.MESSAGE,
                            "it ends too early",
                            DeadLetterHeaders.TOPIC,
                            Topics.RANKINGS,
                            DeadLetterHeaders.PARTITION,
                            "0",
                            DeadLetterHeaders.OFFSET,
                            "7")
                    .forEach((name, text) -> record.headers().add(name, text.getBytes(StandardCharsets.UTF_8)));
            return producer.send(record).get();
        }
    }

    @Test
    void aDeadLetterCountsOnceWhateverItsTransactionAddsToTheLog() throws Exception {
        int before = deadLetters();
        for (int more = 1; more <= 2; more++) {
            Map<String, Object> settings = new HashMap<>(kafka.clientConfiguration());
            settings.put("transactional.id", UUID.randomUUID().toString());
            try (KafkaProducer<byte[], byte[]> producer =
                    new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
                producer.initTransactions();
                producer.beginTransaction();
                producer.send(new ProducerRecord<>(Topics.DEAD_LETTERS, new byte[] {1}, new byte[] {2}))
                        .get();
                producer.commitTransaction();
            }
            assertEquals(before + more, deadLetters());
        }
    }

    @Test
    void theEndOfATransactionIsNothingThatTheProjectionHasLeftToRead() throws Exception {
        Map<String, Object> settings = new HashMap<>(kafka.clientConfiguration());
        settings.put("transactional.id", UUID.randomUUID().toString());
        TopicPartition written;
        long behindItsEnd;
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.initTransactions();
            producer.beginTransaction();
            RecordMetadata sent = producer.send(new ProducerRecord<>(
                            Topics.ADAPTER_LOADS, UUID.randomUUID().toString().getBytes(StandardCharsets.UTF_8), null))
                    .get();
            written = new TopicPartition(sent.topic(), sent.partition());
            behindItsEnd = sent.offset() + 2;
            producer.commitTransaction();
        }

        long deadlineNanos = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        Integer left = null;
        do {
            assertTrue(System.nanoTime() < deadlineNanos, "it stays behind by " + left);
            Thread.sleep(100);
            left = Api.operator()
                    .get("/api/v1/operations")
                    .path("lags.find { it.group == 'feedback-api (projection)' && it.topic == '" + Topics.ADAPTER_LOADS
                            + "' }?.records");
        } while (kafka.endOffsets(Topics.ADAPTER_LOADS).get(written) < behindItsEnd || left == null || left != 0);
    }

    private static int deadLetters() {
        return Api.operator()
                .get("/api/v1/operations")
                .then()
                .statusCode(200)
                .extract()
                .path("deadLetters");
    }

    @Test
    void outboxLagAndDeadLettersAreCounted() {
        Api.operator()
                .get("/api/v1/operations")
                .then()
                .statusCode(200)
                .body("outboxRefused", equalTo(0))
                .body("kafkaProblem", nullValue());
    }

    @Test
    void aPageHearsOfWhatIsNewWithoutAsking() throws Exception {
        String project = Api.project("{}");
        HttpURLConnection stream = (HttpURLConnection)
                address.resolve("/api/v1/projects/" + project + "/live").toURL().openConnection();
        stream.setReadTimeout(30_000);
        stream.setRequestProperty("Accept", "text/event-stream");
        stream.setRequestProperty(
                "Authorization",
                "Basic "
                        + Base64.getEncoder()
                                .encodeToString(
                                        ("operator:" + Api.OPERATOR_PASSWORD).getBytes(StandardCharsets.UTF_8)));
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(stream.getInputStream(), StandardCharsets.UTF_8))) {
            assertEquals("data:{\"parts\":[]}", lines.readLine());
            Api.tasks(project, 1);
            String line = lines.readLine();
            while (!line.contains("progress")) {
                line = lines.readLine();
            }
            assertTrue(line.startsWith("data:{\"parts\":["), line);
        } finally {
            stream.disconnect();
        }
    }

    @Test
    void statisticsCountRankingsADay() {
        String project = Api.project("{}");
        Api.tasks(project, 1);
        String labeler = Api.person("labeler");
        var held = Api.next(labeler, project);
        List<String> ids = held.path("task.outputs.id");
        Api.submit(labeler, project, held.path("task.id"), Api.groups(ids))
                .then()
                .statusCode(201);
        Api.operator()
                .get("/api/v1/projects/" + project + "/statistics")
                .then()
                .statusCode(200)
                .body("days", hasSize(1))
                .body("days[0].rankings", equalTo(1));
    }

    @Test
    void everyUsualDomainHasGuidelinesAndRulesToBeginWith() {
        Api.operator()
                .get("/api/v1/presets")
                .then()
                .body("id", equalTo(List.of("support", "clinical", "legal", "finance", "code", "products")));
    }
}
