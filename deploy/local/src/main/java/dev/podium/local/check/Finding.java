package dev.podium.local.check;

import java.util.List;

/**
 * The outcome of one check.
 *
 * @param name stable, e.g. {@code preference_sets_equal_the_reference}
 * @param looked how many things were looked at; a check that found nothing to look at has not passed
 * @param wrong what was not as it should be, in words
 */
public record Finding(String name, long looked, List<String> wrong) {
    private static final int MOST_TOLD = 20;

    public Finding {
        wrong = List.copyOf(wrong);
    }

    /** Whether there was something to look at, and nothing was wrong. */
    public boolean passed() {
        return looked > 0 && wrong.isEmpty();
    }

    /** The first of what is wrong. */
    public List<String> told() {
        return wrong.size() <= MOST_TOLD ? wrong : wrong.subList(0, MOST_TOLD);
    }
}
