package dev.podium.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.CDPSession;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Request;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.BoundingBox;
import com.microsoft.playwright.options.ColorScheme;
import dev.podium.e2e.Browser.Device;
import dev.podium.local.client.Api;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Everything a labeler can do in the form, at a desktop and on a phone. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LabelersActionsTest {
    /** A task that was asked for while its draft was on the way comes behind the draft's answer. */
    private static final String DRAFTS_AND_TASKS_ARE_SLOW = """
            const quick = window.fetch;
            const pause = (millis) => new Promise((resume) => setTimeout(resume, millis));
            window.opened = 0;
            window.fetch = async (url, options) => {
              if (String(url).endsWith('/draft')) await pause(1000);
              const answer = await quick(url, options);
              if (options?.method === 'GET' && /[/]tasks[/][^/]+$/.test(String(url))) {
                await pause(1500);
                setTimeout(() => window.opened++, 200);
              }
              return answer;
            };\
            """;

    /** The first draft takes its time on the way; neither a later one nor a log-out may overtake it. */
    private static final String FIRST_DRAFT_IS_SLOW = """
            const quick = window.fetch;
            window.draftsBegun = 0;
            window.fetch = async (path, options) => {
              if (String(path).endsWith('/draft') && window.draftsBegun++ === 0) {
                await new Promise((resolve) => { setTimeout(resolve, 1500); });
              }
              return quick(path, options);
            };""";

    private static final List<String> SKY =
            List.of("What is the sky?", "The sky is blue today.", "The sky is grey today.", "No.");

    private static final List<String> NEXT = List.of("Next?", "One.", "Two.", "Three.");

    private Scene scene;

    @BeforeAll
    void openScene() {
        scene = Scene.open();
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void oneClickPicksUpAndTheNextPutsDownAndEachStepCanBeUndone(Device device) throws Exception {
        try (BrowserContext window = window(device)) {
            Page page = start(window, device, "board", Map.of(), List.of(SKY));
            page.getByLabel("Move output A").click();
            page.getByLabel("Put A in place 2").click();
            page.getByLabel("Move output B").click();
            page.getByLabel("Put B in place 1").click();
            page.getByLabel("Place 2 for C").click();
            assertThat(page.locator("#order")).hasText("B  >  A = C");
            page.getByLabel("Unacceptable: output C").click();
            assertThat(page.locator("#state-C")).hasText("place 2, unacceptable");

            page.locator("#undo").click();
            page.locator("#undo").click();
            assertThat(page.locator("#order")).hasText("B  >  A");
            assertThat(page.locator("#submit")).hasAttribute("aria-disabled", "true");
            page.locator("#redo").click();
            assertThat(page.locator("#order")).hasText("B  >  A = C");
            page.getByLabel("Move output B").click();
            page.getByLabel("Take the place of B away").click();
            assertThat(page.locator("#order")).hasText("A = C");
            page.locator("#undo").click();
            page.locator("#submit").click();
            assertThat(page.locator(".toast")).containsText("Saved: B > A = C");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aFingerDragsAsAMouseDoes(Device device) throws Exception {
        try (BrowserContext window = window(device)) {
            Page page = start(window, device, "drag", Map.of(), List.of(SKY));
            Locator chip = page.locator(".tray .chip").first();
            Locator place = page.locator(".slot[data-place='1']");
            place.scrollIntoViewIfNeeded();
            if (device == Device.PHONE) {
                dragByFinger(page, chip, place);
            } else {
                dragByMouse(page, chip, place);
            }
            assertThat(page.locator("#order")).hasText("A");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void ratingsAreGivenByClickAndByDigitAndAskedForWhereTheyAreNeeded(Device device) throws Exception {
        Map<String, Object> rules = Map.of(
                "criteria",
                List.of(
                        Map.of("id", "correct", "name", "Correct", "required", true),
                        Map.of("id", "tone", "steps", 3)));
        try (BrowserContext window = window(device)) {
            Page page = start(window, device, "rate", rules, List.of(List.of("Hello?", "Hello!", "What?")));
            page.getByLabel("Place 1 for A").click();
            page.getByLabel("Place 2 for B").click();
            assertThat(page.locator("#reason")).hasText("Rate Correct of A and B.");
            page.getByLabel("Correct of A: 5 of 5").click();
            page.getByLabel("Correct of B: 1 of 5").click();
            // By keys: R goes to the ratings of the output in focus, digits rate and go on.
            page.keyboard().press("r");
            page.keyboard().press("2");
            page.keyboard().press("3");
            assertThat(page.getByLabel("Correct of B: 2 of 5")).hasAttribute("aria-pressed", "true");
            assertThat(page.getByLabel("tone of B: 3 of 3")).hasAttribute("aria-pressed", "true");
            page.locator("#submit").click();
            assertThat(page.locator(".toast")).containsText("Saved: A > B");
            page.locator(".toast button").click();
            assertThat(page.getByLabel("tone of B: 3 of 3")).hasAttribute("aria-pressed", "true");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aTaskIsSkippedWithAReasonOrFlaggedAndTheOperatorSeesBoth(Device device) throws Exception {
        String project = "remarks-" + name(device);
        try (BrowserContext window = window(device)) {
            Page page = start(window, device, "remarks", Map.of(), List.of(SKY, NEXT));
            // Which of the two comes first is drawn.
            String first = page.locator(".prompt").innerText();
            page.locator("#flag").click();
            page.getByLabel("It names or describes a real private person").check();
            page.getByLabel("Note").fill("<img src=x onerror=document.title='broken'>");
            page.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName("Flag it"))
                    .click();
            assertThat(page.locator(".toast")).containsText("Flagged");
            page.locator("#skip").click();
            page.getByLabel("Something else", new Page.GetByLabelOptions().setExact(true))
                    .check();
            page.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName("Skip it"))
                    .click();
            assertThat(page.locator("#remark .notice")).containsText("few words");
            page.getByLabel("It needs knowledge that I do not have").check();
            page.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName("Skip it"))
                    .click();
            assertThat(page.locator(".toast")).containsText("Skipped");
            assertThat(page.locator(".prompt")).not().hasText(first);
        }
        try (BrowserContext window = window(device)) {
            Page page = scene.logInAsOperator(window, "/console/" + project + "/labeling");
            assertThat(page.locator("#remarks-list tbody tr")).hasCount(2);
            assertThat(page.locator("#remarks-list")).containsText("onerror=document.title");
            assertEquals(0, page.locator("#remarks-list img").count());
            page.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName("Settle the flag"))
                    .click();
            assertThat(page.locator("#remarks-list tbody tr")).hasCount(1);
            page.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName("Offer the task"))
                    .click();
            assertThat(page.locator("#remarks-list .empty")).isVisible();
            assertThat(page.locator("#bias-list")).containsText("No ranking");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void anEarlierRankingIsChangedFromItsHistoryAndTakenBack(Device device) throws Exception {
        try (BrowserContext window = window(device)) {
            Page page = start(window, device, "history", Map.of(), List.of(SKY.subList(0, 3)));
            rank(page, 1, 2);
            assertThat(page.locator(".done h2")).hasText("Nothing left to rank");
            openNewestOfMine(page);
            rank(page, 2, 1);
            assertThat(page.locator(".toast")).containsText("Saved: B > A");
            openNewestOfMine(page);
            page.locator("#notice").getByText("History").click();
            assertThat(page.locator(".revisions li")).hasCount(2);
            page.getByLabel("Use revision 1").click();
            assertThat(page.locator("#order")).hasText("A  >  B");
            page.locator("#submit").click();
            assertThat(page.locator(".toast")).containsText("Saved: A > B");
            openNewestOfMine(page);
            page.locator("#notice .danger").click();
            assertThat(page.locator(".toast")).containsText("Taken back");
            page.locator("#open-mine").click();
            assertThat(page.locator("#mine-list .empty")).isVisible();
            assertThat(page.locator("#mine-figures")).containsText("agreement");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void differencesLayoutFoldsAndGuidelinesAreAtHand(Device device) throws Exception {
        String words = IntStream.range(0, 900).mapToObj(i -> "word" + i).reduce("", (a, b) -> a + " " + b);
        try (BrowserContext window = window(device)) {
            Page page = start(window, device, "look", Map.of(), List.of(List.of("Long?", words, words + " and more")));
            assertThat(page.locator(".card.folded")).hasCount(2);
            page.locator("#fold-all").click();
            assertThat(page.locator(".card.folded")).hasCount(0);
            page.locator("#differences").click();
            assertThat(page.locator("#compare-summary")).containsText("2 words only in");
            assertThat(page.locator("#compare-result").getByText("and more")).hasCount(1);
            page.getByLabel("In one text").check();
            assertThat(page.locator("#compare-result section")).hasCount(1);
            page.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName("Close"))
                    .click();
            page.keyboard().press("g");
            assertThat(page.locator("#guidelines-text")).containsText("Be kind");
            page.keyboard().press("g");
            assertThat(page.locator("#guidelines")).isHidden();
            page.keyboard().press("l");
            assertThat(page.locator("#outputs")).hasClass(java.util.regex.Pattern.compile(".*stacked.*"));
            page.reload();
            assertThat(page.locator("#outputs")).hasClass(java.util.regex.Pattern.compile(".*stacked.*"));
        }
    }

    @Test
    void codeIsColouredAndFormulasAreTypesetWithoutAnythingFromElsewhere() throws Exception {
        String code = "```python\ndef f(x):\n    return x + 1  # one more\n```";
        String formula = "So $x_1 * x_2 = \\frac{1}{2}$ and\n\n| a | b |\n|---|---|\n| 1 | 2 |";
        String hostile =
                "```html\n<img src=x onerror=\"window.broken = 1\">\n```\n\n$\\href{javascript:window.broken=1}{x}^2$";
        try (BrowserContext window = scene.browser.window()) {
            List<String> elsewhere = new ArrayList<>();
            window.onRequest(request -> {
                if (!request.url().startsWith(scene.stack.url())) {
                    elsewhere.add(request.url());
                }
            });
            Page page = start(window, Device.DESKTOP, "dress", Map.of(), List.of(List.of("?", code, formula, hostile)));
            assertThat(page.locator(".card .code-keyword").first()).hasText("def");
            assertThat(page.locator(".card math mfrac")).hasCount(1);
            assertThat(page.locator(".card table td")).hasCount(2);
            assertThat(page.locator(".card")
                            .filter(new Locator.FilterOptions().setHasText("onerror"))
                            .locator("pre span")
                            .first())
                    .isVisible();
            assertEquals(0, page.locator(".card img, .card a").count());
            assertEquals(false, page.evaluate("'broken' in window"));
            assertEquals(List.of(), elsewhere);
        }
    }

    @Test
    void aDraftThatThePageGaveUpDoesNotComeBackBehindTheNext() throws Exception {
        try (BrowserContext window = window(Device.DESKTOP)) {
            Page page = start(window, Device.DESKTOP, "late-draft", Map.of(), List.of(SKY));
            Request first = page.waitForRequest(
                    request -> request.url().endsWith("/draft"),
                    () -> page.getByLabel("Place 1 for A").click());
            assertThat(page.locator("#draft-state")).hasText("Draft saved");
            page.waitForResponse(
                    answer -> answer.url().endsWith("/draft"),
                    () -> page.getByLabel("Place 2 for B").click());

            // When the first one arrives after all
            Object status = page.evaluate(
                    "async ([url, headers, body]) => (await fetch(url, { method: 'PUT', headers, body })).status",
                    List.of(first.url(), sendable(first), first.postData()));

            // Then it changes nothing
            assertEquals(200, status);
            page.reload();
            assertThat(page.locator("#order")).hasText("A  >  B");
        }
    }

    @Test
    void aDraftThatWasThrownAwayDoesNotComeBackBehindThat() throws Exception {
        try (BrowserContext window = window(Device.DESKTOP)) {
            Page page = start(window, Device.DESKTOP, "left-draft", Map.of(), List.of(SKY));
            submit(page);
            openOwn(page);
            Request given = page.waitForRequest(
                    request -> request.url().endsWith("/draft"),
                    () -> page.getByLabel("Place 1 for B").click());
            assertThat(page.locator("#draft-state")).hasText("Draft saved");
            page.waitForResponse(
                    answer -> answer.request().method().equals("DELETE"),
                    () -> page.getByText("Leave it as it is").click());

            Object status = page.evaluate(
                    "async ([url, headers, body]) => (await fetch(url, { method: 'PUT', headers, body })).status",
                    List.of(given.url(), sendable(given), given.postData()));

            assertEquals(409, status);
            openOwn(page);
            assertThat(page.locator("#order")).hasText("A  >  B  >  C");
        }
    }

    @Test
    void aTaskOpenedWhileItsDraftIsOnTheWayShowsThatDraft() throws Exception {
        try (BrowserContext window = window(Device.DESKTOP)) {
            window.addInitScript(DRAFTS_AND_TASKS_ARE_SLOW);
            Page page = start(window, Device.DESKTOP, "opened-draft", Map.of(), List.of(SKY));
            submit(page);
            openOwn(page);
            page.waitForFunction("() => window.opened === 1");
            page.getByLabel("Place 1 for B").click();

            openOwn(page);
            page.waitForFunction("() => window.opened === 2");

            assertThat(page.locator("#order")).hasText("A  =  B  >  C");
        }
    }

    /** Its headers, without those that a page may not name. */
    private static Map<String, String> sendable(Request request) {
        Map<String, String> headers = new HashMap<>(request.headers());
        headers.keySet().removeIf(name -> name.matches("(sec-|user-agent|referer|origin|host|content-length).*"));
        return headers;
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aDraftFollowsFromOneDeviceToAnotherThroughALogOut(Device device) throws Exception {
        String project = "drafts-" + name(device);
        try (BrowserContext window = window(device);
                BrowserContext elsewhere = scene.browser.window()) {
            window.addInitScript(FIRST_DRAFT_IS_SLOW);
            Page page = start(window, device, "drafts", Map.of(), List.of(SKY));
            page.getByLabel("Place 1 for B").click();
            page.waitForFunction("() => window.draftsBegun === 1");
            page.locator("#comment-toggle").click();
            page.locator("#comment").fill("half done");
            page.locator("#log-out").click();
            page.waitForURL(scene.stack.url() + "/login");

            Page other = scene.logIn(elsewhere, "drafts-" + name(device), "/label/" + project);
            assertThat(other.locator("#comment")).hasValue("half done");
            assertThat(other.locator("#order")).hasText("B");
            other.getByLabel("Place 2 for A").click();
            assertThat(other.locator("#draft-state")).hasText("Draft saved");

            Page again = scene.logIn(window, "drafts-" + name(device), "/label/" + project);
            assertThat(again.locator("#order")).hasText("B  >  A");
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aRankingSubmittedWithoutAConnectionIsSentOnceUnderItsKeyLater(Device device) throws Exception {
        String project = "offline-" + name(device);
        try (BrowserContext window = window(device)) {
            List<String> keys = new ArrayList<>();
            Page page = start(window, device, "offline", Map.of(), List.of(SKY, NEXT));
            page.onRequest(request -> {
                if (request.url().endsWith("/ranking")) {
                    keys.add(request.headers().get("idempotency-key"));
                }
            });
            awaitPrefetches(page, 1);
            String first = page.locator(".prompt").innerText();
            window.setOffline(true);
            rank(page, 1, 2, 3);
            // The next task was held ready, so work goes on.
            assertThat(page.locator(".prompt")).not().hasText(first);
            assertThat(page.locator("#sending")).containsText("1 ranking waits to be sent");
            rank(page, 3, 2, 1);
            assertThat(page.locator("#sending")).containsText("2 rankings wait");
            window.setOffline(false);
            page.reload();
            assertThat(page.locator("#sending")).isHidden();
            assertThat(page.locator(".done h2")).hasText("Nothing left to rank");
            assertEquals(2, keys.stream().distinct().count(), keys.toString());
            assertTrue(keys.size() > 2, "the first one was tried more than once: " + keys);
        }
        try (Api labeler = new Api(scene.stack.url(), "offline-" + name(device), Scene.PASSWORD)) {
            JsonNode mine = labeler.get("/projects/" + project + "/rankings/mine");
            assertEquals(
                    List.of(1, 1),
                    List.of(
                            mine.get(0).path("revision").asInt(),
                            mine.get(1).path("revision").asInt()));
        }
    }

    @Test
    void aProjectThatTakesNothingNowHoldsUpItsOwnRankingsAlone() throws Exception {
        try (BrowserContext window = scene.browser.window()) {
            Page page = start(window, Device.DESKTOP, "closed", Map.of(), List.of(SKY, NEXT));
            String labeler = "closed-" + name(Device.DESKTOP);
            scene.project("stays-open", List.of(SKY));
            String paused = "/projects/" + labeler + "/labelers/" + labeler + "/pause";
            awaitPrefetches(page, 1);
            window.setOffline(true);
            rank(page, 1, 2, 3);
            assertThat(page.locator("#sending")).containsText("1 ranking waits");
            scene.operator.put(paused, Map.of("reason", "a word first"), Map.of());
            window.setOffline(false);
            page.reload();
            assertThat(page.locator("#sending")).containsText("your work in that project is paused");

            page.navigate(scene.stack.url() + "/label/stays-open");
            page.locator(".card").first().waitFor();
            rank(page, 1, 2, 3);
            assertThat(page.locator(".toast")).containsText("Saved: A > B > C");
            assertThat(page.locator("#sending")).containsText("1 ranking waits");

            // Another tab sends what waits; this one sees that it is gone.
            scene.operator.delete(paused);
            Page other = window.newPage();
            other.navigate(scene.stack.url() + "/label/stays-open");
            assertThat(other.locator("#sending")).isHidden();
            assertThat(page.locator("#sending")).isHidden();
        }
    }

    @Test
    void theNextTaskIsOnScreenWithoutAskingForItAfterTheSubmit() throws Exception {
        List<List<String>> tasks = IntStream.range(0, 12)
                .mapToObj(i -> List.of("Question " + i + "?", "Answer one.", "Answer two.", "Answer three."))
                .toList();
        try (BrowserContext window = scene.browser.window()) {
            Page page = start(window, Device.DESKTOP, "quick", Map.of(), tasks);
            for (int i = 0; i < 10; i++) {
                awaitPrefetches(page, i + 1);
                String before = page.locator(".prompt").innerText();
                // Nothing that is asked for from here on is answered before the next task is there.
                window.setOffline(true);
                rank(page, 1, 2, 3);
                assertThat(page.locator(".prompt")).not().hasText(before);
                window.setOffline(false);
                assertThat(page.locator("#sending")).isHidden();
            }
            System.out.println(
                    "next task on screen after submit, ms: "
                            + page.evaluate(
                                    "performance.getEntriesByName('podium-next-on-screen').map((e) => Math.round(e.duration))"));
        }
    }

    /** Waits until the next task was asked for so often; the page's policy forbids Playwright's own way to wait. */
    private static void awaitPrefetches(Page page, int count) {
        long deadlineNanos = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        String asked = "performance.getEntriesByType('resource').filter((e) => e.name.includes('after=')).length";
        while (((Number) page.evaluate(asked)).intValue() < count) {
            assertTrue(System.nanoTime() < deadlineNanos, "the next task was not asked for");
            page.waitForTimeout(20);
        }
    }

    private BrowserContext window(Device device) {
        return scene.browser.window(device, device == Device.PHONE ? ColorScheme.DARK : ColorScheme.LIGHT);
    }

    /** A project and a labeler of their own, and the form with its first task. */
    private Page start(
            BrowserContext window, Device device, String id, Map<String, Object> rules, List<List<String>> tasks)
            throws Exception {
        String own = id + "-" + name(device);
        scene.project(own, rules, tasks);
        scene.labeler(own);
        return scene.logIn(window, own, "/label/" + own);
    }

    /** Ranks A, B, C. */
    private static void submit(Page page) {
        page.getByLabel("Place 1 for A").click();
        page.getByLabel("Place 2 for B").click();
        page.getByLabel("Place 3 for C").click();
        page.locator("#submit").click();
    }

    /** Opens the labeler's one ranking. */
    private static void openOwn(Page page) {
        page.locator("#open-mine").click();
        page.locator(".mine-entry").click();
    }

    private static String name(Device device) {
        return device.name().toLowerCase(Locale.ROOT);
    }

    /** Places for A, B, ... and submit. */
    private static void rank(Page page, int... places) {
        for (int i = 0; i < places.length; i++) {
            Locator button = page.getByLabel("Place " + places[i] + " for " + (char) ('A' + i));
            if (!"true".equals(button.getAttribute("aria-pressed"))) {
                button.click();
            }
        }
        page.locator("#submit").click();
    }

    private static void openNewestOfMine(Page page) {
        page.locator("#open-mine").click();
        page.locator(".mine-entry").first().click();
        assertThat(page.locator("#notice")).containsText("submitted before");
    }

    private static void dragByMouse(Page page, Locator what, Locator where) {
        what.hover();
        page.mouse().down();
        BoundingBox target = where.boundingBox();
        page.mouse()
                .move(
                        target.x + target.width / 2,
                        target.y + target.height / 2,
                        new com.microsoft.playwright.Mouse.MoveOptions().setSteps(10));
        assertThat(where.locator(".chip")).hasCount(1);
        page.mouse().up();
    }

    /** The form waits a moment before a touch becomes a drag, so that a swipe still scrolls. */
    private static void dragByFinger(Page page, Locator what, Locator where) {
        CDPSession session = page.context().newCDPSession(page);
        BoundingBox from = what.boundingBox();
        BoundingBox to = where.boundingBox();
        double x = from.x + from.width / 2;
        double y = from.y + from.height / 2;
        touch(session, "touchStart", x, y);
        page.waitForTimeout(250);
        for (int i = 1; i <= 10; i++) {
            touch(
                    session,
                    "touchMove",
                    x + (to.x + to.width / 2 - x) * i / 10,
                    y + (to.y + to.height / 2 - y) * i / 10);
        }
        assertThat(where.locator(".chip")).hasCount(1);
        touch(session, "touchEnd", 0, 0);
    }

    private static void touch(CDPSession session, String type, double x, double y) {
        JsonObject event = new JsonObject();
        event.addProperty("type", type);
        JsonArray points = new JsonArray();
        if (!type.equals("touchEnd")) {
            JsonObject point = new JsonObject();
            point.addProperty("x", x);
            point.addProperty("y", y);
            points.add(point);
        }
        event.add("touchPoints", points);
        session.send("Input.dispatchTouchEvent", event);
    }
}
