package dev.podium.feedback.rendering;

import java.util.Map;
import java.util.Set;
import org.commonmark.node.CustomNode;
import org.commonmark.node.Node;
import org.commonmark.parser.beta.InlineContentParser;
import org.commonmark.parser.beta.InlineContentParserFactory;
import org.commonmark.parser.beta.InlineParserState;
import org.commonmark.parser.beta.ParsedInline;
import org.commonmark.parser.beta.Position;
import org.commonmark.parser.beta.Scanner;
import org.commonmark.renderer.NodeRenderer;
import org.commonmark.renderer.html.HtmlNodeRendererContext;
import org.commonmark.renderer.html.HtmlWriter;
import org.jspecify.annotations.Nullable;

/**
 * TeX between {@code $...$}, {@code \(...\)}, {@code $$...$$} and {@code \[...\]}: kept as it was written, away from
 * markdown's stars and backslashes. It is rendered as code with a class; the page may typeset it, and reads well without.
 */
final class Formulas implements InlineContentParserFactory {
    private static final int MAX_INLINE_CHARACTERS = 500;
    private static final int MAX_DISPLAY_CHARACTERS = 4_000;

    /** In one text; what is beyond them stays plain, and a text of dollars costs no more than this. */
    private static final int MAX_ATTEMPTS = 1_000;

    /** Money has none of these. */
    private static final String SIGNS_OF_A_FORMULA = "\\^_=+*/<>{}|";

    private static final int LONGEST_BARE_FORMULA = 12;

    /** A formula in a parsed text. */
    static final class Formula extends CustomNode {
        private final boolean display;
        private String tex;

        Formula(String tex, boolean display) {
            this.tex = tex;
            this.display = display;
        }

        String tex() {
            return tex;
        }

        void setTex(String tex) {
            this.tex = tex;
        }
    }

    @Override
    public Set<Character> getTriggerCharacters() {
        return Set.of('$', '\\');
    }

    @Override
    public InlineContentParser create() {
        return new Attempts();
    }

    private static final class Attempts implements InlineContentParser {
        private int made;

        @Override
        public ParsedInline tryParse(InlineParserState state) {
            if (made++ >= MAX_ATTEMPTS) {
                return ParsedInline.none();
            }
            Scanner scanner = state.scanner();
            char first = scanner.peek();
            scanner.next();
            char second = scanner.peek();
            if (first == '\\') {
                return second == '(' || second == '['
                        ? between(scanner, second == '(' ? ")" : "]", second == '[')
                        : ParsedInline.none();
            }
            return second == '$' ? between(scanner, "$$", true) : betweenDollars(scanner);
        }
    }

    /** From behind the second opening character to the closing ones. */
    private static ParsedInline between(Scanner scanner, String closing, boolean display) {
        scanner.next();
        Position begin = scanner.position();
        int limit = display ? MAX_DISPLAY_CHARACTERS : MAX_INLINE_CHARACTERS;
        for (int i = 0; i < limit && scanner.peek() != Scanner.END; i++) {
            Position end = scanner.position();
            if (closes(scanner, closing)) {
                String tex = scanner.getSource(begin, end).getContent().strip();
                // An escaped link has brackets with backslashes too.
                boolean isLink = closing.equals("]") && scanner.peek() == '(';
                return tex.isEmpty() || isLink ? ParsedInline.none() : parsed(tex, display, scanner);
            }
            scanner.setPosition(end);
            scanner.next();
        }
        return ParsedInline.none();
    }

    private static boolean closes(Scanner scanner, String closing) {
        char escape = closing.equals("$$") ? '$' : '\\';
        return scanner.next(escape) && scanner.next(closing.charAt(closing.length() - 1));
    }

    /** As pandoc has it: no space inside the dollars, no digit behind the second; and not what may be money. */
    private static ParsedInline betweenDollars(Scanner scanner) {
        if (Character.isWhitespace(scanner.peek())) {
            return ParsedInline.none();
        }
        Position begin = scanner.position();
        char previous = ' ';
        for (int i = 0; i < MAX_INLINE_CHARACTERS && scanner.peek() != Scanner.END; i++) {
            char here = scanner.peek();
            if (here == '$' && previous != '\\') {
                Position end = scanner.position();
                scanner.next();
                String tex = scanner.getSource(begin, end).getContent();
                boolean isFormula = !Character.isWhitespace(previous)
                        && !Character.isDigit(scanner.peek())
                        && looksLikeFormula(tex);
                return isFormula ? parsed(tex, false, scanner) : ParsedInline.none();
            }
            previous = here;
            scanner.next();
        }
        return ParsedInline.none();
    }

    private static boolean looksLikeFormula(String tex) {
        return tex.chars().anyMatch(c -> SIGNS_OF_A_FORMULA.indexOf(c) >= 0)
                || (tex.length() <= LONGEST_BARE_FORMULA && tex.chars().noneMatch(Character::isWhitespace));
    }

    private static ParsedInline parsed(String tex, boolean display, Scanner scanner) {
        return ParsedInline.of(new Formula(tex, display), scanner.position());
    }

    /** Writes formulas as code. */
    static NodeRenderer renderer(HtmlNodeRendererContext context) {
        HtmlWriter writer = context.getWriter();
        return new NodeRenderer() {
            @Override
            public Set<Class<? extends Node>> getNodeTypes() {
                return Set.of(Formula.class);
            }

            @Override
            public void render(@Nullable Node node) {
                if (node instanceof Formula formula) {
                    writer.tag("code", Map.of("class", formula.display ? "math-display" : "math-inline"));
                    writer.text(formula.tex());
                    writer.tag("/code");
                }
            }
        };
    }
}
