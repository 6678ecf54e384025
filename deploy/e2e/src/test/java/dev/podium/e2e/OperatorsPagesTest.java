package dev.podium.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.microsoft.playwright.JSHandle;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.BoundingBox;
import com.microsoft.playwright.options.FilePayload;
import dev.podium.e2e.Browser.Device;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** How an operator gets about in the console, and what its pages do while much happens, at a desktop and on a phone. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OperatorsPagesTest {
    private static final List<String> SKY = List.of("What is the sky?", "Blue.", "A colour.");

    private Scene scene;

    @BeforeAll
    void openScene() {
        scene = Scene.open();
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void eachPageLeadsToTheNext(Device device) throws Exception {
        String project = "ways-" + device.word();
        scene.project(project, List.of(SKY));
        try (Look look = Look.operator(scene, device, "ways", "/console")) {
            Locator tile =
                    look.page.locator(".tile").filter(new Locator.FilterOptions().setHas(look.page.getByText(project)));
            assertThat(tile).containsText("1 task ·");
            look.page.locator("#operations summary").click();
            assertThat(look.page.locator("#operations details td").first()).isVisible();
            look.check("console");
            link(tile, "Rank").click();
            look.awaitUrl("/label/" + project);
            look.page.goBack();
            link(tile, "Open").click();
            look.awaitUrl("/console/" + project);
            Locator sections = look.page.locator("nav.sections");
            sections.getByText("Log").click();
            assertThat(look.page.locator("#audit")).isInViewport();
            sections.getByText("Labeling").click();
            look.awaitUrl("/console/" + project + "/labeling");
            look.page.locator(".crumbs").getByText(project).click();
            look.awaitUrl("/console/" + project);
            sections.getByText("Quality").click();
            look.awaitUrl("/console/" + project + "/quality");
            look.page.locator(".crumbs").getByText(project).click();
            // An empty list says so, too.
            look.page.locator("a:text-is('Rank here')").click();
            assertThat(look.page.locator(".card")).hasCount(2);
            look.check("form");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aServiceAnAdministratorAndAPersonOfTheOrganisationAreAdded(Device device) throws Exception {
        String robot = "robot." + device.word();
        String boss = "boss." + device.word();
        String colleague = "colleague." + device.word();
        try (Look look = Look.operator(scene, device, "added", "/console")) {
            look.row("#users", "operator").first().waitFor();
            add(look, robot, "service", false);
            add(look, boss, "administrator", false);
            add(look, colleague, "labeler", true);
            assertThat(look.row("#users", robot)).containsText("every project: service");
            assertThat(look.row("#users", boss)).containsText("administrator");
            assertThat(look.row("#users", colleague)).containsText("every project: labeler");
            look.check("list");
        }
        try (Api service = new Api(scene.stack.url(), robot, Scene.PASSWORD);
                Api administrator = new Api(scene.stack.url(), boss, Scene.PASSWORD);
                Api nobody = new Api(scene.stack.url(), colleague, Scene.PASSWORD)) {
            assertEquals("service", service.get("/me").path("role").asText());
            assertEquals("administrator", administrator.get("/me").path("role").asText());
            assertEquals(
                    401,
                    assertThrows(ApiException.class, () -> nobody.get("/me")).status());
        }
    }

    private static void add(Look look, String name, String role, boolean byOrganisation) {
        look.button("Add").click();
        look.field("Name").fill(name);
        if (byOrganisation) {
            look.dialog().getByLabel("Logs in by the organisation").check();
            assertThat(look.field("Password")).isDisabled();
            look.check("without a password");
        } else {
            look.field("Password").fill(Scene.PASSWORD);
        }
        look.field("Role").selectOption(role);
        look.field("In").selectOption("*");
        look.submit("Add");
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aFileIsDroppedAndAParquetFileIsImported(Device device) throws Exception {
        String project = "dropped-" + device.word();
        scene.project(project, List.of());
        try (Look look = Look.operator(scene, device, "dropped", "/console/" + project)) {
            Locator report = look.page.locator("#data-tools .panel [aria-live]").first();
            Locator drop = look.page.locator("#data-tools .drop").first();
            JSHandle dragged = look.page.evaluateHandle("""
                    () => {
                      const dragged = new DataTransfer();
                      const line = { prompt: 'Which?', outputs: ['This.', 'That.'], labeler: 'ann', ranking: [[1], [0]] };
                      dragged.items.add(new File([JSON.stringify(line)], 'dragged.jsonl'));
                      return dragged;
                    }""");
            drop.dispatchEvent("dragenter", Map.of("dataTransfer", dragged));
            look.check("over");
            drop.dispatchEvent("drop", Map.of("dataTransfer", dragged));
            look.button("Import").click();
            assertThat(report).containsText("Imported as podium. Tasks: 1, rankings: 1");

            // What Podium exports it imports.
            scene.await(
                    Api.path("projects", project, "progress"),
                    progress -> progress.path("pairs").asInt() == 1);
            byte[] parquet;
            try (InputStream in =
                    scene.operator.stream(Api.path("projects", project, "export") + "?format=auto&file=parquet")) {
                parquet = in.readAllBytes();
            }
            String other = project + "-2";
            scene.project(other, List.of());
            look.go("/console/" + other);
            look.page
                    .getByLabel("A file of JSON Lines")
                    .setInputFiles(new FilePayload("pairs.parquet", "application/octet-stream", parquet));
            look.button("Import").click();
            assertThat(report).containsText("Imported as trl. Tasks: 1, rankings: 1");
            look.check("parquet");
            JsonNode progress = scene.await(
                    Api.path("projects", other, "progress"),
                    now -> now.path("pairs").asInt() == 1);
            assertEquals(1, progress.path("tasks").asInt(), progress.toString());
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void noClickFocusOrFoldIsLostWhenWhatIsShownChanges(Device device) throws Exception {
        String project = "steady-" + device.word();
        scene.project(project, List.of());
        point(project, "first");
        try (Look look = Look.operator(scene, device, "steady", "/console/" + project)) {
            Locator channel = look.page.locator("#channels-list .channel");
            assertThat(channel).containsText("first");
            rank(project, 1);
            Locator folded = look.page.locator("#throughput details");
            folded.locator("summary").click();
            assertThat(folded.locator("td").nth(1)).hasText("1");
            rank(project, 2);
            assertThat(folded.locator("td").nth(1)).hasText("2");
            assertThat(folded.locator("td").nth(1)).isVisible();

            Locator history = Look.button(channel, "History");
            history.focus();
            point(project, "second");
            assertThat(channel).containsText("second");
            assertThat(history).isFocused();
            history.press("Enter");
            assertThat(look.dialog().locator("tbody tr")).hasCount(2);
            look.press("Close");

            // A slow hand: what comes between press and release waits for the click.
            Locator change = Look.button(channel, "Change");
            change.scrollIntoViewIfNeeded();
            BoundingBox where = change.boundingBox();
            look.page.mouse().move(where.x + where.width / 2, where.y + where.height / 2);
            look.page.mouse().down();
            look.page.waitForResponse(response -> response.url().endsWith("/channels"), () -> point(project, "third"));
            drawnAnew(look);
            assertThat(channel).not().containsText("third");
            look.page.mouse().up();
            assertThat(look.field("Channel")).hasValue("production");
            assertThat(channel).containsText("third");
            look.check("changed meanwhile");
            look.press("Cancel");
            // By a key that is held, and a page that does not move under the mouse.
            history.hover();
            history.focus();
            assertThat(history).isFocused();
            look.page.keyboard().down("Space");
            look.page.waitForResponse(response -> response.url().endsWith("/channels"), () -> point(project, "fourth"));
            drawnAnew(look);
            assertThat(channel).not().containsText("fourth");
            look.page.keyboard().up("Space");
            assertThat(look.dialog()).containsText("History of production");
            assertThat(channel).containsText("fourth");
        }
    }

    /** Whatever the page makes of an answer that has come, it has made. */
    private static void drawnAnew(Look look) {
        look.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aLostConnectionIsSaidAndMadeUpFor(Device device) throws Exception {
        String project = "away-" + device.word();
        scene.project(project, List.of());
        try (Look look = Look.operator(scene, device, "away", "/console/" + project)) {
            Locator connection = look.page.locator("#connection");
            Locator tasks = look.page.locator("#figures .figure").first();
            assertThat(tasks).hasText("0tasks");
            look.page.context().route("**/live", route -> route.abort());
            look.mayFail();
            look.page.reload();
            assertThat(connection).containsText("The connection is lost");
            look.check("lost");
            rank(project, 1);
            look.page.context().unroute("**/live");
            assertThat(tasks).hasText("1tasks");
            assertThat(connection).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void whatCouldNotBeReadIsAskedForAgainByAButton(Device device) throws Exception {
        String project = "again-" + device.word();
        scene.project(project, List.of(SKY));
        try (Look look = Look.operator(scene, device, "again", "/console")) {
            look.mayFail();
            Locator tiles = look.page.locator(".tile h2");
            assertThat(tiles.first()).isVisible();
            tryAgain(look, "**/api/v1/projects", "/console", tiles.first());
            tryAgain(
                    look,
                    "**/api/**/remarks*",
                    "/console/" + project + "/labeling",
                    look.page.getByText("Nothing to look at"));
            tryAgain(
                    look,
                    "**/position-bias",
                    "/console/" + project + "/labeling",
                    look.page.getByText("No ranking with a sole winner yet"));
        }
    }

    private static Locator link(Locator within, String label) {
        return within.getByRole(
                AriaRole.LINK, new Locator.GetByRoleOptions().setName(label).setExact(true));
    }

    private static void tryAgain(Look look, String request, String path, Locator after) {
        look.page.context().route(request, route -> route.abort());
        look.go(path);
        Locator again = look.page.locator(".notice.bad").first();
        assertThat(again).containsText("Podium cannot be reached");
        look.check("failed " + path.replaceAll(".*/", ""));
        look.page.context().unroute(request);
        Look.button(again, "Try again").click();
        assertThat(after).isVisible();
    }

    private void point(String project, String reason) {
        try {
            scene.operator.put(
                    Api.path("projects", project, "channels", "production"), Map.of("reason", reason), Map.of());
        } catch (ApiException e) {
            throw new AssertionError(e);
        }
    }

    private void rank(String project, int task) throws ApiException {
        scene.operator.upload(
                Api.path("projects", project, "import") + "?format=podium",
                "{\"prompt\":\"Question %d?\",\"outputs\":[\"One.\",\"Two.\"],\"labeler\":\"ann\",\"ranking\":[[0],[1]]}\n"
                        .formatted(task));
    }
}
