package dev.podium.feedback.adapter;

import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.nullValue;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.podium.contracts.AdapterLoad;
import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.RoundKind;
import dev.podium.embedded.testing.ServersResource;
import dev.podium.feedback.Api;
import dev.podium.feedback.artifact.Retention;
import dev.podium.feedback.audit.AuditLog;
import dev.podium.feedback.outbox.Outbox;
import dev.podium.feedback.rest.Refusal;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.ValidatableResponse;
import io.smallrye.config.SmallRyeConfigBuilder;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.eclipse.microprofile.config.Config;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(ServersResource.class)
class ChannelsTest {
    @Inject
    EntityManager entities;

    @Inject
    ChannelRules rules;

    @Inject
    Outbox outbox;

    @Inject
    Adapters adapters;

    @Inject
    AuditLog audit;

    @Inject
    Retention retention;

    @Test
    void aVersionThatItsRoundHasAnnouncedIsWaitedForAndNoOther() {
        String project = Api.project("{}");
        succeeded(project, "v1");
        succeeded(project, "v2");
        AtomicLong clock = new AtomicLong();
        AtomicInteger looks = new AtomicInteger();
        Announced announced = new Announced(entities, clock::get, () -> {
            clock.addAndGet(TimeUnit.SECONDS.toNanos(2));
            if (looks.incrementAndGet() == 2) {
                published(project, "v1");
            }
        });

        announced.await(project, "v1");
        assertEquals(2, looks.get());
        Refusal refusal = assertThrows(Refusal.class, () -> announced.await(project, "v2"));
        assertEquals("adapter_on_its_way", refusal.code());
        looks.set(10);
        announced.await(project, "v1");
        announced.await(project, "v7");
        assertEquals(10, looks.get(), "nothing is waited for that is there, or that nobody has announced");
    }

    @Test
    void promotingWhileTheManifestIsStillToComeSucceeds() throws Exception {
        String project = Api.project("{}");
        succeeded(project, "v1");
        try (ExecutorService others = Executors.newSingleThreadExecutor()) {
            Future<?> promoted = others.submit(() -> promote(project, "\"v1\"").body("version", equalTo("v1")));
            published(project, "v1");
            promoted.get(1, TimeUnit.MINUTES);
        }
    }

    @Test
    void rollingBackAgainGoesFurtherBackNotForthToWhatWasBad() {
        String project = Api.project("{}");
        List.of("v1", "v2", "v3").forEach(version -> published(project, version));
        promote(project, "null").body("version", nullValue());
        promote(project, "\"v1\"").body("sequence", equalTo(2));
        promote(project, "\"v2\"");
        rollBack(project).statusCode(200).body("version", equalTo("v1")).body("sequence", equalTo(4));
        promote(project, "\"v3\"");
        promote(project, "\"v3\"");
        rollBack(project).statusCode(200).body("version", equalTo("v1"));
        rollBack(project).statusCode(200).body("version", nullValue()).body("sequence", equalTo(8));
        rollBack(project).statusCode(422).body("code", equalTo("nothing_before"));
        Api.operator().get("/api/v1/projects/" + project + "/channels").then().body("[0].sequence", equalTo(8));
    }

    @Test
    void aChangeThatCannotBeSignedLeavesNoTraceThoughItsTransactionGoesOn() {
        String project = Api.project("{}");
        List.of("v1", "v2").forEach(version -> published(project, version));
        promote(project, "\"v1\"");
        promote(project, "\"v2\"");
        Config keyAway = new SmallRyeConfigBuilder()
                .withDefaultValue("podium.signing.key.file", "/there/is/no/such.key")
                .build();
        Channels channels = new Channels(entities, outbox, adapters, audit, retention, new PointerSigning(keyAway));
        List<Runnable> changes = List.of(
                () -> channels.point(project, "production", Optional.of("v1"), Optional.empty(), "rule r"),
                () -> channels.rollBack(project, "production", "rule r"));

        // As a rule does that writes down why it could not.
        QuarkusTransaction.requiringNew()
                .run(() -> changes.forEach(change -> {
                    Refusal refusal = assertThrows(Refusal.class, change::run);
                    assertEquals("signing_key_away", refusal.code());
                }));

        assertChannel(project, "v2", 2);
        Api.operator().get(channel(project) + "/history").then().body("size()", equalTo(2));
        long entries = ((Number) QuarkusTransaction.requiringNew()
                        .call(() -> entities.createNativeQuery("select count(*) from audit_entry where project_id = :p"
                                        + " and action in ('channel.promoted', 'channel.rolledBack')")
                                .setParameter("p", project)
                                .getSingleResult()))
                .longValue();
        assertEquals(2, entries, "only what was done is audited");
    }

