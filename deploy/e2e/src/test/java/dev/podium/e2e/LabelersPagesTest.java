package dev.podium.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static dev.podium.e2e.Look.HOSTILE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import dev.podium.e2e.Browser.Device;
import dev.podium.local.client.Api;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a labeler can do around the ranking itself, at a desktop and on a phone. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LabelersPagesTest {
    private static final List<String> SKY = List.of("What is the sky?", "Blue.", "A colour.");

    private Scene scene;

    @BeforeAll
    void openScene() {
        scene = Scene.open();
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aLabelerLogsInFindsTheProjectAndComesBackForAnother(Device device) throws Exception {
        String own = "around-" + device.word();
        scene.project(own, List.of(SKY));
        scene.labeler(own);
        try (Look look = new Look(scene, device, "around", window -> {
            Page page = window.newPage();
            page.navigate(scene.stack.url() + "/");
            return page;
        })) {
            look.awaitUrl("/login");
            logIn(look, own, "not-the-password");
            assertThat(look.page.locator("#log-in-failed")).containsText("not right");
            look.check("refused");
            logIn(look, own, Scene.PASSWORD);
            Locator tile =
                    look.page.locator(".tile").filter(new Locator.FilterOptions().setHas(look.page.getByText(own)));
            assertThat(tile).containsText("Be kind");
            assertThat(look.page.getByText("Console")).hasCount(0);
            look.check("projects");
            tile.getByText("Start ranking").click();
            look.awaitUrl("/label/" + own);
            rank(look, 2, 1);
            assertThat(look.page.locator(".done h2")).hasText("Nothing left to rank");
            look.check("nothing left");

            scene.operator.upload(
                    Api.path("projects", own, "import") + "?format=podium",
                    "{\"prompt\":\"" + HOSTILE + "\",\"outputs\":[\"One.\",\"Two.\"]}\n");
            look.button("Look now").click();
            assertThat(look.page.locator(".card")).hasCount(2);
            look.page.locator(".brand").click();
            assertThat(tile).isVisible();
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aSkipAndAFlagAreTakenBackWhereTheyAreSaid(Device device) throws Exception {
        String own = "back-" + device.word();
        try (Look look = start(device, own, List.of(SKY))) {
            look.page.locator("#flag").click();
            look.field("Note").fill(HOSTILE);
            look.check("flag");
            look.submit("Flag it");
            Locator toast = look.page.locator(".toast");
            assertThat(toast).containsText("Flagged");
            look.check("flagged");
            Look.button(toast, "Undo").click();
            assertThat(toast).hasText("The flag is gone.");
            assertEquals(0, remarks(own));

            look.page.locator("#skip").click();
            look.check("skip");
            look.submit("Skip it");
            assertThat(look.page.locator(".done h2")).hasText("Nothing left to rank");
            assertEquals(1, remarks(own));
            Look.button(toast, "Undo").click();
            assertThat(toast).hasText("It may come to you again.");
            look.button("Look now").click();
            assertThat(look.page.locator(".card")).hasCount(2);
            assertEquals(0, remarks(own));
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void earlierWorkIsReadToItsEndAndLeftAsItIs(Device device) throws Exception {
        String own = "earlier-" + device.word();
        scene.project(own, List.of());
        scene.labeler(own);
        scene.operator.upload(
                Api.path("projects", own, "import") + "?format=podium",
                IntStream.range(0, 51)
                        .mapToObj(i ->
                                "{\"prompt\":\"Question %d?\",\"outputs\":[\"One.\",\"Two.\"],\"labeler\":\"%s\",\"ranking\":[[0],[1]]}"
                                        .formatted(i, own))
                        .collect(Collectors.joining("\n")));
        try (Look look = new Look(scene, device, "earlier", window -> {
            Page page = window.newPage();
            page.navigate(scene.stack.url() + "/label/" + own);
            return page;
        })) {
            logIn(look, own, Scene.PASSWORD);
            look.page.locator("#open-mine").click();
            assertThat(look.page.locator(".mine-entry")).hasCount(50);
            look.check("work");
            look.press("Show earlier ones");
            assertThat(look.page.locator(".mine-entry")).hasCount(51);
            assertThat(Look.button(look.dialog(), "Show earlier ones")).hasCount(0);
            look.page.locator(".mine-entry").last().click();
            assertThat(look.page.locator("#notice")).containsText("submitted before");
            look.check("opened");
            look.page.getByLabel("Place 1 for A").click();
            look.button("Leave it as it is").click();
            assertThat(look.page.locator(".done h2")).hasText("Nothing left to rank");
            try (Api labeler = new Api(scene.stack.url(), own, Scene.PASSWORD)) {
                assertEquals(
                        List.of("1"),
                        Scene.texts(labeler.get(Api.path("projects", own, "rankings", "mine")), "revision").stream()
                                .distinct()
                                .toList());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void keysAndColoursStayAsChosenAndALinkIsFollowedOnlyByChoice(Device device) throws Exception {
        String own = "chosen-" + device.word();
        try (Look look =
                start(device, own, List.of(List.of("Where?", "[There](https://there.example/way)", "Nowhere.")))) {
            look.button("Help").click();
            look.page.getByLabel("Single-key shortcuts").uncheck();
            look.page.getByLabel("Colours").selectOption(device == Device.PHONE ? "light" : "dark");
            look.check("help");
            look.submit("Close");
            look.page.reload();
            assertThat(look.page.locator("html")).hasAttribute("data-theme", device == Device.PHONE ? "light" : "dark");
            look.page.locator(".card").first().focus();
            look.page.keyboard().press("1");
            look.check("other colours");
            assertThat(look.page.locator("#order")).hasText("");
            look.button("Help").click();
            look.page.getByLabel("Single-key shortcuts").check();
            look.submit("Close");
            look.page.locator(".card").first().focus();
            look.page.keyboard().press("1");
            assertThat(look.page.locator("#order")).hasText("A");

            look.page.context().route("https://there.example/**", route -> route.abort());
            look.page.locator(".prose a").click();
            assertThat(look.dialog()).containsText("there.example/way");
            look.check("link");
            look.press("Stay here");
            assertThat(look.dialog()).hasCount(0);
            look.page.locator(".prose a").click();
            Page there = look.page.waitForPopup(
                    () -> look.dialog().getByText("Open it in a new tab").click());
            assertTrue((boolean) there.evaluate("opener === null"), "what a link leads to holds the page");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void whatCannotBeSentOrHadNowIsTriedAgainByAButton(Device device) throws Exception {
        String own = "later-" + device.word();
        try (Look look = start(device, own, List.of(SKY))) {
            look.mayFail();
            look.page.context().route("**/ranking*", route -> route.abort());
            rank(look, 1, 2);
            assertThat(look.page.locator(".done h2")).hasText("Your rankings wait to be sent");
            look.check("waits");
            look.page.waitForRequest(
                    "**/ranking*",
                    () -> look.page.locator(".done").getByText("Try now").click());
            look.page.context().unroute("**/ranking*");
            assertThat(look.page.locator(".done h2")).hasText("Nothing left to rank");
            assertThat(look.page.locator("#sending")).isHidden();

            look.page.context().route("**/tasks/next", route -> route.abort());
            look.button("Look now").click();
            assertThat(look.page.locator(".done h2")).hasText("The next task did not come");
            look.check("no task");
            look.page.context().unroute("**/tasks/next");
            look.button("Try again").click();
            assertThat(look.page.locator(".done h2")).hasText("Nothing left to rank");

            look.mayBeRefused(403);
            String pause = Api.path("projects", own, "labelers", own, "pause");
            scene.operator.put(pause, Map.of("reason", HOSTILE), Map.of());
            look.button("Look now").click();
            assertThat(look.page.locator(".done")).containsText(HOSTILE);
            look.check("paused");
            look.page.locator(".done").getByText("My work").click();
            assertThat(look.page.locator(".mine-entry")).hasCount(1);
            look.submit("Close");
            scene.operator.delete(pause);
            look.button("Try again").click();
            assertThat(look.page.locator(".done h2")).hasText("Nothing left to rank");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aRankingChangedInAnotherTabIsNotOverwrittenUnseen(Device device) throws Exception {
        String own = "tabs-" + device.word();
        try (Look look = start(device, own, List.of(SKY))) {
            rank(look, 1, 2);
            assertThat(look.page.locator(".done h2")).hasText("Nothing left to rank");
            look.page.locator(".done").getByText("My work").click();
            look.page.locator(".mine-entry").click();
            assertThat(look.page.locator("#notice")).containsText("submitted before");
            Page other = look.page.context().newPage();
            other.navigate(look.page.url());
            other.getByLabel("Place 1 for B").click();
            other.locator("#submit").click();
            assertThat(other.locator(".toast")).containsText("Saved: A = B");

            look.mayBeRefused(412);
            look.page.getByLabel("Unacceptable: output A").click();
            look.page.locator("#submit").click();
            assertThat(look.page.locator("#refused .bad")).containsText("in another tab or on another device");
            look.check("refused");
            look.button("Show what is stored").click();
            assertThat(look.page.locator("#order")).hasText("A = B");
            look.page.locator("#undo").click();
            assertThat(look.page.locator("#order")).hasText("A  >  B");
            look.check("both");
        }
    }

    private static void rank(Look look, int... places) {
        for (int i = 0; i < places.length; i++) {
            look.page
                    .getByLabel("Place " + places[i] + " for " + (char) ('A' + i))
                    .click();
        }
        look.page.locator("#submit").click();
    }

    private Look start(Device device, String own, List<List<String>> tasks) throws Exception {
        scene.project(own, tasks);
        scene.labeler(own);
        return new Look(scene, device, own.replaceAll("-.*", ""), window -> scene.logIn(window, own, "/label/" + own));
    }

    private static void logIn(Look look, String name, String password) {
        look.page.getByLabel("Name").fill(name);
        look.page.getByLabel("Password").fill(password);
        look.button("Log in").click();
    }

    private int remarks(String project) throws Exception {
        return scene.operator
                .get(Api.path("projects", project, "remarks") + "?settled=false")
                .findValues("kind")
                .size();
    }
}
