package dev.podium.local.demo;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Scores an answer to a customer's message by what can be seen in its text. Points: greeting 1, apology or thanks 1, each
 * concrete step 1 (at most 3), kind closing 1, a whole last sentence 1, 8 to 80 words 1; a brush-off costs 2.
 */
public final class SupportRubric {
    /** The most an answer can get. */
    static final double BEST = 8;

    private static final Pattern GREETING =
            Pattern.compile("^\\W*(hello|hi|hey|dear|good (day|morning|afternoon|evening)|welcome)\\b");
    private static final Pattern COURTESY =
            Pattern.compile("\\b(sorry|apologi[sz]e|apolog(y|ies)|thank you|thanks|appreciate|understand)\\b");
    private static final Pattern STEP = Pattern.compile(
            "(^|[.!?:,;]\\s+|\\n\\s*|\\b(and|then|that,?|first,?|next,?|finally,?|please|you (can|could|should)|to)\\s+)"
                    + "(?:\\d+[.)]\\s*|\\**\\s*|please\\s+)*"
                    + "(check|hold|charge|try|restart|move|enter|install|send|pack|print|choose|open|ask|reply|place|clean"
                    + "|tighten|turn|wait|unplug|remove|keep|update|plug|press|reset|contact|call|visit|go|replace"
                    + "|make sure|ensure|disconnect|reconnect|return|use|inspect|look|verify)\\b");
    private static final Pattern CLOSING = Pattern.compile(
            "(let (us|me) know|happy to help|glad to help|feel free|nice day|great day|good day to you|here to help|"
                    + "any (other|further|more) questions|anything else|hope this helps)");
    private static final Pattern BRUSH_OFF = Pattern.compile(
            "(no idea|not my problem|not our fault|whatever|read the manual|that happens|ignore it|just wait|"
                    + "it will come|keep it\\.|you ordered it\\.|strange\\.|it is a machine|networks do that)");
    private static final int MAX_STEPS = 3;
    private static final int MIN_WORDS = 8;
    private static final int MAX_WORDS = 80;

    private SupportRubric() {}

    /** Between -2 and {@link #BEST}. */
    public static double score(String answer) {
        String text = answer.strip().toLowerCase(Locale.ROOT);
        double score = 0;
        score += GREETING.matcher(text).find() ? 1 : 0;
        score += COURTESY.matcher(text).find() ? 1 : 0;
        score += Math.min(MAX_STEPS, steps(text));
        score += CLOSING.matcher(text).find() ? 1 : 0;
        score += text.matches("(?s).*[.!?][\"')\\]]*") ? 1 : 0;
        int words = text.isEmpty() ? 0 : text.split("\\s+").length;
        score += words >= MIN_WORDS && words <= MAX_WORDS ? 1 : 0;
        score -= BRUSH_OFF.matcher(text).find() ? 2 : 0;
        return score;
    }

    private static int steps(String text) {
        Matcher matcher = STEP.matcher(text);
        int steps = 0;
        while (matcher.find()) {
            steps++;
        }
        return steps;
    }
}