    @Test
    void aCanaryHasAShareUntilItIsPromotedEndedOrRolledBack() {
        String project = Api.project("{}");
        List.of("v1", "v2", "v3").forEach(version -> published(project, version));
        canary(project, "v1", 10).statusCode(404);
        promote(project, "\"v1\"");
        promote(project, "\"v2\"");
        canary(project, "v2", 10).statusCode(422).body("code", equalTo("already_promoted"));
        canary(project, "v3", 0).statusCode(422).body("code", equalTo("invalid_canary"));
        canary(project, "v9", 10).statusCode(422).body("code", equalTo("unknown_adapter"));

        canary(project, "v3", 12.5)
                .statusCode(200)
                .body("version", equalTo("v2"))
                .body("canary.version", equalTo("v3"))
                .body("canary.percent", equalTo(12.5f))
                .body("canary.by", equalTo("INSTANCES"));
        Api.operator()
                .delete(channel(project) + "/canary")
                .then()
                .statusCode(200)
                .body("canary", nullValue());
        Api.operator()
                .delete(channel(project) + "/canary")
                .then()
                .statusCode(422)
                .body("code", equalTo("no_canary"));
        canary(project, "v3", 50).statusCode(200);
        rollBack(project).statusCode(200).body("version", equalTo("v1")).body("canary", nullValue());
        Api.operator()
                .get(channel(project) + "/history")
                .then()
                .statusCode(200)
                .body("size()", equalTo(6))
                .body("[0].automatic", equalTo(false))
                .body("[1].pointer.canary.version", equalTo("v3"));
    }

    @Test
    void aRuleRollsBackOnceOnErrorsOfTheVersionAndThenWaitsForAPerson() {
        String project = Api.project("{}");
        List.of("v1", "v2").forEach(version -> published(project, version));
        promote(project, "\"v1\"");
        promote(project, "\"v2\"");
        rule(project, "{\"errorPercent\":5,\"minRequests\":100}")
                .statusCode(200)
                .body("minRequests", equalTo(100));

        report(project, "i1", "v2", 2, "LOADED", false, 60, 30);
        rules.check();
        assertChannel(project, "v2", 2);
        report(project, "i2", "v2", 1, "LOADED", false, 60, 60);
        rules.check();
        assertChannel(project, "v2", 2);
        report(project, "i2", "v2", 2, "LOADED", false, 60, 0);
        rules.check();
        rules.check();

        assertChannel(project, "v1", 3);
        Api.operator()
                .get(channel(project) + "/history")
                .then()
                .body("[0].automatic", equalTo(true))
                .body("[0].pointer.changedBy", equalTo("rule"))
                .body(
                        "[0].pointer.reason",
                        equalTo("rolled back from v2 to change 1: 25.0% errors in 120 requests of v2, the rule allows"
                                + " 5.0%"));
        // What the rule brought back is bad as well: that is for a person.
        report(project, "i1", "v1", 3, "LOADED", false, 500, 500);
        rules.check();
        assertChannel(project, "v1", 3);
    }

