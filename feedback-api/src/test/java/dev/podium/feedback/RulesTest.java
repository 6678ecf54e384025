package dev.podium.feedback;

import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.nullValue;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.RankingRules;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.Task;
import dev.podium.embedded.testing.ServersResource;
import dev.podium.feedback.automation.Automation;
import dev.podium.feedback.round.Plans;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.restassured.response.ValidatableResponse;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(ServersResource.class)
class RulesTest {
    private static final String CHAIN = "\"when\":{\"newDecidedTasks\":20},\"guards\":{\"maxHeldOutDrop\":0.05},"
            + "\"chain\":[{\"kind\":\"REWARD\"},{\"kind\":\"DPO\",\"config\":{\"beta\":0.2}}]";

    @Inject
    EntityManager entities;

    @Inject
    Automation automation;

    @Inject
    Plans plans;

    @Test
    void aRuleThatNobodyTurnedOnStartsNothing() {
        String project = Api.project("{}");
        decide(project, 0, 30);
        rule(project, "nightly", "{\"rounds\":{" + CHAIN + "}}")
                .statusCode(200)
                .body("enabled", equalTo(false))
                .body("newDecidedTasks", equalTo(30));

        automation.look();

        rounds(project).body("", hasSize(0));
    }

    @Test
    void whatIsDueStartsOnceHoweverManyInstancesLookAndGoesOnToAPromotion() throws Exception {
        String project = Api.project("{}");
        decide(project, 0, 19);
        rule(
                        project,
                        "nightly",
                        "{\"enabled\":true,\"rounds\":{" + CHAIN
                                + ",\"promote\":{\"channel\":\"canary\",\"minHeldOutAccuracy\":0.6}}}")
                .statusCode(200);
        automation.look();
        rounds(project).body("", hasSize(0));
        decisions(project).body("", hasSize(0));

        decide(project, 19, 25);
        atOnce(() -> automation.look());
        atOnce(() -> plans.advance());
        advanceToRound(project, 1);

        rounds(project)
                .body("", hasSize(1))
                .body("[0].kind", equalTo("REWARD"))
                .body("[0].reason", containsString("25 tasks were decided since the last REWARD round, 20 are wanted"));
        decisions(project).body("", hasSize(1)).body("[0].decision", equalTo("STARTED"));

        succeed(project, RoundKind.REWARD, Map.of("heldout_accuracy_after", 0.7));
        atOnce(() -> plans.advance());
        advanceToRound(project, 2);
        rounds(project).body("", hasSize(2)).body("[0].kind", equalTo("DPO")).body("[0].config.beta", equalTo(0.2f));
        String version = succeed(project, RoundKind.DPO, Map.of("heldout_accuracy", 0.65));
        atOnce(() -> plans.advance());
        advanceToEnd(project);

        Api.operator()
                .get("/api/v1/projects/" + project + "/channels")
                .then()
                .body("[0].channel", equalTo("canary"))
                .body("[0].version", equalTo(version))
                .body("[0].changedBy", equalTo("rule nightly (set by operator)"))
                .body("[0].reason", containsString("held-out accuracy 0.650"));
        decisions(project)
                .body("", hasSize(3))
                .body("[0].decision", equalTo("PROMOTED"))
                .body("[1].decision", equalTo("FINISHED"));

        // Once a day unless said otherwise, and the reason not to is said once.
        decide(project, 25, 60);
        automation.look();
        automation.look();
        rounds(project).body("", hasSize(2));
        decisions(project)
                .body("", hasSize(4))
                .body("[0].decision", equalTo("HELD_BACK"))
                .body("[0].reason", containsString("its maxPerDay"));
    }

