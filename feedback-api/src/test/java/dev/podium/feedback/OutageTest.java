package dev.podium.feedback;

import static org.hamcrest.Matchers.endsWith;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.notNullValue;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.Topics;
import dev.podium.feedback.kafka.KafkaAccess;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.response.Response;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.apache.kafka.common.TopicPartition;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.Test;

/** The real broker and the real PostgreSQL go away and come back while a labeler works. */
@QuarkusTest
@WithTestResource(OutageTest.Servers.class)
class OutageTest {
    private static final Duration WAIT = Duration.ofMinutes(1);
    // The chart's probes wait for five seconds; a client that waits for Kafka's answer needs ten.
    private static final Duration PROBE = Duration.ofSeconds(8);

    @Inject
    KafkaAccess kafka;

    @Inject
    EntityManager entities;

    @Test
    void nothingIsLostWhileKafkaOrTheDatabaseIsAway() throws Exception {
        // Given a labeler with a task, and no Kafka yet
        String project = Api.project("{}");
        Api.tasks(project, 2);
        String labeler = Api.person("labeler");
        Response first = Api.next(labeler, project);

        // Then a ranking is taken, and readiness tells what is away without turning people off
        Api.submit(labeler, project, first.path("task.id"), Api.groups(first.path("task.outputs.id")))
                .then()
                .statusCode(201);
        RestAssured.get("/q/health/ready").then().statusCode(200).body("checks.data.answers", notNullValue());
        Api.operator()
                .get("/api/v1/operations")
                .then()
                .body("outboxRows", greaterThan(0))
                .body("kafkaProblem", startsWith("Kafka does not answer"))
                .body("kafkaProblem", not(endsWith("null")));

        // And also before a probe gives up where Kafka takes connections and does not answer
        String[] address = ConfigProvider.getConfig()
                .getValue("kafka.bootstrap.servers", String.class)
                .split(":");
        try (ServerSocket silent =
                new ServerSocket(Integer.parseInt(address[1]), 50, InetAddress.getByName(address[0]))) {
            assertEquals(200, probe(), silent.toString());
        }

        // When an event is there that Kafka will never take
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery("insert into outbox"
                                + " (id, aggregatetype, aggregateid, type, payload, subject, created_at) values"
                                + " ('monster', '" + Topics.TASKS + "', 'monster', 'rlhf.Task.v1',"
                                + " repeat('x', 3000000), 'monster', now())")
                        .executeUpdate());
        Servers.call("startKafka");

        // Then the ranking arrives, and the monster stays behind, named
        await("the ranking", () -> records(Topics.RANKINGS) == 1);
        await("the tasks", () -> records(Topics.TASKS) == 2);
        await("the outbox", () -> outbox("refused is null") == 0);
        assertEquals(1, outbox("refused is not null"));

        // When the database goes away
        Response second = Api.next(labeler, project);
        String key = UUID.randomUUID().toString();
        Servers.call("stopPostgres");
        Response away = Api.submit(
                labeler, project, second.path("task.id"), Api.groups(second.path("task.outputs.id")), key, null);
        away.then().statusCode(503).header("Retry-After", notNullValue()).body("code", equalTo("database_away"));

        // Then the alert's gauge says so
        await("the gauge", () -> metrics().contains("podium_database_up 0.0"));

        // And the same submit is taken once it is back
        Servers.call("startPostgres");
        await("the second submit", () -> {
            int status = Api.submit(
                            labeler,
                            project,
                            second.path("task.id"),
                            Api.groups(second.path("task.outputs.id")),
                            key,
                            null)
                    .statusCode();
            assertTrue(status == 201 || status == 503, "status " + status);
            return status == 201;
        });
        await("the second ranking", () -> records(Topics.RANKINGS) == 2);

        // When the database is there and answers nothing
        Servers.call("freezePostgres");

        // Then readiness says so before a probe gives up, however often it is asked, until the database goes on
        assertEquals(503, probe());
        assertEquals(503, probe());
        Servers.call("thawPostgres");
        await("readiness", () -> probe() == 200);

        // When nothing but such an event is there
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery("insert into outbox"
                                + " (id, aggregatetype, aggregateid, type, payload, subject, created_at) values"
                                + " ('lonely', '" + Topics.TASKS + "', 'lonely', 'rlhf.Task.v1',"
                                + " repeat('x', 3000000), 'lonely', now())")
                        .executeUpdate());

        // Then it is set aside all the same
        await("the lonely one", () -> outbox("refused is not null") == 2);
    }

    /** The answer that a probe gets in time. */
    private static int probe() throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpRequest request = HttpRequest.newBuilder(
                            URI.create("http://localhost:" + RestAssured.port + "/q/health/ready"))
                    .timeout(PROBE)
                    .build();
            return client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
        }
    }

    private static String metrics() {
        return RestAssured.get("/q/metrics").asString();
    }

    private long records(String topic) {
        Map<TopicPartition, Long> ends = kafka.endOffsets(topic);
        return ends.values().stream().mapToLong(Long::longValue).sum();
    }

    private long outbox(String condition) {
        return QuarkusTransaction.requiringNew()
                .call(() -> ((Number) entities.createNativeQuery("select count(*) from outbox where " + condition)
                                .getSingleResult())
                        .longValue());
    }

    private static void await(String what, Callable<Boolean> condition) throws Exception {
        long deadlineNanos = System.nanoTime() + WAIT.toNanos();
        while (!condition.call()) {
            assertTrue(System.nanoTime() < deadlineNanos, what + " did not come within " + WAIT);
            Thread.sleep(200);
        }
    }

    /** Servers of this class alone. */
    public static final class Servers implements QuarkusTestResourceLifecycleManager {
        @Override
        @SuppressWarnings("unchecked")
        public Map<String, String> start() {
            Map<String, String> configuration = new HashMap<>((Map<String, String>) call("configuration"));
            configuration.put("podium.topics.partitions", "3");
            configuration.put("podium.topics.replication", "1");
            return configuration;
        }

        @Override
        public void stop() {
            List.of("stopKafka", "stopPostgres").forEach(Servers::call);
        }

        static Object call(String method) {
            Thread thread = Thread.currentThread();
            ClassLoader before = thread.getContextClassLoader();
            thread.setContextClassLoader(ClassLoader.getSystemClassLoader());
            try {
                return ClassLoader.getSystemClassLoader()
                        .loadClass("dev.podium.embedded.testing.OutageServers")
                        .getMethod(method)
                        .invoke(null);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("cannot " + method, e);
            } finally {
                thread.setContextClassLoader(before);
            }
        }
    }
}