    @Test
    void aRuleEndsTheTrialOfACanaryThatInstancesRefuseForGood() {
        String project = Api.project("{}");
        List.of("v1", "v2").forEach(version -> published(project, version));
        promote(project, "\"v1\"");
        rule(project, "{\"refusedInstances\":2}").statusCode(200);
        canary(project, "v2", 50).statusCode(200);

        report(project, "i1", "v2", 2, "REFUSED", false, 0, 0);
        report(project, "i2", "v2", 2, "REFUSED", true, 0, 0);
        rules.check();
        Api.operator().get(channel(project) + "/history").then().body("[0].automatic", equalTo(false));
        report(project, "i2", "v2", 2, "REFUSED", false, 0, 0);
        rules.check();

        assertChannel(project, "v1", 3);
        Api.operator()
                .get(channel(project) + "/history")
                .then()
                .body("[0].automatic", equalTo(true))
                .body("[0].pointer.canary", nullValue())
                .body("[0].pointer.reason", equalTo("2 instances refuse v2"));
        rule(project, "{}").statusCode(422).body("code", equalTo("invalid_rule"));
        Api.operator().delete(channel(project) + "/rule").then().statusCode(204);
        Api.operator().get(channel(project) + "/rule").then().statusCode(204);
        Api.operator()
                .get("/api/v1/projects/" + project + "/channels/none/rule")
                .then()
                .statusCode(404);
    }

    @Test
    void retentionKeepsWhatIsNewPromotedTriedOrInUse() {
        String project = Api.project("{}");
        for (int i = 1; i <= 7; i++) {
            published(project, "v" + i);
        }
        promote(project, "\"v1\"");
        promote(project, "null");
        canary(project, "v2", 1).statusCode(200);
        Api.operator()
                .body("{\"dryRun\":true}")
                .post(retention(project) + "/run")
                .then()
                .statusCode(422);
        Api.operator().body("{\"keepLast\":0}").put(retention(project)).then().statusCode(422);
        Api.operator()
                .body("{\"keepLast\":2,\"keepDays\":0}")
                .put(retention(project))
                .then()
                .statusCode(200);
        // A round that has not ended continues v3.
        Api.operator()
                .body("{\"kind\":\"SAMPLE\",\"prompts\":[\"x\"],\"initialAdapter\":\"v3\"}")
                .post("/api/v1/projects/" + project + "/rounds")
                .then()
                .statusCode(201);

        run(project, true).body("retired", equalTo(List.of("v4", "v5")));
        Api.operator().get(retention(project)).then().body("retired", equalTo(List.of()));
        run(project, false).body("retired", equalTo(List.of("v4", "v5"))).body("kept", equalTo(5));

        Api.operator()
                .body("{\"version\":\"v4\"}")
                .put(channel(project))
                .then()
                .statusCode(422)
                .body("code", equalTo("adapter_retired"));
        Api.operator()
                .body("{\"kind\":\"SAMPLE\",\"prompts\":[\"x\"],\"initialAdapter\":\"v5\"}")
                .post("/api/v1/projects/" + project + "/rounds")
                .then()
                .statusCode(422)
                .body("code", equalTo("adapter_retired"));
        run(project, false).body("retired", equalTo(List.of()));
    }

    @Test
    void collectionsAreDryUnlessToldAndHaveAGrace() {
        Api.operator()
                .body("{}")
                .post("/api/v1/artifacts/collection")
                .then()
                .statusCode(200)
                .body("dryRun", equalTo(true));
        Api.operator()
                .body("{\"graceHours\":0.5}")
                .post("/api/v1/artifacts/collection")
                .then()
                .statusCode(422)
                .body("code", equalTo("invalid_grace"));
        Api.operator()
                .get("/api/v1/artifacts/collection")
                .then()
                .statusCode(200)
                .body("[0].startedBy", equalTo("operator"));
    }

    private static ValidatableResponse run(String project, boolean dryRun) {
        return Api.operator()
                .body("{\"dryRun\":" + dryRun + "}")
                .post(retention(project) + "/run")
                .then()
                .statusCode(200);
    }

    private static String retention(String project) {
        return "/api/v1/projects/" + project + "/retention";
    }

    private static String channel(String project) {
        return "/api/v1/projects/" + project + "/channels/production";
    }

