package dev.podium.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static dev.podium.e2e.Look.HOSTILE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.playwright.APIResponse;
import com.microsoft.playwright.Keyboard;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Route;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.SelectOption;
import dev.podium.e2e.Browser.Device;
import dev.podium.local.client.Api;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
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

    @ParameterizedTest
    @EnumSource(Device.class)
    void aRefusedRankingIsOpenedAgainAndItsNoticeLeavesTheFocusWhereWorkGoesOn(Device device) throws Exception {
        String own = "refused-" + device.word();
        scene.project(own, Map.of("tiesAllowed", false), List.of(SKY, List.of("Why?", "Because.", "So.")));
        scene.labeler(own);
        try (Look look = new Look(scene, device, "refused", window -> {
            // A page that is older than the rule.
            window.route("**/tasks/next*", route -> {
                APIResponse answer = route.fetch();
                route.fulfill(new Route.FulfillOptions()
                        .setResponse(answer)
                        .setBody(answer.text().replace("\"tiesAllowed\":false", "\"tiesAllowed\":true")));
            });
            return scene.logIn(window, own, "/label/" + own);
        })) {
            look.mayBeRefused(422);
            Locator refused = look.page.locator("#refused .bad");
            rank(look, 1, 1);
            assertThat(refused).containsText("does not allow ties");
            rank(look, 1, 1);
            assertThat(refused).hasCount(2);
            look.check("refused");
            Look.button(refused.last(), "Close").press("Enter");
            assertThat(Look.button(refused, "Open it")).isFocused();
            look.page.keyboard().press("Tab");
            look.page.keyboard().press("Enter");
            assertThat(refused).hasCount(0);
            assertThat(look.page.locator(".card.current")).isFocused();

            // The draft is there again.
            look.page.locator("#submit").click();
            look.page.context().unroute("**/tasks/next*");
            Look.button(refused, "Open it").click();
            assertThat(refused).hasCount(0);
            assertThat(look.page.locator("#order")).hasText("A = B");
            assertThat(look.page.locator(".card.current")).isFocused();
            look.check("open again");
            look.page.getByLabel("Place 2 for B").click();
            look.page.locator("#submit").click();
            assertThat(look.page.locator(".toast")).containsText("Saved: A > B");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aRankingWaitsForALogInAndIsSentOnceUnderItsKeyThen(Device device) throws Exception {
        String own = "ended-" + device.word();
        List<String> keys = new ArrayList<>();
        try (Look look = start(device, own, List.of(SKY));
                Look elsewhere = new Look(scene, device, own, window -> scene.logIn(window, own, "/label/" + own))) {
            look.page.onRequest(request -> {
                if (request.url().contains("/ranking")) {
                    keys.add(request.headers().get("idempotency-key"));
                }
            });
            elsewhere.button("Log out").click();
            elsewhere.awaitUrl("/login");
            look.mayBeRefused(401);
            rank(look, 2, 1);
            Locator bar = look.page.locator("#sending");
            assertThat(bar).containsText("1 ranking waits to be sent: you are no longer logged in as " + own);
            look.check("ended");
            look.page.waitForResponse(
                    "**/ranking*", () -> Look.button(bar, "Try now").click());
            Page logIn = look.page.waitForPopup(() -> bar.getByText("Log in").click());
            logIn.getByLabel("Name").fill(own);
            logIn.getByLabel("Password").fill(Scene.PASSWORD);
            logIn.keyboard().press("Enter");
            logIn.waitForURL(scene.stack.url() + "/");
            // Who comes back to the form need not press anything.
            logIn.close();
            assertThat(look.page.locator(".toast")).containsText("Saved: B > A");
            assertThat(bar).isHidden();
            assertThat(look.page.locator(".done h2")).hasText("Nothing left to rank");
            assertEquals(1, Set.copyOf(keys).size(), keys.toString());
            assertTrue(keys.size() > 1, "it was not tried without a log-in: " + keys);
        }
        try (Api labeler = new Api(scene.stack.url(), own, Scene.PASSWORD)) {
            assertEquals(
                    List.of("1"), Scene.texts(labeler.get(Api.path("projects", own, "rankings", "mine")), "revision"));
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aPersonOfTheOrganisationLogsInByItAndNobodyElseDoes(Device device) throws Exception {
        String own = "organised-" + device.word();
        scene.project(own, List.of(SKY));
        scene.operator.post("/users", Map.of("name", own, "oidc", true, "role", "labeler", "projects", List.of(own)));
        try (Look look = new Look(scene, device, "organisation", window -> {
            Page page = window.newPage();
            page.navigate(scene.stack.url() + "/console");
            return page;
        })) {
            look.awaitUrl("/login");
            look.check("log-in");
            byOrganisation(look, "stranger-" + device.word());
            assertThat(look.page.getByRole(AriaRole.ALERT)).containsText("knows you as stranger-" + device.word());
            look.mayBeRefused(403);
            look.check("stranger");
            look.page.getByText("Back to the log-in").click();
            byOrganisation(look, own);
            look.page.waitForURL(scene.stack.url() + "/");
            assertThat(look.page.locator(".tile h2")).hasText(own);
            look.page.getByText("Start ranking").click();
            rank(look, 1, 2);
            assertThat(look.page.locator(".toast")).containsText("Saved: A > B");

            look.mayBeRefused(422);
            look.button(own).click();
            look.field("Current password").fill("there is none");
            look.field("New password").fill("another-password");
            look.press("Change");
            assertThat(look.dialog().locator(".notice.bad")).containsText("log in by your organisation");
            look.check("password");
            look.press("Cancel");
            look.go("/console");
            assertThat(look.page.locator("h1")).hasText("This page is for operators");
            look.page.getByText("To the projects").click();
            assertThat(look.page.locator(".tile h2")).hasText(own);
            look.button("Log out").click();
            look.awaitUrl("/login");
            look.go("/");
            look.awaitUrl("/login");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void eachKeyDoesWhatTheHelpSays(Device device) throws Exception {
        String own = "keys-" + device.word();
        String words = "word ".repeat(900);
        try (Look look = start(device, own, List.of(List.of("Long?", words + "one", words + "two", words + "three")))) {
            Keyboard keys = look.page.keyboard();
            assertThat(look.page.locator("#open-guidelines")).containsClass("unread");
            Locator order = look.page.locator("#order");
            Locator current = look.page.locator(".card.current .letter");
            keys.press("2");
            keys.press("1");
            assertThat(order).hasText("B  >  A");
            assertThat(current).containsText("C");
            keys.press("ArrowUp");
            assertThat(current).containsText("B");
            keys.press("j");
            keys.press("k");
            keys.press("0");
            assertThat(order).hasText("A");
            keys.press("u");
            assertThat(look.page.locator("#state-B")).hasText("no place yet, unacceptable");
            keys.press("z");
            keys.press("z");
            assertThat(order).hasText("B  >  A");
            keys.press("y");
            assertThat(order).hasText("A");
            keys.press("1");
            keys.press("e");
            assertThat(look.page.locator(".card.folded")).hasCount(0);
            look.page.locator(".card").first().getByText("Show less").click();
            assertThat(look.page.locator(".card.folded")).hasCount(3);
            look.page.locator(".card").first().focus();
            for (Map.Entry<String, String> each : Map.of(
                            "d", "Differences", "?", "How to rank", "m", "My work", "g", "Guidelines")
                    .entrySet()) {
                keys.press(each.getKey());
                assertThat(look.dialog().locator("h2")).hasText(each.getValue());
                keys.press(each.getKey());
                assertThat(look.dialog()).hasCount(0);
            }
            assertThat(look.page.locator("#open-guidelines")).not().containsClass("unread");
            for (Map.Entry<String, String> each :
                    Map.of("s", "Skip this task", "f", "Flag this task").entrySet()) {
                keys.press(each.getKey());
                assertThat(look.dialog().locator("h2")).hasText(each.getValue());
                look.press("Cancel");
                assertThat(look.dialog()).hasCount(0);
            }
            keys.press("d");
            look.dialog().getByLabel("From").selectOption(new SelectOption().setLabel("Output C"));
            look.dialog().getByLabel("To").selectOption(new SelectOption().setLabel("Output B"));
            assertThat(look.page.locator("#compare-summary")).hasText("1 word only in C, 1 word only in B.");
            look.check("differences");
            look.press("Close");
            look.page.locator(".card").nth(2).focus();
            keys.press("3");
            assertThat(order).hasText("B  >  A  >  C");
            keys.press("c");
            keys.type("z is no undo here");
            keys.press("Escape");
            assertThat(look.page.locator(".card.current")).isFocused();
            look.page.locator("#comment").focus();
            keys.press("Control+Enter");
            assertThat(look.page.locator(".toast")).containsText("Saved: B > A > C");
            Look.button(look.page.locator(".toast"), "Change it").click();
            assertThat(look.page.locator("#comment")).hasValue("z is no undo here");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aWayLeadsOnFromWhereThereIsNothing(Device device) throws Exception {
        String own = "nothing-" + device.word();
        scene.project(own, List.of());
        scene.person(own, "labeler", List.of());
        try (Look look = new Look(scene, device, "nothing", window -> scene.logIn(window, own, "/"))) {
            assertThat(look.page.locator(".tile.wide")).containsText("There is nothing to rank yet");
            look.check("no project");
            look.mayFail();
            look.page.context().route("**/api/v1/projects", route -> route.abort());
            look.page.reload();
            assertThat(look.page.locator("#notice")).containsText("Podium cannot be reached");
            look.check("not reached");
            look.page.context().unroute("**/api/v1/projects");
            scene.operator.put(Api.path("projects", own, "members", own), Map.of("role", "labeler"), Map.of());
            look.button("Try again").click();
            look.page.getByText("Start ranking").click();
            assertThat(look.page.locator(".done h2")).hasText("Nothing left to rank");
            look.page.getByText("Other projects").click();
            assertThat(look.page.locator(".tile h2")).hasText(own);

            look.mayBeRefused(404);
            look.go("/label/" + own + "?task=no-such-task");
            assertThat(look.page.locator("#notice")).isVisible();
            assertThat(look.page.locator(".done h2")).hasText("The task did not come");
            look.check("no such task");
            look.button("Go on ranking").click();
            assertThat(look.page.locator(".done h2")).hasText("Nothing left to rank");
            look.go("/label/" + own);
            look.page.locator(".done").waitFor();
            look.page.keyboard().press("Tab");
            look.page.keyboard().press("Enter");
            assertThat(look.page.locator("main")).isFocused();
        }
    }

    private static void byOrganisation(Look look, String name) {
        look.page.getByText("Log in by your organisation").click();
        look.page.getByLabel("Who are you?").fill(name);
        look.page.getByText("Continue").click();
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