    @Test
    void aChainStopsWhereTheHeldOutAccuracyFalls() {
        String project = Api.project("{}");
        publish(project, "v900", RoundKind.REWARD, Map.of("heldout_accuracy_after", 0.8), Instant.EPOCH);
        decide(project, 0, 25);
        rule(project, "nightly", "{\"enabled\":true,\"rounds\":{" + CHAIN + "}}")
                .statusCode(200);
        automation.look();
        advanceToRound(project, 1);
        succeed(project, RoundKind.REWARD, Map.of("heldout_accuracy_after", 0.7));

        advanceToEnd(project);

        rounds(project).body("", hasSize(1));
        decisions(project)
                .body("", hasSize(3))
                .body("[0].decision", equalTo("STOPPED"))
                .body("[1].reason", containsString("is 0.700, that of v900 was 0.800; it may fall by 0.050"));
        Api.operator()
                .get("/api/v1/projects/" + project + "/rounds/planned")
                .then()
                .body("[0].state", equalTo("FAILED"))
                .body("[1].state", equalTo("DROPPED"));
    }

    @Test
    void aRoundWhoseManifestNeverComesHoldsUpNothingForEver() {
        String project = Api.project("{}");
        decide(project, 0, 25);
        rule(
                        project,
                        "nightly",
                        "{\"enabled\":true,\"rounds\":{" + CHAIN.replace("0.05}", "0.05,\"maxPerDay\":9}") + "}}")
                .statusCode(200);
        automation.look();
        advanceToRound(project, 1);
        succeedWithoutManifest(project, Map.of("heldout_accuracy_after", 0.7));
        decide(project, 25, 50);
        automation.look();
        decisions(project).body("", hasSize(1));

        // Half an hour goes by.
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery("update planned_round set"
                                + " changed_at = changed_at - interval '30 minutes' where project_id = :p")
                        .setParameter("p", project)
                        .executeUpdate());
        advanceToEnd(project);