    private static ValidatableResponse canary(String project, String version, double percent) {
        return Api.operator()
                .body("{\"version\":\"" + version + "\",\"percent\":" + percent + "}")
                .put(channel(project) + "/canary")
                .then();
    }

    private static ValidatableResponse rule(String project, String body) {
        return Api.operator().body(body).put(channel(project) + "/rule").then();
    }

    private static void assertChannel(String project, String version, int sequence) {
        Api.operator()
                .get("/api/v1/projects/" + project + "/channels")
                .then()
                .body("[0].version", equalTo(version))
                .body("[0].sequence", equalTo(sequence));
    }

    /** As the projection of a service's report. */
    private void report(
            String project,
            String instance,
            String version,
            long sequence,
            String status,
            boolean retrying,
            long requests,
            long errors) {
        boolean loaded = status.equals("LOADED");
        AdapterLoad swapped = new AdapterLoad(
                project + instance,
                project,
                "production",
                AdapterLoad.Status.valueOf(status),
                Optional.of(version),
                loaded ? Optional.of(version) : Optional.empty(),
                sequence,
                1,
                Optional.empty(),
                Instant.EPOCH);
        AdapterLoad load = (retrying ? swapped.tryingAgain() : swapped)
                .counting(Optional.of(new AdapterLoad.Traffic(requests, errors, 0, 0)), Instant.EPOCH);
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery("insert into adapter_load (instance_id, project_id, body)"
                                + " values (:i, :p, :b) on conflict (instance_id) do update set body = excluded.body")
                        .setParameter("i", load.instanceId())
                        .setParameter("p", project)
                        .setParameter("b", EventJson.writeText(load))
                        .executeUpdate());
    }

    private static ValidatableResponse promote(String project, String version) {
        return Api.operator()
                .body("{\"version\":" + version + "}")
                .put("/api/v1/projects/" + project + "/channels/production")
                .then()
                .statusCode(200);
    }

    private static ValidatableResponse rollBack(String project) {
        return Api.operator()
                .post("/api/v1/projects/" + project + "/channels/production/rollback")
                .then();
    }

    /** As the projection has it once the end of a round was read. */
    private void succeeded(String project, String version) {
        String round = project + "-" + version;
        RoundEvent event = new RoundEvent.Succeeded(round, project, Optional.of(version), Map.of(), Instant.EPOCH);
        QuarkusTransaction.requiringNew().run(() -> {
            entities.createNativeQuery("insert into round (id, project_id, kind, version, config, requested_by,"
                            + " requested_at) values (:r, :p, 'DPO', :v, '{}', 'operator', now())")
                    .setParameter("r", round)
                    .setParameter("p", project)
                    .setParameter("v", version)
                    .executeUpdate();
            // A partition of its own: offsets of the real topic stay free.
            entities.createNativeQuery("insert into round_event (partition, \"offset\", round_id, type, body)"
                            + " values (:n, 0, :r, 'Succeeded', :b)")
                    .setParameter("n", 1000 + Math.floorMod(round.hashCode(), 1_000_000))
                    .setParameter("r", round)
                    .setParameter("b", EventJson.writeText(event))
                    .executeUpdate();
        });
    }

    /** As the projection does. */
    private void published(String project, String version) {
        AdapterManifest manifest = new AdapterManifest(
                project,
                version,
                AdapterManifest.Kind.POLICY,
                "a-round",
                RoundKind.DPO,
                new AdapterManifest.BaseModel("podium-nano", "0".repeat(64)),
                RoundConfig.defaults(RoundKind.DPO),
                Optional.of(RoundConfig.Lora.DEFAULT),
                List.of(new AdapterManifest.ArtifactFile("adapter_model.safetensors", "0".repeat(64), 1, 1)),
                Optional.empty(),
                1,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Map.of(),
                Instant.EPOCH);
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery(
                                "insert into adapter (project_id, version, kind, created_at, body)"
                                        + " values (:p, :v, 'POLICY', now(), :b)")
                        .setParameter("p", project)
                        .setParameter("v", version)
                        .setParameter("b", EventJson.writeText(manifest))
                        .executeUpdate());
    }
}
