package dev.podium.feedback.rendering;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.commonmark.Extension;
import org.commonmark.ext.gfm.tables.TablesExtension;
import org.commonmark.node.Link;
import org.commonmark.node.Node;
import org.commonmark.parser.Parser;
import org.commonmark.renderer.html.HtmlRenderer;
import org.owasp.html.HtmlPolicyBuilder;
import org.owasp.html.PolicyFactory;

/**
 * Renders text of unknown origin as HTML that cannot run anything, loads nothing, and hides nothing.
 *
 * <p>Four walls, each enough for most attacks: CommonMark (with GFM tables) where raw HTML is plain text; a walk over the
 * parsed tree that drops images and every link that is not http, https or mailto; an allow-list sanitiser; and, outside
 * this class, the Content-Security-Policy of the pages. Characters that people cannot see are shown as chips. Texts
 * beyond {@value #MAX_CHARACTERS} characters are cut with a note, and texts built to make a parser explode are shown as
 * plain text.
 */
public final class SafeMarkdown {
    /** What is shown of one text at most; about forty printed pages. */
    public static final int MAX_CHARACTERS = 100_000;

    /** Nested quotes and lists beyond this are plain text; keeps the recursive renderer shallow. */
    private static final int MAX_NESTED_BLOCKS = 40;

    /** An empty table cell costs more to render than it took to write; more than this and tables stay plain. */
    private static final int MAX_TABLE_CELLS = 20_000;

    /** Characters that a parser may look at twice; about a tenth of a second. */
    private static final long MAX_SEARCHED_CHARACTERS = 30_000_000;

    private static final List<Extension> TABLES = List.of(TablesExtension.create());
    private static final Parser PARSER = Parser.builder()
            .maxOpenBlockParsers(MAX_NESTED_BLOCKS)
            .customInlineContentParserFactory(new Formulas())
            .extensions(TABLES)
            .build();
    private static final Parser PARSER_WITHOUT_TABLES = Parser.builder()
            .maxOpenBlockParsers(MAX_NESTED_BLOCKS)
            .customInlineContentParserFactory(new Formulas())
            .build();
    private static final HtmlRenderer RENDERER = HtmlRenderer.builder()
            .escapeHtml(true)
            .sanitizeUrls(true)
            .percentEncodeUrls(true)
            // A chat answer's line ends mean something; what people see should be what the model wrote.
            .softbreak("<br />\n")
            .attributeProviderFactory(context -> SafeMarkdown::linkAttributes)
            .nodeRendererFactory(Formulas::renderer)
            .extensions(TABLES)
            .build();

    private static final Pattern KIND_OF_CODE =
            Pattern.compile("language-[A-Za-z0-9+#._-]{1,40}|math-inline|math-display");
    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,9}");
    private static final Pattern ALIGNMENT = Pattern.compile("left|center|right");
    private static final Set<String> HEADINGS = Set.of("h1", "h2", "h3", "h4", "h5", "h6");
    private static final PolicyFactory ALLOWED = new HtmlPolicyBuilder()
            .allowElements("p", "br", "hr", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li")
            .allowElements("table", "thead", "tbody", "tr", "th", "td")
            // Headings of an output lie below the page's own, for screen readers' outlines.
            .allowElements((name, attributes) -> belowPageHeadings(name), HEADINGS.toArray(String[]::new))
            .allowElements("a")
            .allowUrlProtocols("http", "https", "mailto")
            .allowAttributes("href")
            .onElements("a")
            .allowAttributes("target")
            .matching(false, "_blank")
            .onElements("a")
            .requireRelsOnLinks("noopener", "noreferrer", "nofollow")
            .allowAttributes("class")
            .matching(KIND_OF_CODE)
            .onElements("code")
            .allowAttributes("start")
            .matching(NUMBER)
            .onElements("ol")
            .allowAttributes("align")
            .matching(ALIGNMENT)
            .onElements("th", "td")
            .toFactory();

    private SafeMarkdown() {}

    /** HTML of a text of unknown origin, safe to place in a page's body as it is. */
    public static String toHtml(String text) {
        String shown = VisibleText.of(cut(text));
        return VisibleText.markInHtml(ALLOWED.sanitize(unsanitised(shown))) + noteOfWhatWasCut(text);
    }

    private static String unsanitised(String text) {
        if (searchesOfOpenBrackets(text) <= MAX_SEARCHED_CHARACTERS) {
            Node document = parserFor(text).parse(text);
            if (HostileNodes.disarm(document)) {
                return RENDERER.render(document);
            }
        }
        return "<pre>" + escaped(text) + "</pre>";
    }

    /** At each angle bracket the parser looks ahead for its end; n of them without an end are n squared steps. */
    private static long searchesOfOpenBrackets(String text) {
        long searched = 0;
        int end = text.length();
        for (int i = text.length() - 1; i >= 0; i--) {
            char c = text.charAt(i);
            if (c == '>') {
                end = i;
            } else if (c == '<') {
                boolean isDeclaration =
                        i + 1 < text.length() && (text.charAt(i + 1) == '!' || text.charAt(i + 1) == '?');
                searched += isDeclaration ? text.length() - i : end - i;
            }
        }
        return searched;
    }

    private static String cut(String text) {
        if (text.length() <= MAX_CHARACTERS) {
            return text;
        }
        boolean splitsPair = Character.isHighSurrogate(text.charAt(MAX_CHARACTERS - 1));
        return text.substring(0, splitsPair ? MAX_CHARACTERS - 1 : MAX_CHARACTERS);
    }

    private static String noteOfWhatWasCut(String text) {
        int left = text.length() - cut(text).length();
        return left == 0
                ? ""
                : String.format(
                        Locale.ROOT,
                        "<p class=\"cut-note\">This text is longer than what is shown here: %,d more characters.</p>",
                        left);
    }

    /** A table pads each row to the header's width, so that a few bytes a row can become thousands of cells. */
    private static Parser parserFor(String text) {
        int widest = 0;
        int lines = 1;
        int bars = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '|') {
                widest = Math.max(widest, ++bars);
            } else if (c == '\n' || c == '\r') {
                lines++;
                bars = 0;
            }
        }
        return (long) widest * lines > MAX_TABLE_CELLS ? PARSER_WITHOUT_TABLES : PARSER;
    }

    private static void linkAttributes(Node node, String tagName, Map<String, String> attributes) {
        if (node instanceof Link) {
            attributes.remove("title");
            attributes.put("target", "_blank");
        }
    }

    private static String belowPageHeadings(String name) {
        return switch (name) {
            case "h1" -> "h4";
            case "h2" -> "h5";
            default -> "h6";
        };
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
