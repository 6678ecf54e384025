package dev.podium.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ColorScheme;
import dev.podium.e2e.Browser.Device;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Pattern;

/**
 * A page as somebody has it before them: what they press and fill in, and what must hold wherever they come: no barrier
 * that axe-core finds, nothing wider than the screen, no error in the console, no text of others that became a part of
 * the page.
 */
final class Look implements AutoCloseable {
    /** What people may call things; none of it may ever run, nor be made an element. */
    static final String HOSTILE = "<img src=x onerror=window.broken=1>";

    private static final double PATIENCE_MILLIS = 60_000;

    /**
     * WCAG 2.2 AA with all before it, and what axe-core calls best practice. In which order headings come within a text
     * of unknown origin is not ours to say.
     */
    private static final String BARRIERS = """
        async () => (await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }))
          .violations.flatMap((v) => v.nodes
            .filter((n) => v.id !== 'heading-order' || !document.querySelector(n.target[0])?.closest('.prose'))
            .map((n) => `${v.id}: ${n.target} ${[...n.any, ...n.all, ...n.none][0]?.message ?? ''}`))\
        """;

    /** What sticks out of the screen, where the page as a whole is wider than it. */
    private static final String TOO_WIDE = """
        () => [document.documentElement, ...document.querySelectorAll('dialog[open]')]
          .filter((whole) => whole.scrollWidth > whole.clientWidth)
          .flatMap((whole) => [`${whole.tagName} is ${whole.scrollWidth} pixels wide, not ${whole.clientWidth}`,
            ...[...whole.querySelectorAll('*')]
              .filter((e) => e.getBoundingClientRect().right > whole.getBoundingClientRect().left + whole.clientWidth + 1
                && !e.parentElement.closest('.table-frame'))
              .map((e) => `${e.tagName} ${e.id} ${e.className}`).slice(0, 5)])\
        """;

    /** Choices whose words have no room beside the arrow. */
    private static final String CUT_OFF = """
        () => {
          const pen = document.createElement('canvas').getContext('2d');
          return [...document.querySelectorAll('select')].filter((select) => select.checkVisibility()).flatMap((select) => {
            const style = getComputedStyle(select);
            pen.font = style.font;
            const room = select.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - 16;
            return [...select.options].filter((option) => pen.measureText(option.text).width > room)
              .map((option) => `${select.name || select.id} has ${Math.round(room)} pixels for "${option.text}", which needs ${Math.round(pen.measureText(option.text).width)}`);
          });
        }\
        """;

    private static final String AXE = script();

    final Page page;
    private final BrowserContext window;
    private final Scene scene;
    private final String name;
    private final List<String> errors = new ArrayList<>();
    private final List<Integer> refusals = new ArrayList<>();
    private boolean failures;

    /** A window on a device (a desktop in the light, a phone in the dark), opened by a log-in that leads to a path. */
    Look(Scene scene, Device device, String name, Function<BrowserContext, Page> logIn) {
        this.scene = scene;
        this.name = name;
        this.window = scene.browser.window(device, device == Device.PHONE ? ColorScheme.DARK : ColorScheme.LIGHT);
        window.setDefaultTimeout(PATIENCE_MILLIS);
        window.setDefaultNavigationTimeout(PATIENCE_MILLIS);
        window.grantPermissions(List.of("clipboard-read", "clipboard-write"));
        window.onWebError(error -> errors.add(error.error()));
        window.onConsoleMessage(message -> {
            if (message.type().equals("error")) {
                errors.add(message.text());
            }
        });
        this.page = logIn.apply(window);
    }

    /** The operator's window on a device. */
    static Look operator(Scene scene, Device device, String name, String path) {
        return new Look(scene, device, name, window -> scene.logInAsOperator(window, path));
    }

    /** The barriers on a page as axe-core tells them. */
    @SuppressWarnings("unchecked")
    static List<String> barriers(Page page) {
        // By the browser's own interface: the page's policy would let no script of ours in.
        page.evaluate(AXE);
        return (List<String>) page.evaluate(BARRIERS);
    }

    /** Holds the page as it is now to what must hold everywhere, and keeps a picture where pictures are asked for. */
    void check(String what) {
        // What is under the bar that stays on top is not out of reach: one scrolls.
        page.evaluate("() => { dispatchEvent(new WheelEvent('wheel')); scrollTo(0, 0); }");
        scene.show(page, name + "-" + what);
        List<String> wrong = new ArrayList<>(barriers(page));
        @SuppressWarnings("unchecked")
        List<String> wide = (List<String>) page.evaluate(TOO_WIDE);
        wrong.addAll(wide);
        errors.removeIf(error -> refusals.stream().anyMatch(status -> error.contains("status of " + status))
                || (failures && error.matches(".*net::ERR_(FAILED|INTERNET_DISCONNECTED).*")));
        wrong.addAll(errors);
        if (page.locator("img[src='x']").count() > 0 || (boolean) page.evaluate("'broken' in window")) {
            wrong.add("a text of others became a part of the page");
        }
        assertEquals(List.of(), wrong, what);
    }

    /** Holds that each choice on the page has room for its words. */
    void checkChoices() {
        assertEquals(List.of(), page.evaluate(CUT_OFF));
    }

    /** From now on the server may refuse with a status; the browser writes each refusal into its console. */
    void mayBeRefused(int status) {
        refusals.add(status);
    }

    /** From now on requests may fail on their way; the browser writes that into its console, too. */
    void mayFail() {
        failures = true;
    }

    /** A button on the page itself, by its whole name. */
    Locator button(String label) {
        return page.getByRole(
                AriaRole.BUTTON, new Page.GetByRoleOptions().setName(label).setExact(true));
    }

    /** A button within a part of the page, by its whole name. */
    static Locator button(Locator within, String label) {
        return within.getByRole(
                AriaRole.BUTTON, new Locator.GetByRoleOptions().setName(label).setExact(true));
    }

    /** The dialog that is open. */
    Locator dialog() {
        return page.locator("dialog[open]");
    }

    /** A field of the dialog, by the beginning of its label: hints follow. */
    Locator field(String label) {
        return dialog().getByLabel(Pattern.compile("^" + label));
    }

    /** Presses the dialog's button, and waits until the dialog is gone. */
    void submit(String label) {
        press(label);
        assertThat(dialog()).isHidden();
    }

    /** Presses a button of the dialog. */
    void press(String label) {
        button(dialog(), label).click();
    }

    /** The row of a table that has a text. */
    Locator row(String place, String text) {
        return page.locator(place + " tbody tr").filter(new Locator.FilterOptions().setHasText(text));
    }

    void go(String path) {
        page.navigate(scene.stack.url() + path);
    }

    /** Nothing lies over the middle of it, and it is not scrolled away. */
    static void assertSeen(Locator what) {
        assertTrue((boolean) what.evaluate("""
                        (element) => {
                          const box = element.getBoundingClientRect();
                          return element.contains(document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2));
                        }\
                        """), () -> "nobody sees " + what);
    }

    /** Waits for an address that begins with a path. */
    void awaitUrl(String path) {
        page.waitForURL(url -> url.startsWith(scene.stack.url() + path));
    }

    @Override
    public void close() {
        window.close();
    }

    private static String script() {
        try (InputStream in = Look.class.getResourceAsStream("/axe.min.js")) {
            assertTrue(in != null, "axe-core is not on the class path");
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
