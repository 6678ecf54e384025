package dev.podium.feedback.rendering;

import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Makes visible what a text could hide: control characters, bidi overrides, zero-width and tag characters, variation
 * selectors out of place, lone surrogates. Each becomes {@code ⟦U+202E⟧}, and in HTML a chip. Joiners stay where
 * scripts and emoji need them.
 */
public final class VisibleText {
    private static final int ZERO_WIDTH_NON_JOINER = 0x200C;
    private static final int ZERO_WIDTH_JOINER = 0x200D;
    private static final int TEXT_STYLE = 0xFE0E;
    private static final int EMOJI_STYLE = 0xFE0F;

    /** Invisible, though not of the categories Cc, Cf, Zl, Zp: fillers and the blank braille cell. */
    private static final Set<Integer> BLANK_LETTERS =
            Set.of(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0);

    private static final Pattern TAG_OR_MARK = Pattern.compile("<[^>]*>|⟦U(?:\\+|&#43;)([0-9A-F]{4,6})⟧");

    private VisibleText() {}

    /** The text with every hidden character written out; applying it again changes nothing. */
    public static String of(String text) {
        StringBuilder visible = new StringBuilder(text.length());
        int previous = 0;
        for (int i = 0; i < text.length(); ) {
            int point = text.codePointAt(i);
            i += Character.charCount(point);
            int next = i < text.length() ? text.codePointAt(i) : 0;
            if (isHidden(point, previous, next)) {
                visible.append(String.format("⟦U+%04X⟧", point));
            } else {
                visible.appendCodePoint(point);
            }
            previous = point;
        }
        return visible.toString();
    }

    /** Chips in the text between the tags of sanitised HTML. */
    static String markInHtml(String html) {
        return TAG_OR_MARK
                .matcher(html)
                .replaceAll(match -> match.group(1) == null
                        ? Matcher.quoteReplacement(match.group())
                        : "<span class=\"hidden-character\" title=\"A character that cannot be seen\">U+"
                                + match.group(1) + "</span>");
    }

    private static boolean isHidden(int point, int previous, int next) {
        if (point == '\n' || point == '\t' || point == '\r') {
            return false;
        }
        if (point == ZERO_WIDTH_JOINER || point == ZERO_WIDTH_NON_JOINER) {
            return !(isJoined(previous) && isJoined(next));
        }
        if (point == TEXT_STYLE || point == EMOJI_STYLE) {
            return !Character.isEmoji(previous);
        }
        return switch (Character.getType(point)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SURROGATE -> true;
            default -> isVariationSelector(point) || BLANK_LETTERS.contains(point) || (point & 0xFFFE) == 0xFFFE;
        };
    }

    private static boolean isVariationSelector(int point) {
        return (point >= 0xFE00 && point <= 0xFE0F) || (point >= 0xE0100 && point <= 0xE01EF);
    }

    /** Emoji and their modifiers, and letters of scripts that write with joiners. */
    private static boolean isJoined(int point) {
        if (point == EMOJI_STYLE || (Character.isEmoji(point) && point > 0xFF)) {
            return true;
        }
        if (!Character.isLetter(point) && Character.getType(point) != Character.NON_SPACING_MARK) {
            return false;
        }
        return switch (Character.UnicodeScript.of(point)) {
            case ARABIC,
                    SYRIAC,
                    MONGOLIAN,
                    DEVANAGARI,
                    BENGALI,
                    GURMUKHI,
                    GUJARATI,
                    ORIYA,
                    TAMIL,
                    TELUGU,
                    KANNADA,
                    MALAYALAM,
                    SINHALA,
                    KHMER,
                    MYANMAR -> true;
            default -> false;
        };
    }
}