        Api.operator()
                .get("/api/v1/projects/" + project + "/rounds/planned")
                .then()
                .body("[0].state", equalTo("FAILED"))
                .body("[0].note", containsString("no manifest of its adapter has come for 30 minutes"))
                .body("[1].state", equalTo("DROPPED"));
        automation.look();
        advanceToRound(project, 2);
    }

    @Test
    void whatAGuardStoppedIsNotWhatTheNextIsComparedWith() {
        String project = Api.project("{}");
        publish(project, "v900", RoundKind.REWARD, Map.of("heldout_accuracy_after", 0.8), Instant.EPOCH);
        rule(
                        project,
                        "nightly",
                        "{\"enabled\":true,\"rounds\":{\"when\":{\"newDecidedTasks\":20},"
                                + "\"guards\":{\"maxHeldOutDrop\":0.05,\"maxPerDay\":9},"
                                + "\"chain\":[{\"kind\":\"REWARD\"}]}}")
                .statusCode(200);
        // Never more than 0.05 at once below the one before, but for the first.
        List<Double> measured = List.of(0.7, 0.7, 0.77, 0.73);
        for (int i = 0; i < measured.size(); i++) {
            decide(project, 25 * i, 25 * i + 25);
            automation.look();
            advanceToRound(project, i + 1);
            succeed(project, RoundKind.REWARD, Map.of("heldout_accuracy_after", measured.get(i)));
            advanceToEnd(project);
        }

        decisions(project)
                .body(
                        "findAll { it.decision != 'STARTED' }.decision",
                        equalTo(List.of("FINISHED", "FINISHED", "STOPPED", "STOPPED")))
                .body("[0].reason", containsString("held-out accuracy 0.730 after 0.770"))
                .body("[2].reason", containsString("held-out accuracy 0.770 after 0.800 of v900"))
                .body("[4].reason", containsString("is 0.700, that of v900 was 0.800"))
                .body("[6].reason", containsString("is 0.700, that of v900 was 0.800"));
    }

    @Test
    void aStepThatStartsFromTheNewestContinuesWhatItsChainHasMade() {
        String project = Api.project("{}");
        publish(project, "v900", RoundKind.SFT, Map.of(), Instant.EPOCH);
        decide(project, 0, 25);
        rule(
                        project,
                        "nightly",
                        "{\"enabled\":true,\"rounds\":{\"when\":{\"newDecidedTasks\":20},\"chain\":["
                                + "{\"kind\":\"SFT\",\"startFrom\":\"newest\"},{\"kind\":\"REWARD\"},"
                                + "{\"kind\":\"DPO\",\"startFrom\":\"newest\"}]}}")
                .statusCode(200);
        automation.look();
        advanceToRound(project, 1);
        rounds(project).body("", hasSize(1)).body("[0].initialAdapter", equalTo("v900"));
        String tuned = succeed(project, RoundKind.SFT, Map.of());
        advanceToRound(project, 2);
        succeed(project, RoundKind.REWARD, Map.of("heldout_accuracy_after", 0.7));
        // What somebody publishes meanwhile is no part of the chain.
        publish(project, "v901", RoundKind.SFT, Map.of(), Instant.now());

        advanceToRound(project, 3);

        rounds(project)
                .body("", hasSize(3))
                .body("[0].kind", equalTo("DPO"))
                .body("[0].initialAdapter", equalTo(tuned));
    }

    @Test
    void aChannelThatDoesNotExistHoldsARuleBackUntilItDoes() {
        String project = Api.project("{}");
        publish(project, "v900", RoundKind.SFT, Map.of(), Instant.EPOCH);
        decide(project, 0, 25);
        rule(
                        project,
                        "nightly",
                        "{\"enabled\":true,\"rounds\":{\"when\":{\"newDecidedTasks\":20},"
                                + "\"chain\":[{\"kind\":\"DPO\",\"startFrom\":\"channel:producton\"}]}}")
                .statusCode(200);

        automation.look();
        automation.look();

        plans.advance();
        rounds(project).body("", hasSize(0));
        decisions(project)
                .body("", hasSize(1))
                .body("[0].decision", equalTo("HELD_BACK"))
                .body("[0].reason", containsString("there is no channel producton"));
        point(project, "producton", "v900");
        automation.look();
        advanceToRound(project, 1);
        rounds(project).body("", hasSize(1)).body("[0].initialAdapter", equalTo("v900"));
    }

    @Test
    void aDailyRuleStartsEveryDay() {
        for (String when : List.of("\"every\":\"PT24H\"", "\"cron\":\"0 3 * * *\"")) {
            String project = Api.project("{}");
            decide(project, 0, 1);
            rule(
                            project,
                            "nightly",
                            "{\"enabled\":true,\"rounds\":{\"when\":{" + when + "},\"guards\":{\"minDecidedTasks\":0},"
                                    + "\"chain\":[{\"kind\":\"REWARD\"}]}}")
                    .statusCode(200);
            for (int day = 1; day <= 3; day++) {
                aDayGoesBy(project);

                automation.look();
                automation.look();

                decisions(project).body("", hasSize(day)).body("[0].decision", equalTo("STARTED"));
            }
        }
    }

    /** All that a rule knows of is a day ago; its rounds have ended. A decision is written a moment after the look. */
    private void aDayGoesBy(String project) {
        QuarkusTransaction.requiringNew().run(() -> {
            for (String sql : List.of(
                    "update rule set set_at = set_at - interval '1 day', looked_at = looked_at - interval '1 day'"
                            + " where project_id = :p",
                    "update rule_decision set at = at - interval '1 day' + interval '1 second' where project_id = :p",
                    "delete from planned_round where project_id = :p")) {
                entities.createNativeQuery(sql).setParameter("p", project).executeUpdate();
            }
        });
    }

    @Test
    void whatCannotWorkIsRefusedWhenItIsSet() {
        String project = Api.project("{}");
        for (String wrong : List.of(
                "{}",
                "{\"rounds\":{\"chain\":[{\"kind\":\"DPO\"}]}}",
                "{\"rounds\":{\"when\":{\"every\":\"PT1S\"},\"chain\":[{\"kind\":\"DPO\"}]}}",
                "{\"rounds\":{\"when\":{\"cron\":\"61 * * * *\"},\"chain\":[{\"kind\":\"DPO\"}]}}",
                "{\"rounds\":{\"when\":{\"cron\":\"0 3 * * *\",\"zone\":\"Mars\"},\"chain\":[{\"kind\":\"DPO\"}]}}",
                "{\"rounds\":{\"when\":{\"newDecidedTasks\":1},\"chain\":[{\"kind\":\"REWARD\"}],"
                        + "\"promote\":{\"channel\":\"canary\"}}}",
                "{\"rounds\":{\"when\":{\"newDecidedTasks\":1},\"chain\":[{\"kind\":\"DPO\"},{\"kind\":\"SFT\"}],"
                        + "\"promote\":{\"channel\":\"canary\",\"minHeldOutAccuracy\":0.6}}}",
                "{\"rounds\":{\"when\":{\"newDecidedTasks\":1},\"chain\":[{\"kind\":\"REWARD\"},{\"kind\":\"PPO\"}],"
                        + "\"promote\":{\"channel\":\"canary\",\"minHeldOutAccuracy\":0.6}}}",
                "{\"ab\":{\"candidate\":\"canary\",\"incumbent\":\"canary\"}}")) {
            rule(project, "wrong", wrong).statusCode(422).body("code", equalTo("invalid_rule"));
        }
        rule(
                        project,
                        "wrong",
                        "{\"rounds\":{\"when\":{\"newDecidedTasks\":1},\"chain\":[{\"kind\":\"DPO\",\"config\":{\"betta\":1}}]}}")
                .statusCode(422)
                .body("detail", containsString("did you mean config.beta?"));
        rule(project, "clock", "{\"rounds\":{\"when\":{\"cron\":\"0 3 * * *\"},\"chain\":[{\"kind\":\"DPO\"}]}}")
                .statusCode(200)
                .body("nextAt", containsString("T03:00:00Z"));
    }

    @Test
    void anAdapterThatPeoplePreferIsPromotedAndOneTheyDoNotIsRolledBack() {
        String project = Api.project("{\"overlap\":2}");
        publish(project, "v1", RoundKind.DPO, Map.of(), Instant.EPOCH);
        publish(project, "v2", RoundKind.DPO, Map.of(), Instant.EPOCH);
        publish(project, "v3", RoundKind.DPO, Map.of(), Instant.EPOCH);
        point(project, "production", "v1");
        point(project, "canary", "v2");
        rule(
                        project,
                        "ship",
                        "{\"enabled\":true,\"ab\":{\"candidate\":\"canary\",\"incumbent\":\"production\","
                                + "\"onBetter\":\"promote\",\"onWorse\":\"roll_back\"}}")
                .statusCode(200);
        // v2 wins most tasks against v1, and a tie is half a win.
        for (int i = 0; i < 60; i++) {
            int order = i % 6 == 0 ? 0 : i % 6 == 1 ? -1 : 1;
            judged(project, "a" + i, "v2", "v1", order, 2, i);
        }
        // A task with one of two rankings does not count yet.
        judged(project, "half", "v2", "v1", -1, 1, 61);

        Api.operator()
                .get("/api/v1/projects/" + project + "/ab/v2/v1")
                .then()
                .body("tasks", equalTo(60))
                .body("waiting", equalTo(1))
                .body("wins", equalTo(40))
                .body("ties", equalTo(10))
                .body("losses", equalTo(10))
                .body("winRate", equalTo(0.75f))
                .body("verdict", equalTo("A_BETTER"));
        Api.operator()
                .get("/api/v1/projects/" + project + "/ab/v1/v2")
                .then()
                .body("winRate", equalTo(0.25f))
                .body("verdict", equalTo("B_BETTER"));
        Api.operator()
                .get("/api/v1/projects/" + project + "/ab/base/v2")
                .then()
                .body("tasks", equalTo(0))
                .body("winRate", nullValue())
                .body("verdict", equalTo("UNDECIDED"));

        automation.look();
        automation.look();

        channel(project, "production", "v2", "v2 wins 75.0 % against v1");
        decisions(project).body("", hasSize(1)).body("[0].decision", equalTo("PROMOTED"));

        point(project, "canary", "v3");
        for (int i = 0; i < 40; i++) {
            judged(project, "b" + i, "v3", "v2", -1, 2, 100 + i);
        }
        automation.look();
        automation.look();

        channel(project, "canary", "v2", "v3 wins 0.0 % against v2");
        decisions(project).body("", hasSize(2)).body("[0].decision", equalTo("ROLLED_BACK"));
    }

    @Test
    void aVersionIsComparedWithButNothingIsPromotedToIt() {
        String project = Api.project("{\"overlap\":2}");
        publish(project, "v1", RoundKind.DPO, Map.of(), Instant.EPOCH);
        publish(project, "v2", RoundKind.DPO, Map.of(), Instant.EPOCH);
        point(project, "canary", "v2");
        String rule = "{\"enabled\":true,\"ab\":{\"candidate\":\"canary\",\"incumbent\":\"%s\","
                + "\"onBetter\":\"%s\",\"onWorse\":\"roll_back\"}}";
        for (String noChannel : List.of("v1", "base", "producton")) {
            rule(project, "ship", String.format(rule, noChannel, "promote"))
                    .statusCode(422)
                    .body("code", equalTo("invalid_rule"))
                    .body("detail", containsString("there is no channel " + noChannel));
        }
        rule(project, "ship", String.format(rule, "v1", "nothing")).statusCode(200);
        // As one that was set before it was refused.
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery("update rule set body = :b where project_id = :p")
                        .setParameter("b", String.format(rule, "v1", "promote"))
                        .setParameter("p", project)
                        .executeUpdate());
        for (int i = 0; i < 60; i++) {
            judged(project, "a" + i, "v2", "v1", 1, 2, i);
        }

        automation.look();
        automation.look();

        Api.operator()
                .get("/api/v1/projects/" + project + "/channels")
                .then()
                .body("channel", equalTo(List.of("canary")));
        decisions(project)
                .body("", hasSize(1))
                .body("[0].decision", equalTo("HELD_BACK"))
                .body("[0].reason", containsString("there is no channel v1"));
        rule(project, "ship", String.format(rule, "v1", "promote")).statusCode(422);
        rule(project, "ship", String.format(rule, "v1", "promote").replace("true", "false"))
                .statusCode(200)
                .body("enabled", equalTo(false));
    }

    @Test
    void anAbTestIsReadAgainOnlyOnceSomebodyHasRanked() {
        String project = Api.project("{\"overlap\":2}");
        publish(project, "v1", RoundKind.DPO, Map.of(), Instant.EPOCH);
        publish(project, "v2", RoundKind.DPO, Map.of(), Instant.EPOCH);
        point(project, "production", "v1");
        point(project, "canary", "v2");
        rule(
                        project,
                        "ship",
                        "{\"enabled\":true,\"ab\":{\"candidate\":\"canary\",\"incumbent\":\"production\","
                                + "\"onBetter\":\"promote\"}}")
                .statusCode(200);
        for (int i = 0; i < 60; i++) {
            judged(project, "a" + i, "v2", "v1", 0, 2, i);
        }
        automation.look();
        // No ranking changes like this: who reads them again sees it.
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery("update ranking set body ="
                                + " replace(body, '[[\"o1\",\"o2\"]]', '[[\"o1\"],[\"o2\"]]') where project_id = :p")
                        .setParameter("p", project)
                        .executeUpdate());

        automation.look();
        decisions(project).body("", hasSize(0));

        judged(project, "one-more", "v2", "v1", 1, 1, 0);
        automation.look();
        decisions(project).body("", hasSize(1)).body("[0].decision", equalTo("PROMOTED"));
    }

    private static ValidatableResponse rule(String project, String name, String body) {
        return Api.operator()
                .body(body)
                .put("/api/v1/projects/" + project + "/rules/" + name)
                .then();
    }

    private static ValidatableResponse rounds(String project) {
        return Api.operator().get("/api/v1/projects/" + project + "/rounds").then();
    }

    private static ValidatableResponse decisions(String project) {
        return Api.operator()
                .get("/api/v1/projects/" + project + "/rules/decisions")
                .then();
    }

    private static void point(String project, String channel, String version) {
        Api.operator()
                .body(Map.of("version", version))
                .put("/api/v1/projects/" + project + "/channels/" + channel)
                .then()
                .statusCode(200);
    }

    private static void channel(String project, String channel, String version, String reason) {
        Api.operator()
                .get("/api/v1/projects/" + project + "/channels")
                .then()
                .body("find { it.channel == '" + channel + "' }.version", equalTo(version))
                .body("find { it.channel == '" + channel + "' }.reason", containsString(reason));
    }

    /** A look finds nothing to do where the schedule looks at the same plan just now, so one may not be enough. */
    private void advanceToRound(String project, int count) {
        // Its plan knows of a round a moment after there is one.
        advanceUntil(() -> Api.operator()
                        .get("/api/v1/projects/" + project + "/rounds/planned")
                        .<List<?>>path("findAll { it.roundId != null }.roundId")
                        .size()
                >= count);
    }

    private void advanceToEnd(String project) {
        advanceUntil(() -> Api.operator()
                .get("/api/v1/projects/" + project + "/rounds/planned")
                .<List<?>>path("findAll { it.state == 'WAITING' || it.state == 'STARTED' }.state")
                .isEmpty());
    }

    private void advanceUntil(BooleanSupplier there) {
        for (int looks = 0; !there.getAsBoolean(); looks++) {
            assertTrue(looks < 1000, "it does not come");
            plans.advance();
        }
    }

    /** As eight instances would. */
    private static void atOnce(Runnable look) throws Exception {
        Callable<Boolean> call = () -> {
            look.run();
            return true;
        };
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            for (Future<Boolean> done : threads.invokeAll(Collections.nCopies(8, call))) {
                done.get();
            }
        }
        // Whoever found it locked by another has left it to that one.
        look.run();
    }

    /** As the projection does. */
    private void decide(String project, int from, int to) {
        QuarkusTransaction.requiringNew().run(() -> {
            for (int i = from; i < to; i++) {
                entities.createNativeQuery(
                                "insert into preference (task_id, project_id, pairs, ties, rankings, decided,"
                                        + " decided_since, body) values (:t, :p, 1, 0, 1, true, now(), '{}')")
                        .setParameter("t", project + "-" + i)
                        .setParameter("p", project)
                        .executeUpdate();
            }
        });
    }

    /** Ends the newest round of a project as a trainer and the projection would. */
    private String succeed(String project, RoundKind kind, Map<String, Double> metrics) {
        String version = succeedWithoutManifest(project, metrics);
        publish(project, version, kind, metrics, Instant.now());
        return version;
    }

    /** The end of a round may be seen before its adapter. */
    private String succeedWithoutManifest(String project, Map<String, Double> metrics) {
        Response rounds = Api.operator().get("/api/v1/projects/" + project + "/rounds");
        String round = rounds.path("[0].id");
        String version = rounds.path("[0].version");
        RoundEvent end = new RoundEvent.Succeeded(round, project, Optional.of(version), metrics, Instant.now());
        int partition = 2_000_000 + Math.floorMod(round.hashCode(), 1_000_000);
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery("insert into round_event (partition, \"offset\", round_id, type,"
                                + " body) values (:p, 0, :r, 'Succeeded', :b)")
                        .setParameter("p", partition)
                        .setParameter("r", round)
                        .setParameter("b", EventJson.writeText(end))
                        .executeUpdate());
        advanceUntil(() -> planned(project, round, "note") != null);
        assertEquals("STARTED", planned(project, round, "state"));
        return version;
    }

    private static @Nullable String planned(String project, String round, String field) {
        return Api.operator()
                .get("/api/v1/projects/" + project + "/rounds/planned")
                .path("find { it.roundId == '" + round + "' }." + field);
    }

    private void publish(String project, String version, RoundKind kind, Map<String, Double> metrics, Instant at) {
        AdapterManifest manifest = new AdapterManifest(
                project,
                version,
                kind == RoundKind.REWARD ? AdapterManifest.Kind.REWARD : AdapterManifest.Kind.POLICY,
                "a-round",
                kind,
                new AdapterManifest.BaseModel("podium-nano", "0".repeat(64)),
                RoundConfig.defaults(kind),
                Optional.of(RoundConfig.Lora.DEFAULT),
                List.of(new AdapterManifest.ArtifactFile("adapter_model.safetensors", "0".repeat(64), 1, 1)),
                Optional.empty(),
                1,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                metrics,
                at);
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery(
                                "insert into adapter (project_id, version, kind, created_at, body)"
                                        + " values (:p, :v, :k, :at, :b)")
                        .setParameter("p", project)
                        .setParameter("v", version)
                        .setParameter("k", manifest.kind().name())
                        .setParameter("at", at)
                        .setParameter("b", EventJson.writeText(manifest))
                        .executeUpdate());
    }

    /** A task with an output of each, and what some labelers say: 1 the first is better, 0 a tie, -1 the second. */
    private void judged(
            String project, String name, String first, String second, int order, int labelers, int second0) {
        String id = project + "-" + name;
        Instant at = Instant.parse("2026-11-01T10:00:00Z").plusSeconds(second0);
        Task task = new Task(
                project,
                id,
                List.of(Message.user("question " + name)),
                List.of(by("o1", "one", first), by("o2", "two", second)),
                new RankingRules(true, 0, 2, 1, 0),
                Optional.empty(),
                Optional.empty(),
                at);
        List<List<String>> groups = order == 0
                ? List.of(List.of("o1", "o2"))
                : order > 0 ? List.of(List.of("o1"), List.of("o2")) : List.of(List.of("o2"), List.of("o1"));
        QuarkusTransaction.requiringNew().run(() -> {
            entities.createNativeQuery("insert into task (id, project_id, overlap, taken, body)"
                            + " values (:id, :p, 2, :taken, :body)")
                    .setParameter("id", id)
                    .setParameter("p", project)
                    .setParameter("taken", labelers)
                    .setParameter("body", EventJson.writeText(task))
                    .executeUpdate();
            for (int i = 0; i < labelers; i++) {
                RankingEvent ranking = new RankingEvent.RankingSubmitted(
                        id + i, project, id, "l" + i, 1, groups, List.of(), List.of(), 0, Optional.empty(), at);
                entities.createNativeQuery("insert into ranking (task_id, labeler, project_id, revision, retracted,"
                                + " shown_order, body, submitted_at) values (:id, :l, :p, 1, false, '', :body, :at)")
                        .setParameter("id", id)
                        .setParameter("l", "l" + i)
                        .setParameter("p", project)
                        .setParameter("body", EventJson.writeText(ranking))
                        .setParameter("at", at.plusSeconds(i))
                        .executeUpdate();
            }
        });
    }

    private static Output by(String id, String text, String version) {
        return new Output(
                id,
                text,
                new Output.Provenance("sampled", Optional.of("podium-nano"), Optional.of(version), Optional.empty()),
                List.of(1));
    }
}
