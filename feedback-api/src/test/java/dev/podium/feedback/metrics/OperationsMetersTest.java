package dev.podium.feedback.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.AdapterLoad;
import dev.podium.contracts.EventJson;
import dev.podium.embedded.testing.ServersResource;
import dev.podium.feedback.Api;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What alerts see of services, on the real database. */
@QuarkusTest
@WithTestResource(ServersResource.class)
class OperationsMetersTest {
    @Inject
    OperationsMeters meters;

    @Inject
    EntityManager entities;

    @Inject
    MeterRegistry registry;

    @Test
    void aRefusalIsOneForGoodOfTheNewestPointerAlone() {
        String project = Api.project("{}");
        pointer(project, 3);
        load(report(project, "refuses", AdapterLoad.Status.REFUSED, 3, false));
        load(report(project, "waits for a store", AdapterLoad.Status.REFUSED, 3, true));
        load(report(project, "refused before", AdapterLoad.Status.REFUSED, 2, false));
        load(report(project, "follows", AdapterLoad.Status.LOADED, 3, false));

        meters.look();

        assertEquals(4, value("podium.service.instances", project));
        assertEquals(1, value("podium.service.instances.refused", project));
        assertEquals(1, value("podium.service.instances.behind", project));
        assertEquals(1, registry.get("podium.database.up").gauge().value());
    }

    @Test
    void onlyOneThatReportsRegularlyIsMissedAndOnlyForADay() {
        String project = Api.project("{}");
        pointer(project, 1);
        load(report(project, "of an older library", AdapterLoad.Status.LOADED, 1, false));
        load(regular(project, "is there", Duration.ofSeconds(30)));
        meters.look();
        double before = value("podium.service.last.load.seconds", project);
        load(regular(project, "is silent", Duration.ofMinutes(10)));
        load(regular(project, "is gone", Duration.ofDays(2)));

        meters.look();

        assertTrue(before >= 30 && before < 300, "age " + before);
        double after = value("podium.service.last.load.seconds", project);
        assertTrue(after >= 600 && after < 900, "age " + after);
        assertEquals(3, value("podium.service.instances", project));
    }

    @Test
    void refusedEventsAreThoseThatAreThereNow() {
        meters.look();
        double before = registry.get("podium.outbox.refused").gauge().value();
        String id = UUID.randomUUID().toString();
        execute("insert into outbox (id, aggregatetype, aggregateid, type, payload, subject, created_at, refused)"
                + " values ('" + id + "', 'rlhf.tasks.v1', 'x', 'rlhf.Task.v1', '{}', 'x', now(), 'too large')");

        meters.look();
        assertEquals(before + 1, registry.get("podium.outbox.refused").gauge().value());

        execute("delete from outbox where id = '" + id + "'");
        meters.look();
        assertEquals(before, registry.get("podium.outbox.refused").gauge().value());
    }

    private void execute(String sql) {
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery(sql).executeUpdate());
    }

    @Test
    void aChannelThatNobodyFollowsHasNoInstances() {
        String project = Api.project("{}");
        pointer(project, 1);

        meters.look();

        assertEquals(0, value("podium.service.instances", project));
        assertTrue(registry.find("podium.service.last.load.seconds")
                .tag("project", project)
                .gauges()
                .isEmpty());
    }

    @Test
    void metricsAndHealthAreNotThereForWhoComesThroughAProxy() {
        for (String path : List.of("/q/metrics", "/q/health/ready", "/q/./metrics")) {
            RestAssured.given()
                    .urlEncodingEnabled(false)
                    .header("X-Forwarded-For", "192.0.2.1")
                    .get(path)
                    .then()
                    .statusCode(404);
        }
        RestAssured.get("/q/metrics").then().statusCode(200);
        RestAssured.given()
                .header("X-Forwarded-For", "192.0.2.1")
                .get("/login")
                .then()
                .statusCode(200);
    }

    private double value(String name, String project) {
        Gauge gauge = registry.get(name).tag("project", project).gauge();
        return gauge.value();
    }

    private void pointer(String project, long sequence) {
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery("insert into channel_change (project_id, channel, sequence, body)"
                                + " values (:p, 'production', :s, '{}')")
                        .setParameter("p", project)
                        .setParameter("s", sequence)
                        .executeUpdate());
    }

    private static AdapterLoad regular(String project, String instance, Duration age) {
        return new AdapterLoad(
                        project + instance,
                        project,
                        "production",
                        AdapterLoad.Status.LOADED,
                        Optional.empty(),
                        Optional.empty(),
                        1,
                        1,
                        Optional.empty(),
                        Instant.now().minus(age))
                .reportingEvery(60);
    }

    private static AdapterLoad report(
            String project, String instance, AdapterLoad.Status status, long sequence, boolean retrying) {
        AdapterLoad load = new AdapterLoad(
                project + instance,
                project,
                "production",
                status,
                Optional.empty(),
                Optional.empty(),
                sequence,
                1,
                Optional.empty(),
                Instant.EPOCH);
        return retrying ? load.tryingAgain() : load;
    }

    /** As the projection does. */
    private void load(AdapterLoad load) {
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery(
                                "insert into adapter_load (instance_id, project_id, body) values (:i, :p, :b)")
                        .setParameter("i", load.instanceId())
                        .setParameter("p", load.projectId())
                        .setParameter("b", EventJson.writeText(load))
                        .executeUpdate());
    }
}
