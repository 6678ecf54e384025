package dev.podium.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Mouse;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.BoundingBox;
import com.microsoft.playwright.options.LoadState;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** The labeling form and the console in a real browser, on the real stack. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LabelingFormTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private Scene scene;

    @BeforeAll
    void openScene() {
        scene = Scene.open();
    }

    @Test
    void theKeyboardAloneIsEnoughToRankAndThePairsArrive() throws Exception {
        scene.project("keys", List.of(List.of("What is the sky?", "Blue.", "A colour.", "No.")));
        scene.labeler("keyboarder");
        try (BrowserContext window = scene.browser.window()) {
            Page page = window.newPage();
            page.navigate(scene.stack.url() + "/label/keys");
            // The name field has the focus when the page opens.
            page.keyboard().type("keyboarder");
            page.keyboard().press("Tab");
            page.keyboard().type(Scene.PASSWORD);
            page.keyboard().press("Enter");
            assertThat(page.locator(".card")).hasCount(3);
            List<String> shown = page.locator(".card .prose").allInnerTexts();

            page.keyboard().press("Enter");
            assertThat(page.locator("#reason")).containsText("no place yet");
            page.keyboard().press("2");
            page.keyboard().press("1");
            page.keyboard().press("3");
            page.keyboard().press("u");
            assertThat(page.locator("#order")).hasText("B  >  A  >  C");
            page.keyboard().press("Enter");

            assertThat(page.locator("#tally")).hasText("1 today");
            assertThat(page.locator(".done h2")).hasText("Nothing left to rank");
            assertEquals(
                    Set.of(
                            List.of(shown.get(1), shown.get(0)),
                            List.of(shown.get(1), shown.get(2)),
                            List.of(shown.get(0), shown.get(2))),
                    pairsOf("keys", 3));
        }
        try (BrowserContext window = scene.browser.window()) {
            Page page = scene.logInAsOperator(window, "/console/keys");
            assertThat(page.locator(".figure", new Page.LocatorOptions().setHasText("preference pairs"))
                            .locator(".value"))
                    .hasText("3");
        }
    }

    @Test
    void theMouseAloneIsEnoughToRankAndToChangeIt() throws Exception {
        scene.project("mouse", List.of(List.of("What is the sky?", "Blue.", "A colour.")));
        scene.labeler("mouser");
        try (BrowserContext window = scene.browser.window()) {
            Page page = scene.logIn(window, "mouser", "/label/mouse");
            List<String> shown = page.locator(".card .prose").allInnerTexts();
            assertThat(page.locator("#submit")).hasAttribute("aria-disabled", "true");
            page.locator(".card").nth(0).locator(".place").nth(0).click();
            drag(page, page.locator(".tray .chip"), page.locator(".slot[data-place='2']"));
            assertThat(page.locator("#order")).hasText("A  >  B");
            page.locator("#submit").click();
            assertEquals(Set.of(List.of(shown.get(0), shown.get(1))), pairsOf("mouse", 1));

            page.locator(".toast button").click();
            assertThat(page.locator(".notice")).containsText("submitted before");
            place(page, shown.get(0), 2);
            place(page, shown.get(1), 1);
            page.locator("#submit").click();
            assertThat(page.locator(".done h2")).hasText("Nothing left to rank");
            assertEquals(
                    Set.of(List.of(shown.get(1), shown.get(0))),
                    eventually("mouse", List.of(shown.get(1), shown.get(0))));
        }
    }

    @Test
    void whatAnOutputSaysIsShownAndNeverRuns() throws Exception {
        scene.project(
                "hostile",
                List.of(List.of(
                        "<script>window.broken = 1</script> and ![x](https://evil.example/prompt.png)",
                        "<img src=x onerror='window.broken = 1'><svg onload='window.broken = 1'></svg>",
                        "[click](javascript:window.broken=1) [go](https://evil.example/a) ![p](https://evil.example/p.png)",
                        "user\u202Egnp.exe in\u200Bvisible",
                        "x".repeat(1_048_576))));
        scene.labeler("target");
        try (BrowserContext window = scene.browser.window()) {
            Set<String> hosts = new HashSet<>();
            window.onRequest(request -> hosts.add(URI.create(request.url()).getHost() + ""));
            Page page = scene.logIn(window, "target", "/label/hostile");
            assertThat(page.locator(".card")).hasCount(4);
            page.waitForLoadState(LoadState.NETWORKIDLE);

            assertEquals(false, page.evaluate("'broken' in window"));
            assertEquals(
                    0,
                    page.locator(".prose script, .prose img, .prose svg, .prose [onerror]")
                            .count());
            assertThat(page.locator(".hidden-character")).hasCount(2);
            assertThat(page.locator(".cut-note")).hasCount(1);
            assertThat(page.locator(".prose a")).hasCount(1);
            assertThat(page.locator(".prose a")).hasAttribute("href", "https://evil.example/a");
            page.locator(".prose a").click();
            assertThat(page.locator("dialog[open]")).containsText("evil.example");
            assertEquals(1, window.pages().size());
            assertEquals(Set.of("localhost"), hosts);
        }
    }

    /** As a hand does it: in several moves, and it rests over the target before it lets go. */
    private static void drag(Page page, Locator what, Locator where) {
        what.hover();
        page.mouse().down();
        BoundingBox target = where.boundingBox();
        page.mouse()
                .move(target.x + target.width / 2, target.y + target.height / 2, new Mouse.MoveOptions().setSteps(10));
        assertThat(where.locator(".chip")).hasCount(1);
        page.mouse().up();
    }

    private static void place(Page page, String output, int place) {
        page.locator(".card", new Page.LocatorOptions().setHasText(output))
                .locator(".place")
                .nth(place - 1)
                .click();
    }

    /** The exported pairs, chosen first, once there are as many as expected. */
    private Set<List<String>> pairsOf(String project, int expected) throws Exception {
        Instant deadline = Instant.now().plus(PATIENCE);
        Set<List<String>> pairs = export(project);
        while (pairs.size() < expected && Instant.now().isBefore(deadline)) {
            LockSupport.parkNanos(Duration.ofMillis(200).toNanos());
            pairs = export(project);
        }
        return pairs;
    }

    /** The exported pairs, once one of them is there. */
    private Set<List<String>> eventually(String project, List<String> pair) throws Exception {
        Instant deadline = Instant.now().plus(PATIENCE);
        Set<List<String>> pairs = export(project);
        while (!pairs.contains(pair) && Instant.now().isBefore(deadline)) {
            LockSupport.parkNanos(Duration.ofMillis(200).toNanos());
            pairs = export(project);
        }
        assertTrue(pairs.contains(pair), pairs.toString());
        return pairs;
    }

    private Set<List<String>> export(String project) throws Exception {
        Set<List<String>> pairs = new HashSet<>();
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(
                scene.operator.stream("/projects/" + project + "/export?format=trl"), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                JsonNode pair = Scene.JSON.readTree(line);
                pairs.add(List.of(
                        pair.path("chosen").asText().strip(),
                        pair.path("rejected").asText().strip()));
            }
        }
        return pairs;
    }
}
