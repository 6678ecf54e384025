package dev.podium.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static dev.podium.e2e.Look.HOSTILE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.microsoft.playwright.Download;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.assertions.LocatorAssertions;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.FilePayload;
import dev.podium.e2e.Browser.Device;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.client.Rounds;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Everything an operator can do in the console with rounds, adapters and rules, at a desktop and on a phone:
 * done in the browser, seen on the page, and in what it has changed. Each test has a project of its own.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OperatorsRoundsTest {
    /** Trainers that others keep busy are slow. */
    private static final double ROUND_MILLIS = 180_000;

    private Scene scene;

    @BeforeAll
    void openSceneAndLetTrainersBegin() throws Exception {
        scene = Scene.open();
        for (Device device : Device.values()) {
            for (String project : List.of("adapters-", "without-", "compared-")) {
                scene.ranked(project + device.word());
                scene.startQuickRound(project + device.word());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aRoundOfEachKindIsStartedInTheFormAndFollowedToItsEnd(Device device) throws Exception {
        String project = "kinds-" + device.word();
        scene.ranked(project);
        Map<String, String> training =
                Map.of("training.batchTasks", "4", "training.maxLengthTokens", "128", "training.publishIf", "always");
        Map<String, Map<String, String>> kinds = new LinkedHashMap<>();
        kinds.put("REWARD", Map.of());
        kinds.put("DPO", Map.of());
        kinds.put("SFT", Map.of("recordsFile", "{\"input\":\"" + HOSTILE + "\",\"output\":\"Charge it.\"}"));
        kinds.put("PPO", Map.of("totalPrompts", "4", "maxNewTokens", "4"));
        kinds.put("SAMPLE", Map.of("prompts", HOSTILE + "\nHello?", "maxNewTokens", "4", "outputsPerPrompt", "2"));
        try (Look look = Look.operator(scene, device, "rounds", "/console/" + project)) {
            for (Map.Entry<String, Map<String, String>> kind : kinds.entrySet()) {
                boolean samples = kind.getKey().equals("SAMPLE");
                Map<String, String> fields = new LinkedHashMap<>(samples ? Map.of() : training);
                fields.putAll(kind.getValue());
                look.go("/console/" + project);
                openRoundForm(look, kind.getKey(), fields);
                look.check("new " + kind.getKey());
                look.press("Start");
                look.awaitUrl("/console/" + project + "/rounds/");
                assertState(look, "succeeded");
                if (!samples) {
                    assertThat(look.page.locator("#charts canvas").first()).isVisible();
                    assertThat(look.page.getByText("Use v")).isVisible();
                }
                look.check(kind.getKey());
            }
            look.page.getByText("See the tasks").click();
            assertThat(look.page.locator("#figures .figure").first()).hasText(Scene.RANKED_TASKS + 2 + "tasks");
            assertThat(look.page.locator("#rounds-list tbody tr")).hasCount(5);
            assertThat(look.page.locator("#adapters-list tbody tr")).hasCount(4);
            look.check("all");
        }
        JsonNode rounds = scene.operator.get(Api.path("projects", project, "rounds"));
        assertEquals(
                List.of("DPO", "PPO", "REWARD", "SAMPLE", "SFT"),
                Scene.texts(rounds, "kind").stream().sorted().toList());
        assertEquals(
                List.of("SUCCEEDED"),
                Scene.texts(rounds, "state").stream().distinct().toList());
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aRoundsCurvesGrowByThemselvesUntilItIsCancelledAndItIsRunAgain(Device device) throws Exception {
        String project = "curves-" + device.word();
        scene.ranked(project);
        try (Look look = Look.operator(scene, device, "curves", "/console/" + project)) {
            openRoundForm(look, "SFT", Map.of("records", "no record", "method", "full"));
            // What suits an adapter ruins a model.
            assertThat(look.field("Learning rate")).hasValue("2e-5");
            look.press("Start");
            assertThat(look.dialog().locator(".notice.bad")).hasText("Line 1 is not a JSON object.");
            look.check("refused");
            look.press("Cancel");

            openRoundForm(look, "DPO", Map.of("training.epochs", "1000", "training.maxLengthTokens", "128"));
            look.press("Start");
            look.awaitUrl("/console/" + project + "/rounds/");
            assertState(look, "running");
            assertThat(look.page.locator("#charts canvas").first()).isVisible();
            Locator step = look.page.locator("#round-head .figure .value").first();
            String before = step.innerText();
            assertThat(step).not().hasText(before);
            look.check("running");
            look.button("Cancel").click();
            look.check("cancel");
            look.submit("Cancel the round");
            assertState(look, "cancelled");
            String first = roundOf(look);
            assertEquals(
                    "CANCELLED",
                    scene.operator.get(Api.path("rounds", first)).path("state").asText());

            look.button("Run again").click();
            look.field("On").selectOption("NOW");
            look.check("again");
            look.press("Run it again");
            look.page.waitForURL(url -> !url.endsWith(first) && url.contains("/rounds/"));
            assertThat(look.page.locator("#round-head")).containsText("an earlier round");
            String second = roundOf(look);

            // From the list, it is cancelled too.
            look.go("/console/" + project);
            Look.button(look.row("#rounds-list", "DPO").first(), "Cancel").click();
            look.submit("Cancel the round");
            assertThat(look.row("#rounds-list", "cancelled")).hasCount(2);
            scene.await(
                    Api.path("rounds", second),
                    round -> round.path("state").asText().equals("CANCELLED"));
            look.check("list");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void adaptersAreTracedBothWaysFetchedAndPromoted(Device device) throws Exception {
        String project = "adapters-" + device.word();
        scene.awaitAdapter(project, "v1");
        end(scene.operator.post(
                Api.path("projects", project, "rounds"),
                Map.of("kind", "DPO", "config", Scene.QUICK, "initialAdapter", "v1")));
        scene.awaitAdapter(project, "v2");
        try (Look look = Look.operator(scene, device, "adapters", "/console/" + project)) {
            Look.button(look.row("#adapters-list", "v2").first(), "Lineage").click();
            assertThat(look.dialog()).containsText("Rankings");
            assertThat(look.dialog()).containsText("Goes on in");
            assertThat(look.dialog().locator("dl")).containsText("v1");
            assertThat(look.dialog().locator("dl")).containsText("ann (6), mallory (6)");
            look.check("lineage");
            for (String file : List.of("adapter_config.json", "data-set")) {
                Download download = look.page.waitForDownload(() -> look.dialog()
                        .locator("a[download][href*='" + file + "']")
                        .click());
                assertTrue(Files.size(download.path()) > 0, file);
            }
            look.press("Close");
            Look.button(look.page.locator("#adapters-list tbody tr").last(), "Lineage")
                    .click();
            assertThat(look.dialog()).containsText("v2 (starts from it)");
            look.press("Close");

            // Run again on its own data it is the same adapter, and its round leads back to it.
            look.page
                    .locator("#adapters-list tbody tr")
                    .last()
                    .getByRole(AriaRole.LINK)
                    .click();
            look.awaitUrl("/console/" + project + "/rounds/");
            String first = roundOf(look);
            look.button("Run again").click();
            assertThat(look.field("On")).hasValue("SAME");
            look.press("Run it again");
            look.page.waitForURL(url -> !url.endsWith(first) && url.contains("/rounds/"));
            assertState(look, "succeeded");
            assertThat(look.page.locator("#round-head")).containsText("again on the same data set");
            assertThat(look.page.locator("#round-head")).containsText("The adapter is the same, byte for byte.");
            look.check("again");
            look.page.getByText("Use v3").click();
            look.awaitUrl("/console/" + project + "#adapters");
            assertThat(look.row("#adapters-list", "v3")).isInViewport();

            // Promoted; seen without a reload.
            Look.button(look.page.locator("#adapters-list tbody tr").last(), "Promote")
                    .click();
            look.field("Reason").fill(HOSTILE);
            look.check("promote");
            look.submit("Promote");
            assertThat(look.page.locator("#channels-list .channel")).containsText("production");
            assertThat(look.page.locator("#channels-list")).containsText(HOSTILE);
            assertEquals(
                    "v1", scene.channel(project, "production").path("version").asText());
            look.check("page");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void anExcludedLabelersRoundsAreRunAgainAndWhatIsOutdatedIsRetired(Device device) throws Exception {
        String project = "without-" + device.word();
        scene.awaitAdapter(project, "v1");
        try (Look look = Look.operator(scene, device, "exclusion", "/console/" + project)) {
            look.button("Exclude a labeler").click();
            look.field("Labeler").fill("mallory");
            look.field("Why").fill(HOSTILE);
            look.press("Take back all their rankings");
            assertThat(look.dialog().locator("tbody tr")).containsText("v1");
            look.check("affected");
            look.press("Run their rounds again without them");
            assertThat(look.dialog()).containsText("One round is planned");
            look.press("Close");
            assertThat(look.row("#planned-list", "DPO"))
                    .containsText("succeeded", new LocatorAssertions.ContainsTextOptions().setTimeout(ROUND_MILLIS));
            look.row("#adapters-list", "v2").waitFor();
            look.check("again");
            JsonNode lineage = scene.operator.get(Api.path("projects", project, "adapters", "v2", "lineage"));
            assertEquals(List.of("ann"), Scene.texts(lineage.path("labelers"), "labelerId"));
            Look.button(look.row("#exclusions-list", "mallory"), "Affected adapters")
                    .click();
            assertThat(look.dialog().locator("tbody tr")).hasCount(1);
            look.press("Close");

            look.button("Keep and retire").click();
            look.field("Newest versions of each kind").fill("1");
            look.field("And all younger than").fill("0");
            look.press("Save and preview");
            assertThat(look.dialog()).containsText("Would be retired: v1.");
            look.check("retire");
            look.submit("Retire now");
            assertThat(look.page.locator("#notice")).containsText("One version is retired");
            look.check("retired");
        }
        assertEquals(
                List.of("v1"),
                StreamSupport.stream(
                                scene.operator
                                        .get(Api.path("projects", project, "retention"))
                                        .path("retired")
                                        .spliterator(),
                                false)
                        .map(one -> one.has("version") ? one.path("version").asText() : one.asText())
                        .toList());
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void roundsStartByARuleAndRulesAreTurnedOffAndDeleted(Device device) throws Exception {
        String project = "rules-" + device.word();
        scene.ranked(project);
        try (Look look = Look.operator(scene, device, "rules", "/console/" + project)) {
            assertThat(look.page.locator("#rules-list")).containsText("Nothing starts or is promoted by itself");
            look.button("New rule for rounds").click();
            look.field("Name").fill("soon");
            look.field("Rounds").selectOption("REWARD");
            look.field("When so many tasks").fill("5");
            look.field("Decided tasks there must be").fill("5");
            look.dialog().getByLabel("Turn it on now").check();
            look.check("new");
            look.submit("Set the rule");
            assertThat(look.row("#rules-list", "soon")).containsText("on");
            // By itself: nobody presses anything.
            assertThat(look.row("#decisions-list", "soon").first()).containsText("started");
            assertThat(look.row("#planned-list", "REWARD").getByRole(AriaRole.LINK))
                    .isVisible();
            assertThat(look.row("#rounds-list", "REWARD")).isVisible();
            look.check("started");
            Look.button(look.row("#rules-list", "soon"), "Turn off").click();
            assertThat(look.row("#rules-list", "soon").locator(".state")).hasText("off");
            assertFalse(rule(project, "soon").path("enabled").asBoolean());
            Look.button(look.row("#rules-list", "soon"), "Change").click();
            assertThat(look.field("Name")).not().isEditable();
            look.field("When so many tasks").fill("6");
            look.check("changed");
            look.submit("Change the rule");
            assertThat(look.row("#rules-list", "soon")).containsText("at 6 new decided tasks: REWARD");
            assertFalse(rule(project, "soon").path("enabled").asBoolean());
            Look.button(look.row("#rules-list", "soon"), "Delete").click();
            look.submit("Delete it");
            assertThat(look.row("#rules-list", "soon")).hasCount(0);

            look.mayBeRefused(422);
            look.button("New rule for an A/B test").click();
            look.field("Name").fill("judged");
            look.field("Probability of a wrong verdict").fill("7");
            look.press("Set the rule");
            assertThat(look.dialog().locator(".notice.bad")).isVisible();
            look.check("A-B");
            // Where it promotes to must be there.
            look.field("Probability of a wrong verdict").fill("0.01");
            look.press("Set the rule");
            assertThat(look.dialog().locator(".notice.bad")).containsText("there is no channel production");
            scene.operator.put(Api.path("projects", project, "channels", "production"), Map.of(), Map.of());
            look.submit("Set the rule");
            Locator judged = look.row("#rules-list", "judged");
            assertThat(judged).containsText("canary against production");
            assertThat(judged.locator(".state")).hasText("off");
            Look.button(judged, "Turn on").click();
            assertThat(judged.locator(".state")).hasText("on");
            Look.button(judged, "Change").click();
            look.field("Tasks that must count first").fill("5");
            look.submit("Change the rule");
            scene.await(
                    Api.path("projects", project, "rules"),
                    rules -> rules.toString().contains("\"minTasks\":5"));
            assertTrue(rule(project, "judged").path("enabled").asBoolean());
            look.check("list");
        }
        assertTrue(rule(project, "soon").isMissingNode());
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void twoAdaptersAreComparedByWhatPeopleSay(Device device) throws Exception {
        String project = "compared-" + device.word();
        String ann = "judge-" + device.word();
        scene.labeler(ann);
        scene.awaitAdapter(project, "v1");
        end(scene.operator.post(
                Api.path("projects", project, "rounds"),
                Map.of(
                        "kind",
                        "SAMPLE",
                        "initialAdapter",
                        "v1",
                        "prompts",
                        List.of("Hello?", "Who?"),
                        "config",
                        Map.of("outputsPerPrompt", 2, "maxNewTokens", 6, "mixWithBase", true))));
        try (Look look = Look.operator(scene, device, "A-B", "/console/" + project);
                Api labeler = new Api(scene.stack.url(), ann, Scene.PASSWORD)) {
            assertThat(look.page.locator("#ab-choice [name=a]")).isVisible();
            look.page.locator("#ab-choice [name=a]").selectOption("v1");
            look.page.locator("#ab-choice [name=b]").selectOption("base");
            assertThat(look.page.locator("#ab-report")).containsText("2 wait");
            for (int i = 0; i < 2; i++) {
                Scene.takeTheFirst(labeler, project);
            }
            assertThat(look.page.locator("#ab-report")).containsText("2 tasks");
            assertThat(look.page.locator("#ab-report")).containsText("undecided");
            look.check("report");
            look.page.locator("#ab-choice [name=b]").selectOption("v1");
            assertThat(look.page.locator("#ab-report")).containsText("Choose two different adapters");
        }
        JsonNode report = scene.operator.get(Api.path("projects", project, "ab", "v1", "base"));
        assertEquals(2, report.path("tasks").asInt(), report.toString());
    }

    /** Opens the form of a new round, and fills in fields by their names. */
    private static void openRoundForm(Look look, String kind, Map<String, String> fields) {
        look.button("Start a round").click();
        look.dialog().locator("[name=kind][value=" + kind + "]").check();
        look.dialog().getByText("More settings").click();
        fields.forEach((name, value) -> {
            Locator field = look.dialog().locator("[name='" + name + "']");
            if (name.endsWith("File")) {
                field.setInputFiles(
                        new FilePayload(name + ".jsonl", "text/plain", value.getBytes(StandardCharsets.UTF_8)));
            } else if (field.evaluate("field => field.tagName").equals("SELECT")) {
                field.selectOption(value);
            } else {
                field.fill(value);
            }
        });
    }

    private static void assertState(Look look, String state) {
        assertThat(look.page.locator("#round-head .state"))
                .hasText(state, new LocatorAssertions.HasTextOptions().setTimeout(ROUND_MILLIS));
    }

    private static String roundOf(Look look) {
        return look.page.url().replaceAll(".*/rounds/", "");
    }

    private void end(JsonNode round) throws ApiException {
        JsonNode ended = Rounds.follow(scene.operator, round.path("id").asText(), seen -> {});
        assertEquals("SUCCEEDED", ended.path("state").asText(), ended.toString());
    }

    private JsonNode rule(String project, String name) throws ApiException {
        for (JsonNode rule : scene.operator.get(Api.path("projects", project, "rules"))) {
            if (rule.path("name").asText().equals(name)) {
                return rule;
            }
        }
        return com.fasterxml.jackson.databind.node.MissingNode.getInstance();
    }
}
