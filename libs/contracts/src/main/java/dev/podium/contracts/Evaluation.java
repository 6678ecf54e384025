package dev.podium.contracts;

import java.util.List;
import java.util.Optional;

/**
 * How a round's result does on what was held out: the tables behind the numbers of {@link RoundEvent.Succeeded#metrics()}.
 *
 * @param verdict whether it may be published; absent where nothing was there to judge by
 * @param reliability of a reward model: how often it was right, by how sure it was
 * @param byLabeler share of each labeler's own strict preferences that it agrees with, most pairs first
 * @param byGroup the same for decided pairs by {@link Task#group()}, most pairs first
 */
public record Evaluation(Optional<Verdict> verdict, List<Bin> reliability, List<Share> byLabeler, List<Share> byGroup) {
    /** Rows that a table has at most; the others are summed up in one row named {@link #OTHERS}. */
    public static final int MOST_ROWS = 100;

    public static final String OTHERS = "(others)";

    public Evaluation {
        verdict = verdict == null ? Optional.empty() : verdict;
        reliability = reliability == null ? List.of() : List.copyOf(reliability);
        byLabeler = byLabeler == null ? List.of() : List.copyOf(byLabeler);
        byGroup = byGroup == null ? List.of() : List.copyOf(byGroup);
    }

    /** An evaluation of one number. */
    public static Evaluation of(Verdict verdict) {
        return new Evaluation(Optional.of(verdict), List.of(), List.of(), List.of());
    }

    /**
     * Whether a result may be published.
     *
     * @param rule of the configuration, {@link RoundConfig.Training#publishIf()}
     * @param metric what was judged
     * @param value measured on held-out data
     * @param limit that the value was held to
     * @param judged on so many pairs, records or rollouts
     * @param passed whether it is published
     * @param reason in words
     */
    public record Verdict(
            String rule, String metric, double value, double limit, int judged, boolean passed, String reason) {
        public Verdict {
            Require.text(rule, "verdict.rule");
            Require.text(metric, "verdict.metric");
            Require.finite(value, "verdict.value");
            Require.finite(limit, "verdict.limit");
            Require.text(reason, "verdict.reason");
        }
    }

    /**
     * Pairs that a model was about equally sure of.
     *
     * @param from least confidence in the side that it favours, of 0.5 to 1
     * @param to greatest confidence
     * @param predicted mean confidence; 0 without pairs
     * @param observed share of pairs in which that side was the chosen one; 0 without pairs
     */
    public record Bin(double from, double to, int pairs, double predicted, double observed) {}

    /** Pairs of one labeler or group, and the share of them whose chosen output has the higher reward. */
    public record Share(String name, int pairs, double accuracy) {
        public Share {
            Require.text(name, "share.name");
        }
    }
}
