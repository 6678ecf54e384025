package dev.podium.feedback.rendering;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SafeMarkdownTest {
    /** The only tags that may come out, whatever goes in. */
    private static final Pattern ALLOWED_TAG = Pattern.compile("</?(p|br|hr|em|strong|code|pre|blockquote|ul|ol|li"
            + "|table|thead|tbody|tr|th|td|h4|h5|h6|a|span)( [^<>]*)?/?>");

    @Test
    void markdownOfAnAnswerIsRendered() {
        String html =
                SafeMarkdown.toHtml("# Steps\n\n1. Open **it**\n2. Use `jq`\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n");
        assertTrue(html.contains("<h4>Steps</h4>"), html);
        assertTrue(html.contains("<strong>it</strong>"), html);
        assertTrue(html.contains("<code>jq</code>"), html);
        assertTrue(html.contains("<td align=\"right\">2</td>"), html);
    }

    @Test
    void lineEndsStayLineEnds() {
        assertEquals("<p>one<br />\ntwo</p>\n", SafeMarkdown.toHtml("one\ntwo"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "<script>alert(1)</script>",
                "text <img src=x onerror=alert(1)> more",
                "<svg onload=alert(1)>",
                "<svg><script>alert(1)</script></svg>",
                "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
                "<a href=\"javascript:alert(1)\">x</a>",
                "[x](javascript:alert(1))",
                "[x](JaVaScRiPt:alert(1))",
                "[x](java&#10;script:alert(1))",
                "[x](&#x6A;avascript:alert(1))",
                "[x](vbscript:msgbox(1))",
                "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
                "<javascript:alert(1)>",
                "[x]: javascript:alert(1)\n\n[x]",
                "[x](//evil.example/a)",
                "[x](/console)",
                "[x](https://ok.example\\@evil.example)",
                "![x](https://evil.example/pixel.png)",
                "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
                "![![x](https://a.example/1.png)](https://a.example/2.png)",
                "```\"onmouseover=alert(1) x\ncode\n```",
                "<style>body{display:none}</style>",
                "<form action=https://evil.example><button>log in</button></form>",
                "<math><mtext></mtext><a xlink:href=\"javascript:alert(1)\">x</a></math>",
                "<!--><script>alert(1)</script>-->",
                "<![CDATA[<script>alert(1)</script>]]>",
                "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
                "| a |\n|---|\n| <img src=x onerror=alert(1)> |"
            })
    void attacksComeOutInert(String attack) {
        String html = SafeMarkdown.toHtml(attack);
        assertTrue(ALLOWED_TAG.matcher(html).replaceAll("").indexOf('<') < 0, html);
        for (String tag : Pattern.compile("<[^>]*>")
                .matcher(html)
                .results()
                .map(r -> r.group())
                .toList()) {
            assertFalse(tag.matches("(?is).*(\\son|src|style|javascript:|vbscript:|data:).*"), tag);
        }
        assertFalse(html.matches("(?s).*<[^>]*href.*"), html);
    }

    @Test
    void rawHtmlIsShownAsText() {
        assertTrue(SafeMarkdown.toHtml("a <b>c</b>").contains("&lt;b&gt;c&lt;/b&gt;"));
    }

    @Test
    void remoteImagesAreNamedButNotLoaded() {
        String html = SafeMarkdown.toHtml("![a cat](https://evil.example/pixel.png)");
        assertFalse(html.contains("<img"), html);
        assertTrue(html.contains("[image not loaded: a cat https://evil.example/pixel.png]"), html);
    }

    @Test
    void linksOpenApartAndTellNobodyWhereTheyCameFrom() {
        String html = SafeMarkdown.toHtml("[site](https://example.org/a?b=1&c=2 \"title\")");
        assertTrue(html.contains("target=\"_blank\""), html);
        assertTrue(
                html.matches("(?s).*rel=\"(?=[^\"]*noopener)(?=[^\"]*noreferrer)(?=[^\"]*nofollow)[^\"]*\".*"), html);
        assertTrue(html.contains("href=\"https://example.org/a?b&#61;1&amp;c&#61;2\""), html);
        assertFalse(html.contains("title"), html);
    }

    @Test
    void refusedLinksShowWhereTheyWanted() {
        assertTrue(SafeMarkdown.toHtml("[click](javascript:alert(1))").contains("click (javascript:alert(1))"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\u202E",
                "\u2066",
                "\u200B",
                "\u200D",
                "\u200F",
                "\u00AD",
                "\uFEFF",
                "\u0007",
                "\u001B",
                "\u0085",
                "\u2028",
                "\u3164",
                "\u2800",
                "\uD800",
                "\uDB40\uDC41",
                "\u0000",
                "\uFE0F"
            })
    void charactersThatNobodySeesAreShown(String hidden) {
        for (String text : new String[] {"user" + hidden + "name", "`a" + hidden + "b`", "    code " + hidden + "x"}) {
            String html = SafeMarkdown.toHtml(text);
            String name = String.format("U+%04X", hidden.codePointAt(0));
            assertTrue(html.contains("class=\"hidden-character\""), html);
            assertTrue(html.contains(">" + name + "</span>"), html);
            assertFalse(html.contains(hidden), html);
        }
    }

    @Test
    void charactersHiddenInEntitiesAreShownToo() {
        String html = SafeMarkdown.toHtml("a&#x202E;b &#8203; [c&#x202E;](https://a.example)");
        assertEquals(3, html.split("class=\"hidden-character\"", -1).length - 1, html);
        assertFalse(html.contains("\u202E") || html.contains("\u200B"), html);
    }

    @Test
    void hiddenCharactersInAnAddressCannotBreakTheTag() {
        String html = SafeMarkdown.toHtml("[a](https://a.example/\u202Egnp.exe)");
        assertFalse(html.contains("href=\"https://a.example/<span"), html);
        assertFalse(html.contains("\u202E"), html);
    }

    @ParameterizedTest
    @ValueSource(strings = {"👩‍👩‍👧 family", "❤️ heart", "می‌خواهم", "क्‍ष", "naïve Ünïcode 日本語 עברית"})
    void whatWritingNeedsStays(String text) {
        assertEquals("<p>" + text + "</p>\n", decoded(SafeMarkdown.toHtml(text)));
    }

    @Test
    void aLineOfOneMegabyteIsCutWithANote() {
        String html =
                assertTimeoutPreemptively(Duration.ofSeconds(10), () -> SafeMarkdown.toHtml("x".repeat(1_048_576)));
        assertTrue(html.length() < SafeMarkdown.MAX_CHARACTERS + 500, "length " + html.length());
        assertTrue(html.contains("948,576 more characters"), html.substring(html.length() - 200));
    }

    @Test
    void aCutNeverSplitsACharacter() {
        String html = SafeMarkdown.toHtml("x" + "😀".repeat(60_000));
        assertFalse(html.contains("U+D83D"), "split pair");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "> ",
                "- ",
                "*a _b ",
                "[",
                "![",
                "<",
                "**",
                "`",
                "|",
                "a|\n",
                "\\[",
                "&#x3c;",
                "~",
                "(",
                "[a](",
                "<?a>",
                "<!--",
                "[a](<b",
                "[a](b \"",
                "<a b='",
                "a**b",
                "*a **b ",
                "`` ` ",
                "1. ",
                "[a]: b\n",
                "\n\t",
                "&"
            })
    void textsBuiltToExplodeEndSoon(String piece) {
        String text = piece.repeat(SafeMarkdown.MAX_CHARACTERS / piece.length());
        String html = assertTimeoutPreemptively(Duration.ofSeconds(10), () -> SafeMarkdown.toHtml(text));
        assertTrue(html.length() < 4_000_000, "length " + html.length());
    }

    @Test
    void aTableCannotMultiplyItsCells() {
        String text = "|a".repeat(20_000) + "|\n" + "|-".repeat(20_000) + "|\n" + "|b\n".repeat(6_000);
        String html = assertTimeoutPreemptively(Duration.ofSeconds(10), () -> SafeMarkdown.toHtml(text));
        assertFalse(html.contains("<table"), "table of 120 million cells");
    }

    @Test
    void aReferenceCannotMultiplyItsAddress() {
        String text = "[a]: https://a.example/" + "x".repeat(50_000) + "\n\n" + "[a]".repeat(15_000);
        String html = assertTimeoutPreemptively(Duration.ofSeconds(10), () -> SafeMarkdown.toHtml(text));
        assertTrue(html.length() < 1_000_000, "length " + html.length());
    }

    /** The sanitiser writes characters beyond the basic plane as references. */
    private static String decoded(String html) {
        return Pattern.compile("&#x([0-9a-f]+);")
                .matcher(html)
                .replaceAll(match -> Character.toString(Integer.parseInt(match.group(1), 16)));
    }

    @Test
    void formulasKeepTheirStarsAndBackslashes() {
        String inline = SafeMarkdown.toHtml("Let $a_1 * b_1 * c$ and \\(\\frac{1}{2}\\) be.");
        String display = SafeMarkdown.toHtml("\\[\n\\sum_{i} x_i\n\\]\n\n$$e^{i\\pi} + 1 = 0$$");

        assertTrue(inline.contains("<code class=\"math-inline\">a_1 * b_1 * c</code>"), inline);
        assertTrue(inline.contains("<code class=\"math-inline\">\\frac{1}{2}</code>"), inline);
        assertTrue(display.contains("<code class=\"math-display\">\\sum_{i} x_i</code>"), display);
        assertTrue(display.contains("<code class=\"math-display\">e^{i\\pi} &#43; 1 &#61; 0</code>"), display);
    }

    @Test
    void moneyAndEscapedLinksAreNoFormulas() {
        for (String text : List.of(
                "It costs $5, or $10 with tax.",
                "between 5$ and 10$ a month",
                "from $5 and $6 to US$",
                "\\[a link\\](https://a.example)",
                "one $ alone")) {
            assertFalse(SafeMarkdown.toHtml(text).contains("math-"), SafeMarkdown.toHtml(text));
        }
    }

    @Test
    void aFormulaHidesNothingAndBreaksOutOfNothing() {
        String html = SafeMarkdown.toHtml("$x^\u202E2</code><script>1</script>$ " + "$".repeat(50_000));

        assertFalse(html.contains("<script"), html.substring(0, 300));
        assertTrue(html.contains("hidden-character"), html.substring(0, 300));
        assertTrue(html.contains("&lt;/code&gt;"), html.substring(0, 300));
    }
}
