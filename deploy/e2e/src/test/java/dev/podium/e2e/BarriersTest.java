package dev.podium.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Response;
import com.microsoft.playwright.options.ColorScheme;
import dev.podium.e2e.Browser.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** No page has a barrier that axe-core finds, in light and dark, at a desktop and on a phone; none runs what is not ours. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BarriersTest {
    private static final String PROJECT = "barriers";

    /** Where the round is: its samples become tasks, and the pages of the other project must show the task they know. */
    private static final String SAMPLED = "barriers-sampled";

    private final List<String> found = new ArrayList<>();
    private Scene scene;
    private String round = "";

    @BeforeAll
    void openScene() throws Exception {
        scene = Scene.open();
        Map<String, Object> rules =
                Map.of("overlap", 5, "criteria", List.of(Map.of("id", "correct", "name", "Correct")));
        scene.project(
                PROJECT,
                rules,
                List.of(List.of(
                        "Show **code** and a table, please.",
                        "```python\ndef f(x):\n    return x  # same\n```\n\n| a | b |\n|---|---|\n| 1 | $x^2$ |",
                        "> quoted [link](https://a.example/)\n\n1. one\n2. two\n\n# Title\ntext `code`",
                        "long ".repeat(900))));
        scene.project(SAMPLED, List.of(List.of("Say hello.", "Hello.", "Hi.")));
        scene.labeler("axe-ann");
        scene.labeler("axe-bob");
        round = scene.operator
                .post(
                        "/projects/" + SAMPLED + "/rounds",
                        Map.of("kind", "SAMPLE", "prompts", List.of("Hello?"), "config", Map.of()))
                .path("id")
                .asText();
    }

    @AfterAll
    void showFound() {
        found.stream().distinct().forEach(line -> System.out.println("axe: " + line));
    }

    static Stream<Arguments> looks() {
        return Stream.of(Device.values())
                .flatMap(
                        device -> Stream.of(ColorScheme.LIGHT, ColorScheme.DARK).map(c -> Arguments.of(device, c)));
    }

    @ParameterizedTest
    @MethodSource("looks")
    void labelersMeetNoBarrier(Device device, ColorScheme scheme) {
        List<String> barriers = new ArrayList<>();
        try (BrowserContext window = scene.browser.window(device, scheme)) {
            Page page = window.newPage();
            page.navigate(scene.stack.url() + "/login?error=1");
            barriers.addAll(check(page, "log-in"));
            page.close();
            page = scene.logIn(window, "axe-ann", "/label/" + PROJECT);
            barriers.addAll(check(page, "form, untouched"));
            page.getByLabel("Place 1 for A").click();
            page.getByLabel("Place 1 for B").click();
            page.getByLabel("Unacceptable: output C").click();
            page.getByLabel("Correct of A: 3 of 5").click();
            page.getByLabel("Move output A").click();
            page.locator("#comment-toggle").click();
            barriers.addAll(check(page, "form, at work"));
            for (String dialog : List.of("help", "guidelines", "mine")) {
                page.locator("#open-" + dialog).click();
                assertThat(page.locator("#" + dialog)).isVisible();
                barriers.addAll(check(page, dialog));
                page.keyboard().press("Escape");
            }
            for (String dialog : List.of("skip", "flag")) {
                page.locator("#" + dialog).click();
                barriers.addAll(check(page, dialog));
                page.keyboard().press("Escape");
            }
            page.locator("#differences").click();
            assertThat(page.locator("#compare-summary")).not().isEmpty();
            barriers.addAll(check(page, "differences"));
            page.navigate(scene.stack.url() + "/");
            page.locator(".tile h2").first().waitFor();
            barriers.addAll(check(page, "projects"));
            page.navigate(scene.stack.url() + "/console");
            barriers.addAll(check(page, "not for you"));
        }
        found.addAll(barriers);
        assertEquals(List.of(), barriers.stream().distinct().toList());
    }

    @ParameterizedTest
    @MethodSource("looks")
    void operatorsMeetNoBarrier(Device device, ColorScheme scheme) {
        List<String> barriers = new ArrayList<>();
        try (BrowserContext window = scene.browser.window(device, scheme)) {
            Page page = scene.logInAsOperator(window, "/console");
            page.locator(".tile h2").first().waitFor();
            barriers.addAll(check(page, "console"));
            page.locator("#new-project").click();
            page.locator("#dialog summary").first().click();
            barriers.addAll(check(page, "new project"));
            for (String path : List.of(
                    PROJECT, PROJECT + "/labeling", PROJECT + "/quality", SAMPLED, SAMPLED + "/rounds/" + round)) {
                page.navigate(scene.stack.url() + "/console/" + path);
                page.locator("main h1, main h2").first().waitFor();
                page.locator(".skeleton")
                        .first()
                        .waitFor(new com.microsoft.playwright.Locator.WaitForOptions()
                                .setState(com.microsoft.playwright.options.WaitForSelectorState.DETACHED));
                barriers.addAll(check(page, "console/" + path.replace(round, "R")));
            }
        }
        found.addAll(barriers);
        assertEquals(List.of(), barriers.stream().distinct().toList());
    }

    @Test
    void noPageAllowsInlineScriptsStylesOrEvalAndNoneTriesThem() {
        List<String> refused = new ArrayList<>();
        try (BrowserContext window = scene.browser.window()) {
            window.addInitScript(
                    "addEventListener('securitypolicyviolation', (e) => console.error('refused ' + e.violatedDirective"
                            + " + ' ' + e.blockedURI + ' ' + e.sourceFile))");
            window.onConsoleMessage(message -> {
                if (message.text().contains("refused ") || message.text().contains("Content Security Policy")) {
                    refused.add(message.text());
                }
            });
            scene.logInAsOperator(window, "/label/" + PROJECT).close();
            Page page = window.newPage();
            for (String path : List.of(
                    "/",
                    "/login",
                    "/label/" + PROJECT,
                    "/console",
                    "/console/" + PROJECT,
                    "/console/" + PROJECT + "/labeling",
                    "/console/" + PROJECT + "/quality",
                    "/console/" + SAMPLED + "/rounds/" + round)) {
                Response response = page.navigate(scene.stack.url() + path);
                String policy = String.valueOf(response.headerValue("content-security-policy"));
                assertTrue(
                        policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), path + policy);
                assertFalse(policy.contains("unsafe"), path + ": " + policy);
                page.waitForLoadState();
            }
            page.navigate(scene.stack.url() + "/label/" + PROJECT);
            assertThat(page.locator(".card math").first()).isAttached();
            assertThat(page.locator(".card .code-keyword").first()).isVisible();
        }
        assertEquals(List.of(), refused);
    }

    private static List<String> check(Page page, String where) {
        return Look.barriers(page).stream()
                .map(barrier -> where + ": " + barrier)
                .toList();
    }
}
