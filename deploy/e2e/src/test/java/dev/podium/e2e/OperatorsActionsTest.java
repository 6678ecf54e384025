package dev.podium.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static dev.podium.e2e.Look.HOSTILE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.microsoft.playwright.Download;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.options.FilePayload;
import com.microsoft.playwright.options.SelectOption;
import dev.podium.contracts.Topics;
import dev.podium.e2e.Browser.Device;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import java.util.zip.GZIPOutputStream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Everything an operator can do in the console with projects, people, data and the work of labelers, at a desktop and on
 * a phone: done in the browser, seen on the page, and in what it has changed. Each test has a project of its own.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OperatorsActionsTest {
    private static final List<String> FORMATS =
            List.of("auto", "kto", "kto-conversational", "trl-conversational", "listwise", "ties", "preferences");

    private Scene scene;

    @BeforeAll
    void openScene() {
        scene = Scene.open();
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aProjectIsMadeFromAPresetAndChangedLater(Device device) throws Exception {
        String id = "made-" + name(device);
        try (Look look = operator(device, "project", "/console")) {
            look.page.locator("#new-project").click();
            look.field("Begin with").selectOption(new SelectOption().setLabel("Support replies in brand voice"));
            assertThat(look.field("Guidelines")).hasValue(Pattern.compile("^Rank as the customer.*", Pattern.DOTALL));
            look.dialog().getByText("Ranking rules").click();
            assertThat(look.field("Labelers per task")).hasValue("2");
            look.field("Ratings besides").fill("Correct*: no fact is wrong\nTone");
            look.field("Name").fill(HOSTILE);
            // An id that cannot be one keeps the form open.
            look.field("Id").fill("Not an id");
            look.press("Create");
            assertThat(look.dialog()).isVisible();
            look.check("new");
            look.field("Id").fill(id);
            look.press("Create");
            look.awaitUrl("/console/" + id);
            assertThat(look.page.locator("#title")).hasText(HOSTILE);
            assertThat(look.page.locator("#labelers")).containsText("No tasks yet");

            look.button("Settings").click();
            look.field("Guidelines").fill("# Be kind\n" + HOSTILE);
            look.field("Labelers per task").fill("3");
            look.dialog().getByLabel("Ties are allowed").uncheck();
            look.field("Ratings besides").fill("Correct: no fact is wrong");
            look.field("Share with a known answer").fill("0.25");
            look.dialog().locator("[name=aggregation]").selectOption("kemeny");
            look.check("settings");
            look.submit("Save");
            assertThat(look.page.locator("#notice")).containsText("Saved.");
            look.check("page");

            // Taken once more, the id is refused where the eye is.
            look.mayBeRefused(409);
            look.go("/console");
            assertThat(look.page.locator(".tile").filter(new Locator.FilterOptions().setHasText(HOSTILE)))
                    .not()
                    .hasCount(0);
            look.page.locator("#new-project").click();
            look.field("Name").fill("Again");
            look.field("Id").fill(id);
            look.press("Create");
            assertThat(look.dialog().locator(".notice.bad")).containsText(id);
            Look.assertSeen(look.dialog().locator(".notice.bad"));
            look.check("taken");
        }
        JsonNode project = scene.operator.get(Api.path("projects", id));
        assertEquals(HOSTILE, project.path("name").asText());
        assertEquals("# Be kind\n" + HOSTILE, project.path("guidelines").asText());
        JsonNode rules = project.path("rules");
        assertEquals(List.of("3", "false"), texts(rules, "overlap", "tiesAllowed"));
        assertEquals(List.of("correct", "false"), texts(rules.path("criteria").path(0), "id", "required"));
        JsonNode work = scene.operator.get(Api.path("projects", id, "work-rules"));
        assertEquals(List.of("0.25", "kemeny"), texts(work, "goldShare", "aggregation"));
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void peopleAreAddedGivenPasswordsShutOutAndLetIn(Device device) throws Exception {
        String project = "staff-" + name(device);
        String ann = "ann." + name(device);
        scene.project(project, List.of());
        try (Look look = operator(device, "people", "/console")) {
            assertThat(look.button("Add")).isVisible();
            look.row("#users", "operator").first().waitFor();
            look.button("Add").click();
            look.field("Name").fill(HOSTILE);
            look.field("Password").fill(Scene.PASSWORD);
            look.field("In").selectOption(project);
            look.check("add");
            look.mayBeRefused(422);
            look.press("Add");
            assertThat(look.dialog().locator(".notice.bad")).containsText("letters, digits");
            look.field("Name").fill(ann);
            look.submit("Add");
            assertThat(look.row("#users", ann)).containsText(project + ": labeler");
            assertTrue(logsIn(ann, Scene.PASSWORD));

            look.button("New password for " + ann).click();
            look.field("Reason").fill(HOSTILE);
            look.press("Make one");
            Locator secret = look.dialog().locator(".secret");
            assertThat(secret).isVisible();
            look.press("Copy");
            assertThat(look.dialog().getByRole(com.microsoft.playwright.options.AriaRole.STATUS))
                    .hasText("Copied.");
            String password = (String) look.page.evaluate("() => navigator.clipboard.readText()");
            assertEquals(secret.innerText(), password);
            look.check("password");
            look.submit("Close");
            assertTrue(logsIn(ann, password));
            assertFalse(logsIn(ann, Scene.PASSWORD));

            look.button("Disable " + ann).click();
            look.submit("Disable");
            assertThat(look.row("#users", ann)).containsText("disabled");
            assertFalse(logsIn(ann, password));
            look.button("Enable " + ann).click();
            look.submit("Enable");
            assertThat(look.button("Disable " + ann)).isVisible();
            assertTrue(logsIn(ann, password));
            assertThat(look.row("#audit-list", "password.reset").first()).containsText(HOSTILE);

            look.button("Remove " + ann).click();
            look.submit("Remove");
            assertThat(look.row("#users", ann)).hasCount(0);
            assertFalse(logsIn(ann, password));
            look.mayBeRefused(409);
            look.button("Add").click();
            look.field("Name").fill(ann);
            look.field("Password").fill(Scene.PASSWORD);
            look.press("Add");
            assertThat(look.dialog().locator(".notice.bad")).containsText("what they ranked stands under that name");
            look.dialog().getByLabel("The same person").check();
            look.submit("Add");
            assertThat(look.row("#users", ann)).isVisible();
            look.check("list");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void membersComeChangeTheirRoleAndGo(Device device) throws Exception {
        String project = "members-" + name(device);
        String bob = "bob." + name(device);
        scene.project(project, List.of());
        scene.person(bob, "labeler", List.of());
        try (Look look = operator(device, "members", "/console/" + project)) {
            assertThat(look.page.locator("#members")).containsText("Nobody is a member by name");
            look.mayBeRefused(404);
            look.mayBeRefused(422);
            look.button("Add a member").click();
            look.field("Name").fill(HOSTILE);
            look.press("Add");
            assertThat(look.dialog().locator(".notice.bad")).isVisible();
            look.field("Name").fill(bob);
            look.field("Role").selectOption("operator");
            look.check("add");
            look.submit("Add");
            assertThat(look.row("#members", bob)).containsText("operator");
            assertEquals("operator", roleOf(bob, project));

            Look.button(look.row("#members", bob), "Change").click();
            look.field("Role").selectOption("labeler");
            look.field("Reason").fill(HOSTILE);
            look.submit("Change");
            assertThat(look.row("#members", bob)).containsText("labeler");
            assertEquals("labeler", roleOf(bob, project));

            Look.button(look.row("#members", bob), "Remove").click();
            look.check("remove");
            look.submit("Remove");
            assertThat(look.page.locator("#members")).containsText("Nobody is a member by name");
            assertEquals("", roleOf(bob, project));
            assertThat(look.row("#audit-list", HOSTILE)).not().hasCount(0);
            look.check("page");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aTokenIsShownOnceCopiedUsedAndRevoked(Device device) throws Exception {
        String project = "tokens-" + name(device);
        scene.project(project, List.of(List.of("Hello?", "Hello.", "Hi.")));
        try (Look look = operator(device, "tokens", "/console/" + project)) {
            assertThat(look.page.locator("#tokens")).containsText("No token yet");
            look.button("New token").click();
            look.field("Name").fill("nightly");
            look.field("Ends after days").fill("7");
            look.check("new");
            look.press("Make");
            assertThat(look.dialog()).containsText("it is not shown again");
            look.press("Copy");
            assertThat(look.dialog()).containsText("Copied.");
            String secret = (String) look.page.evaluate("() => navigator.clipboard.readText()");
            look.check("secret");
            look.submit("Close");
            assertFalse(look.page.content().contains(secret), "a secret stays in the page");
            try (Api program = Api.byToken(scene.stack.url(), secret)) {
                assertEquals(
                        0,
                        program.get(Api.path("projects", project, "adapters")).size());
                assertThat(look.row("#tokens", "nightly")).containsText("service");

                Look.button(look.row("#tokens", "nightly"), "Revoke").click();
                look.submit("Revoke");
                assertThat(look.row("#tokens", "nightly")).containsText("revoked");
                assertThat(look.row("#tokens", "nightly").locator("button")).hasCount(0);
                assertEquals(
                        401,
                        assertThrows(ApiException.class, () -> program.get(Api.path("projects", project, "adapters")))
                                .status());
            }
            look.check("list");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void filesOfEachFormatAreImportedAndBadLinesAreNamed(Device device) throws Exception {
        String project = "import-" + name(device);
        String good = "{\"prompt\":\"" + HOSTILE + "\",\"outputs\":[\"One.\",\"Two.\"]}\n";
        String dialogue = "\\n\\nHuman: Hi\\n\\nAssistant: ";
        scene.project(project, List.of());
        try (Look look = operator(device, "import", "/console/" + project)) {
            Locator report = look.page.locator("#data-tools .panel [aria-live]").first();
            look.button("Import").click();
            assertThat(report).containsText("Choose a file first");

            look.mayBeRefused(422);
            look.mayBeRefused(400);
            choose(
                    look,
                    "auto",
                    "bad.jsonl",
                    (good + "{\"prompt\":" + "\n{\"prompt\":\"Alone?\",\"outputs\":[\"One.\"]}\n")
                            .getBytes(StandardCharsets.UTF_8));
            look.button("Import").click();
            assertThat(report).containsText("Nothing was imported");
            assertThat(report.locator("tbody tr")).hasCount(2);
            assertThat(report.locator("tbody tr").first()).containsText("2");
            look.check("bad lines");
            look.page.getByLabel("Take the good lines").check();
            look.button("Import").click();
            assertThat(report).containsText("Imported as podium. Tasks: 1,");
            assertThat(report.locator("tbody tr")).hasCount(2);
            look.page.getByLabel("Take the good lines").uncheck();

            ByteArrayOutputStream zipped = new ByteArrayOutputStream();
            try (GZIPOutputStream gzip = new GZIPOutputStream(zipped)) {
                gzip.write(good.getBytes(StandardCharsets.UTF_8));
            }
            choose(look, "podium", "again.jsonl.gz", zipped.toByteArray());
            look.button("Import").click();
            assertThat(report).containsText("Tasks: 0, rankings: 0, duplicates: 1");
            Map<String, String> lines = Map.of(
                    "trl",
                    "{\"prompt\":\"Of TRL?\",\"chosen\":\"Yes.\",\"rejected\":\"No.\"}",
                    "hh",
                    "{\"chosen\":\"" + dialogue + "Yes?\",\"rejected\":\"" + dialogue + "No.\"}",
                    "oasst",
                    "{\"prompt\":{\"role\":\"prompter\",\"text\":\"Of a tree?\",\"replies\":[{\"role\":\"assistant\",\"text\":"
                            + "\"best\",\"rank\":0,\"replies\":[]},{\"role\":\"assistant\",\"text\":\"worst\",\"rank\":1,"
                            + "\"replies\":[]}]}}");
            for (Map.Entry<String, String> one : lines.entrySet()) {
                choose(
                        look,
                        one.getKey(),
                        one.getKey() + ".jsonl",
                        one.getValue().getBytes(StandardCharsets.UTF_8));
                look.button("Import").click();
                assertThat(report).containsText("Imported as " + one.getKey() + ". Tasks: 1, rankings: 1");
            }
            // The figures above follow by themselves.
            assertThat(look.page.locator("#figures .figure").first()).hasText("4tasks");
            look.check("done");
        }
        assertEquals(
                4,
                scene.operator
                        .get(Api.path("projects", project, "progress"))
                        .path("tasks")
                        .asInt());
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void eachFormatIsDownloadedAndItsChecksumIsOnThePage(Device device) throws Exception {
        String project = "export-" + name(device);
        ranked(project, Map.of(), "[[0],[1,2]]", List.of("ann"), 3);
        scene.await(
                Api.path("projects", project, "progress"),
                progress -> progress.path("pairs").asInt() == 6);
        // Chromium asks before a tab's eleventh download: a window for each type of file.
        for (String file : List.of("jsonl", "parquet", "csv")) {
            try (Look look = operator(device, "export", "/console/" + project)) {
                look.page.locator("[name=export-file]").selectOption(file);
                for (String format : FORMATS) {
                    look.page.locator("[name=export-format]").selectOption(format);
                    byte[] bytes = download(look, "#data-tools a.primary", project + "-" + format + "." + file);
                    assertContains(format, file, bytes);
                    assertTrue(
                            scene.operator
                                    .get(Api.path("projects", project, "exports"))
                                    .toString()
                                    .contains(sha256(bytes)),
                            "no checksum of " + format + " as " + file);
                }
            }
        }
        try (Look look = operator(device, "export", "/console/" + project)) {
            byte[] zip = download(look, "#data-tools a.button:not(.primary)", project + ".zip");
            assertEquals("PK", new String(zip, 0, 2, StandardCharsets.US_ASCII));
            look.page.getByText("Exports and their checksums").click();
            assertThat(look.page.locator("#exports tbody tr").first()).isVisible();
            assertThat(look.page.locator("#exports")).containsText(".csv");
            look.check("page");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void labelersArePausedWeighedAndExcluded(Device device) throws Exception {
        String project = "labelers-" + name(device);
        String ann = "lab-ann-" + name(device);
        ranked(project, Map.of("overlap", 3), "[[0],[1],[2]]", List.of(ann, "bob"), 12);
        ranked(project, Map.of(), "[[2],[1],[0]]", List.of("cyd"), 12);
        scene.labeler(ann);
        try (Look look = operator(device, "labelers", "/console/" + project + "/quality")) {
            look.button("Pause " + ann).click();
            look.field("Reason").fill(HOSTILE);
            look.check("pause");
            look.submit("Pause");
            assertThat(look.row("#labelers", ann)).containsText("Paused by operator: " + HOSTILE);
            try (Api labeler = new Api(scene.stack.url(), ann, Scene.PASSWORD)) {
                ApiException paused = assertThrows(
                        ApiException.class,
                        () -> labeler.post(Api.path("projects", project, "tasks", "next"), Map.of()));
                assertTrue(paused.getMessage().contains("paused"), paused.getMessage());
            }
            look.check("paused");
            look.button("Let " + ann + " go on").click();
            assertThat(look.page.locator("#notice")).containsText(ann + " may go on");
            assertThat(look.button("Pause " + ann)).isVisible();

            look.button("Weight of bob").click();
            look.field("Weight").fill("0.5");
            look.field("Reason").fill("new here");
            look.check("weight");
            look.submit("Set");
            assertThat(look.row("#labelers", "bob")).containsText("0.5 (by hand)");
            assertEquals(List.of("0.5", "operator"), texts(weightOf(project, "bob"), "reliability", "source"));

            look.button("Publish the estimated weights").click();
            assertThat(look.page.locator("#notice")).containsText("published");
            assertEquals("estimated", weightOf(project, "cyd").path("source").asText());
            assertEquals("operator", weightOf(project, "bob").path("source").asText(), "set by hand, it stays");
            look.button("Weight of bob by estimate").click();
            assertThat(look.row("#labelers", "bob")).not().containsText("by hand");
            look.check("weights");

            look.go("/console/" + project);
            assertThat(look.page.locator("#exclusions-list")).containsText("Nobody is excluded");
            look.button("Exclude a labeler").click();
            look.field("Labeler").fill("cyd");
            look.field("Why").fill(HOSTILE);
            look.check("exclude");
            look.press("Take back all their rankings");
            assertThat(look.dialog()).containsText("No adapter learnt from them");
            look.submit("Close");
            assertThat(look.row("#exclusions-list", "cyd")).containsText("12");
            assertThat(look.row("#labelers", "cyd")).containsText("cyd0");
            look.check("excluded");
            assertEquals(
                    24,
                    scene.await(
                                    Api.path("projects", project, "progress"),
                                    progress -> progress.path("rankings").asInt() == 24)
                            .path("rankings")
                            .asInt());
            Look.button(look.row("#exclusions-list", "cyd"), "Readmit").click();
            look.submit("Readmit");
            assertThat(look.page.locator("#exclusions-list")).containsText("Nobody is excluded");
            assertEquals(
                    0,
                    scene.operator
                            .get(Api.path("projects", project, "exclusions"))
                            .size());
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void contestedTasksAreDecidedMadeKnownAnswersAndAnswersAreTakenBack(Device device) throws Exception {
        String project = "cases-" + name(device);
        ranked(project, Map.of("overlap", 2), "[[0],[1],[2]]", List.of("ann"), 2);
        ranked(project, Map.of(), "[[2],[1],[0]]", List.of(HOSTILE), 2);
        try (Look look = operator(device, "cases", "/console/" + project + "/quality")) {
            assertThat(look.page.locator("#cases tbody tr")).hasCount(2);
            String task = taskOf(project, "number 0");
            Locator first = look.row("#cases", "number 0");
            assertThat(first).containsText("contradict");
            Look.button(first, "Decide").click();
            Locator one = look.page.locator("#case");
            assertThat(one).containsText("Output 1 > Output 2 > Output 3");
            look.button("Decide so").click();
            assertThat(one).containsText("Give every output a place");
            look.check("case");
            place(one, 2, 1, 2);
            one.getByLabel("Why").fill(HOSTILE);
            look.button("Decide so").click();
            assertThat(look.page.locator("#notice")).containsText("Decided");
            assertThat(look.page.locator("#cases tbody tr")).hasCount(1);
            JsonNode decision = scene.operator
                    .get(Api.path("projects", project, "adjudication", task))
                    .path("decision");
            assertEquals("operator", decision.path("adjudicatorId").asText());
            assertEquals(2, decision.path("groups").size());
            assertEquals(HOSTILE, decision.path("reason").asText());

            look.page.getByLabel("Another task, by its id").fill("no-such-task");
            look.mayBeRefused(404);
            look.button("Open").click();
            assertThat(look.page.locator("#notice .bad")).isVisible();
            look.page.getByLabel("Another task, by its id").fill(task);
            look.button("Open").click();
            assertThat(one).containsText("operator has decided: Output 2 > Output 1 = Output 3 (" + HOSTILE);
            look.check("decided");
            look.button("Take the decision back").click();
            assertThat(look.page.locator("#cases tbody tr")).hasCount(2);
            assertTrue(scene.operator
                    .get(Api.path("projects", project, "adjudication", task))
                    .path("decision")
                    .isNull());

            place(one, 1, 2, 3);
            look.button("Make it a known answer").click();
            assertThat(look.row("#gold", "number 0")).containsText("operator");
            assertEquals(
                    task,
                    scene.operator
                            .get(Api.path("projects", project, "gold"))
                            .path(0)
                            .path("taskId")
                            .asText());
            look.check("gold");
            Look.button(look.row("#gold", "number 0"), "Open").click();
            assertThat(one).containsText("All answers to one task");
            look.button("Close").click();
            assertThat(one).isEmpty();
            Look.button(look.row("#gold", "number 0"), "Remove").click();
            assertThat(look.page.locator("#gold")).containsText("None yet");
            assertEquals(
                    0, scene.operator.get(Api.path("projects", project, "gold")).size());

            Look.button(look.row("#cases", "number 1"), "Decide").click();
            look.button("Take back the answer of " + HOSTILE).click();
            look.check("take back");
            look.submit("Take it back");
            assertThat(look.page.locator("#case")).not().containsText(HOSTILE);
            assertThat(look.page.locator("#cases tbody tr")).hasCount(1);
        }
        scene.await(
                Api.path("projects", project, "progress"),
                progress -> progress.path("rankings").asInt() == 3);
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void remarksAreSettledOrOfferedAgainAndAHabitOfTakingTheFirstIsSeen(Device device) throws Exception {
        String project = "swayed-" + name(device);
        String ann = "swayed-" + name(device);
        scene.project(
                project,
                IntStream.range(0, 24)
                        .mapToObj(i -> List.of("Question " + i + "?", "One.", "Two."))
                        .toList());
        scene.labeler(ann);
        String skipped;
        try (Api labeler = new Api(scene.stack.url(), ann, Scene.PASSWORD)) {
            JsonNode next = next(labeler, project);
            skipped = next.path("task").path("id").asText();
            labeler.put(
                    Api.path("projects", project, "tasks", skipped, "flag"),
                    Map.of("reason", "PERSONAL_DATA", "note", HOSTILE),
                    Map.of());
            labeler.put(
                    Api.path("projects", project, "tasks", skipped, "skip"),
                    Map.of("reason", "NOT_MY_FIELD"),
                    Map.of());
            for (int i = 0; i < 23; i++) {
                Scene.takeTheFirst(labeler, project);
            }
        }
        try (Look look = operator(device, "remarks", "/console/" + project + "/labeling")) {
            assertThat(look.page.locator("#remarks-list tbody tr")).hasCount(2);
            assertThat(look.row("#bias-list", ann)).containsText("sways");
            assertThat(look.row("#bias-list", ann)).containsText("100.0 %");
            look.check("remarks");
            look.button("Settle the flag by " + ann).click();
            assertThat(look.page.locator("#remarks-list tbody tr")).hasCount(1);
            look.button("Offer the task to " + ann + " again").click();
            assertThat(look.page.locator("#remarks-list")).containsText("Nothing to look at");
            look.page.getByLabel("Settled ones too").check();
            assertThat(look.row("#remarks-list", HOSTILE)).containsText("settled by operator");
            look.row("#remarks-list", HOSTILE).getByText("Look at it").click();
            assertThat(look.page.locator("#case")).containsText("All answers to one task");
            look.check("task");
        }
        try (Api labeler = new Api(scene.stack.url(), ann, Scene.PASSWORD)) {
            assertEquals(skipped, next(labeler, project).path("task").path("id").asText());
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void peopleAreErasedUnderAPseudonymOrWithTheirRankings(Device device) throws Exception {
        String project = "erased-" + name(device);
        String ann = "gone-ann-" + name(device);
        String bob = "gone-bob-" + name(device);
        String cyd = "gone-cyd-" + name(device);
        ranked(project, Map.of("overlap", 3), "[[0],[1],[2]]", List.of(ann, bob, cyd), 2);
        scene.labeler(ann);
        scene.labeler(bob);
        try (Look look = operator(device, "erasure", "/console")) {
            look.button("Remove " + ann).click();
            look.field("What happens to their rankings").selectOption("pseudonym");
            look.check("erase");
            look.submit("Remove");
            assertThat(look.row("#users", ann)).hasCount(0);
            assertEquals(6, rankings(project));
            look.button("Remove " + bob).click();
            look.field("What happens to their rankings").selectOption("retract");
            look.submit("Remove");
            assertThat(look.row("#users", bob)).hasCount(0);
            scene.await(
                    Api.path("projects", project, "progress"),
                    progress -> progress.path("rankings").asInt() == 4);

            // Who never logged in is known by rankings alone.
            look.button("Erase by name").click();
            look.field("Name").fill(cyd);
            look.check("erase by name");
            look.press("Erase");
            assertThat(look.dialog()).containsText(Pattern.compile("Rankings that stand under erased-\\w+ now: 2"));
            look.submit("Close");

            // Nobody else is taken for them.
            look.mayBeRefused(409);
            look.button("Add").click();
            look.field("Name").fill(ann);
            look.field("Password").fill(Scene.PASSWORD);
            look.press("Add");
            assertThat(look.dialog().locator(".notice.bad")).containsText("take another name");
            look.press("Cancel");
            look.go("/console/" + project + "/quality");
            assertThat(look.page.locator("#labelers tbody tr")).hasCount(2);
            assertThat(look.page.locator("#labelers")).not().containsText("gone-");
        }
        String known =
                scene.operator.get(Api.path("projects", project, "progress")).toString()
                        + scene.operator.get("/users")
                        + scene.operator.get("/audit?limit=1000");
        for (String erased : List.of(ann, bob, cyd)) {
            assertFalse(known.contains(erased), known);
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aDeadLetterIsReadAndSentAgain(Device device) throws Exception {
        String key = "dead-" + name(device);
        send(Topics.RANKINGS, key, "{\"poison\":\"" + HOSTILE + "\"}", Instant.now());
        try (Look look = operator(device, "dead-letters", "/console")) {
            Locator letter = look.row("#dead-letters", "poison");
            assertThat(letter.first()).containsText(Topics.RANKINGS);
            int before = letters(key);
            look.check("list");
            look.page
                    .locator("#dead-letters tbody tr")
                    .filter(new Locator.FilterOptions().setHasText("poison"))
                    .first()
                    .getByRole(com.microsoft.playwright.options.AriaRole.BUTTON)
                    .click();
            assertThat(look.dialog()).containsText("It would be refused again");
            look.field("Reason").fill("to see it come back");
            look.check("letter");
            look.submit("Send again");
            // Still poison: the stream puts it aside once more.
            scene.await("/dead-letters?limit=100", all -> count(all, key) == before + 1);
            assertThat(look.row("#audit-list", "deadLetter.replayed").first()).containsText("to see it come back");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void whatNothingNeedsIsLookedForAndRemoved(Device device) throws Exception {
        byte[] orphan = ("nobody needs this " + device).getBytes(StandardCharsets.UTF_8);
        try (Look look = operator(device, "storage", "/console")) {
            look.mayFail();
            look.page.context().route("**/artifacts/collection", route -> route.abort());
            look.button("Look for what nothing needs").click();
            assertThat(look.page.locator("#storage .bad")).containsText("Podium cannot be reached");
            look.check("not reached");
            look.page.context().unroute("**/artifacts/collection");
            Look.button(look.page.locator("#storage"), "Try again").click();
            assertThat(look.page.locator("#storage")).containsText("Nothing is to be removed");
            assertThat(look.button("Remove them")).hasCount(0);
            send(
                    Topics.ARTIFACT_CHUNKS,
                    sha256(orphan) + "/0",
                    new String(orphan, StandardCharsets.UTF_8),
                    Instant.now().minus(Duration.ofDays(3)));
            look.button("Look for what nothing needs").click();
            assertThat(look.page.locator("#storage")).containsText("1 of them is needed by nothing");
            look.check("found");
            look.button("Remove them").click();
            assertThat(look.page.locator("#storage")).containsText("1 of them is removed");
            look.page.getByText("Earlier removals").click();
            assertThat(look.row("#collections", "operator").first()).containsText("1");
            look.check("removed");
        }
        JsonNode again = scene.operator.post("/artifacts/collection", Map.of("dryRun", true));
        assertEquals(0, again.path("chunks").path("garbageArtifacts").size(), again.toString());
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void theAuditLogShowsMoreAndIsWhole(Device device) throws Exception {
        String project = "audited-" + name(device);
        scene.project(project, List.of());
        for (int i = 0; i < 20; i++) {
            scene.operator.put(
                    Api.path("projects", project, "rules", "rule-" + i),
                    Map.of(
                            "rounds",
                            Map.of("when", Map.of("newDecidedTasks", 5), "chain", List.of(Map.of("kind", "REWARD")))),
                    Map.of());
        }
        try (Look look = operator(device, "audit", "/console/" + project)) {
            assertThat(look.page.locator("#audit-list tbody tr")).hasCount(15);
            look.page.locator("#audit-list").getByText("Show more").click();
            assertThat(look.page.locator("#audit-list tbody tr")).hasCount(22);
            assertThat(look.page.locator("#audit-list").getByText("Show more")).hasCount(0);
            // Something is done elsewhere, and stands on top without a reload; what was opened stays so.
            scene.operator.delete(Api.path("projects", project, "rules", "rule-3"));
            assertThat(look.page.locator("#audit-list tbody tr").first()).containsText("rule-3");
            assertThat(look.page.locator("#audit-list tbody tr")).hasCount(23);
            look.check("project");
            look.go("/console");
            Locator all = look.page.locator("#audit-list");
            assertThat(all.locator("tbody tr")).hasCount(15);
            all.getByText("Show more").click();
            assertThat(all.locator("tbody tr").nth(15)).isVisible();
            scene.operator.delete(Api.path("projects", project, "rules", "rule-4"));
            assertThat(all.locator("tbody tr").first()).containsText("rule-4");
            assertThat(all.locator("tbody tr").nth(15)).isVisible();
            look.button("Is it whole?").click();
            assertThat(look.page.locator("#audit-verdict")).containsText("Whole: ");
            look.check("whole");
            assertThat(look.page.locator("#operations .figure").first()).isVisible();
        }
        assertTrue(scene.operator.get("/audit/verify").path("whole").asBoolean());
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void theOwnPasswordIsChangedAndALogOutEndsTheSession(Device device) throws Exception {
        String ann = "own-" + name(device);
        scene.person(ann, "administrator", List.of());
        try (Look look = new Look(scene, device, "account", window -> scene.logIn(window, ann, "/console"))) {
            look.button(ann).click();
            look.field("Current password").fill("not this one");
            look.field("New password").fill("another-password");
            look.mayBeRefused(422);
            look.press("Change");
            assertThat(look.dialog().locator(".notice.bad")).containsText("not right");
            look.field("Current password").fill(Scene.PASSWORD);
            look.check("password");
            look.press("Change");
            assertThat(look.dialog()).containsText("Your password is changed");
            look.submit("Close");
            assertTrue(logsIn(ann, "another-password"));
            assertFalse(logsIn(ann, Scene.PASSWORD));
            look.button("Log out").click();
            look.awaitUrl("/login");
            look.go("/console");
            look.awaitUrl("/login");
            look.check("logged out");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void whatWasFilledInIsThereStillAfterALogInInBetween(Device device) throws Exception {
        String ann = "between-" + name(device);
        scene.person(ann, "administrator", List.of());
        try (Look look = new Look(scene, device, "between", window -> scene.logIn(window, ann, "/console"));
                Look elsewhere = new Look(scene, device, "between", window -> scene.logIn(window, ann, "/"))) {
            look.page.locator("#new-project").click();
            look.field("Name").fill("Of " + ann);
            look.field("Id").fill(ann);
            elsewhere.button("Log out").click();
            elsewhere.awaitUrl("/login");
            look.mayBeRefused(401);
            look.press("Create");
            assertThat(look.dialog().locator(".notice.bad")).containsText("Log in again in another tab");
            Look.assertSeen(look.dialog().locator(".notice.bad"));
            look.check("ended");
            com.microsoft.playwright.Page logIn = look.page.waitForPopup(() -> look.dialog()
                    .getByText("Log in", new Locator.GetByTextOptions().setExact(true))
                    .click());
            logIn.getByLabel("Name").fill(ann);
            logIn.getByLabel("Password").fill(Scene.PASSWORD);
            logIn.keyboard().press("Enter");
            logIn.waitForURL(scene.stack.url() + "/");
            logIn.close();
            look.press("Create");
            look.awaitUrl("/console/" + ann);
            look.page.locator(".brand").click();
            look.page
                    .locator(".tile")
                    .filter(new Locator.FilterOptions().setHasText("Of " + ann))
                    .getByText("Console")
                    .click();
            look.awaitUrl("/console/" + ann);
            look.page.locator(".crumbs").getByText("Console").click();
            look.awaitUrl("/console");
            look.page.locator("nav.sections").getByText("Storage").click();
            assertThat(look.page.locator("#storage-title")).isInViewport();
        }
        assertEquals(
                "Of " + ann,
                scene.operator.get(Api.path("projects", ann)).path("name").asText());
    }

    private Look operator(Device device, String name, String path) {
        return new Look(scene, device, name, window -> scene.logInAsOperator(window, path));
    }

    private static String name(Device device) {
        return device.name().toLowerCase(Locale.ROOT);
    }

    /** Tasks of three outputs, each ranked in the same way by each labeler; the project is made when it is not there. */
    private void ranked(String project, Map<String, Object> rules, String groups, List<String> labelers, int tasks)
            throws Exception {
        if (StreamSupport.stream(scene.operator.get("/projects").spliterator(), false)
                .noneMatch(one -> one.path("id").asText().equals(project))) {
            scene.project(project, rules, List.of());
        }
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < tasks; i++) {
            for (String labeler : labelers) {
                lines.append(
                                "{\"prompt\":\"My lamp number %d is dark.\",\"outputs\":[\"Charge it.\",\"Look for a socket.\",\"No.\"],"
                                        .formatted(i))
                        .append("\"labeler\":\"%s\",\"ranking\":%s}\n".formatted(labeler, groups));
            }
        }
        JsonNode report =
                scene.operator.upload(Api.path("projects", project, "import") + "?format=podium", lines.toString());
        assertEquals(tasks * labelers.size(), report.path("rankings").asInt(), report.toString());
    }

    private boolean logsIn(String user, String password) {
        try (Api api = new Api(scene.stack.url(), user, password)) {
            return api.get("/me").path("name").asText().equals(user);
        } catch (ApiException refused) {
            assertEquals(401, refused.status(), refused.getMessage());
            return false;
        }
    }

    private String roleOf(String person, String project) throws ApiException {
        for (JsonNode user : scene.operator.get("/users")) {
            if (user.path("name").asText().equals(person)) {
                return user.path("projects").path(project).asText();
            }
        }
        return "nobody";
    }

    private JsonNode weightOf(String project, String labeler) throws ApiException {
        for (JsonNode weight : scene.operator.get(Api.path("projects", project, "reliabilities"))) {
            if (weight.path("labelerId").asText().equals(labeler)) {
                return weight;
            }
        }
        throw new AssertionError("no weight of " + labeler);
    }

    private int rankings(String project) throws ApiException {
        return scene.operator
                .get(Api.path("projects", project, "progress"))
                .path("rankings")
                .asInt();
    }

    private String taskOf(String project, String prompt) throws Exception {
        try (Api operator = SharedStack.operator()) {
            for (JsonNode each : operator.get(Api.path("projects", project, "adjudication"))) {
                if (each.path("prompt").asText().contains(prompt)) {
                    return each.path("taskId").asText();
                }
            }
        }
        throw new AssertionError("no such task: " + prompt);
    }

    private static JsonNode next(Api labeler, String project) throws ApiException {
        return labeler.post(Api.path("projects", project, "tasks", "next"), Map.of());
    }

    private static void place(Locator one, int... places) {
        for (int i = 0; i < places.length; i++) {
            one.getByLabel("Place of Output " + (i + 1)).selectOption(String.valueOf(places[i]));
        }
    }

    private static void choose(Look look, String format, String file, byte[] content) {
        look.page.getByLabel("Format").selectOption(format);
        look.page
                .getByLabel("A file of JSON Lines")
                .setInputFiles(new FilePayload(file, "application/octet-stream", content));
    }

    private static byte[] download(Look look, String link, String name) throws Exception {
        Download download =
                look.page.waitForDownload(() -> look.page.locator(link).click());
        assertEquals(name, download.suggestedFilename());
        return Files.readAllBytes(download.path());
    }

    private static void assertContains(String format, String file, byte[] bytes) throws Exception {
        String text = new String(bytes, StandardCharsets.UTF_8);
        if (file.equals("parquet")) {
            assertEquals("PAR1", text.substring(0, 4));
            return;
        }
        assertTrue(text.contains(format.equals("ties") ? "No." : "Charge it."), format + ": " + text);
        if (file.equals("jsonl")) {
            for (String line : text.split("\n")) {
                assertTrue(Scene.JSON.readTree(line).isObject(), line);
            }
        }
    }

    private int letters(String key) throws ApiException {
        return count(scene.operator.get("/dead-letters?limit=100"), key);
    }

    private static int count(JsonNode letters, String key) {
        int count = 0;
        for (JsonNode letter : letters) {
            count += letter.path("key").asText().equals(key) ? 1 : 0;
        }
        return count;
    }

    private void send(String topic, String key, String value, Instant at) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", scene.stack.bootstrapServers()),
                new ByteArraySerializer(),
                new ByteArraySerializer())) {
            producer.send(new ProducerRecord<>(
                            topic,
                            null,
                            at.toEpochMilli(),
                            key.getBytes(StandardCharsets.UTF_8),
                            value.getBytes(StandardCharsets.UTF_8)))
                    .get();
        }
    }

    private static List<String> texts(JsonNode node, String... fields) {
        return List.of(fields).stream().map(field -> node.path(field).asText()).toList();
    }

    private static String sha256(byte[] bytes) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }
}
