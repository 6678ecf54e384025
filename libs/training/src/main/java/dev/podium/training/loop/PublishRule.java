package dev.podium.training.loop;

import dev.podium.contracts.Evaluation;
import dev.podium.contracts.RoundConfig;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Optional;

/**
 * Whether a result is published, by one number measured on held-out data before and after: {@code improved}, {@code
 * not_worse} (beyond what chance or noise can do), or {@code always}; and by a floor where there is one. Few data prove
 * nothing: below {@value #FEWEST} only a floor is held to. See docs/adr/0021.
 *
 * @param rule {@link RoundConfig.Training#publishIf()}
 * @param metric name of the number after, as it is in the result's metrics
 * @param before what it was before the round
 * @param after what it is now
 * @param moreIsBetter whether a larger number is better
 * @param noise difference that means nothing
 * @param judged measured on so many pairs, records or rollouts
 * @param floor least value to be published; 0 = none
 */
public record PublishRule(
        String rule,
        String metric,
        double before,
        double after,
        boolean moreIsBetter,
        double noise,
        int judged,
        double floor) {
    static final int FEWEST = 20;

    /** A rule of before and after alone. */
    public static PublishRule of(
            RoundConfig.Training training,
            String metric,
            double before,
            double after,
            boolean moreIsBetter,
            double noise,
            int judged) {
        return new PublishRule(training.publishIf(), metric, before, after, moreIsBetter, noise, judged, 0);
    }

    /** The share of pairs that are ordered as people ordered them; two standard errors are noise. */
    public static PublishRule accuracy(
            RoundConfig.Training training, String metric, double before, double after, int pairs, double floor) {
        return new PublishRule(
                training.publishIf(), metric, before, after, true, 1 / Math.sqrt(Math.max(1, pairs)), pairs, floor);
    }

    /**
     * Empty where there is nothing to judge by, and no floor asks for it; and where {@code always} publishes a number that
     * is not finite. Under each other rule such a number fails, with 0 in its place.
     */
    public Optional<Evaluation.Verdict> verdict() {
        boolean always = rule.equals("always");
        if (judged == 0) {
            return floor > 0 && !always
                    ? Optional.of(verdict(0, floor, false, "nothing was held out to judge " + metric + " by"))
                    : Optional.empty();
        }
        if (!Double.isFinite(after) || !Double.isFinite(before)) {
            // However few were judged: a model that gives no number is broken.
            String which = Double.isFinite(after) ? metric + " before the round" : metric;
            return always
                    ? Optional.empty()
                    : Optional.of(verdict(0, floor, false, which + " is not finite on " + judged));
        }
        if (always) {
            return Optional.of(verdict(after, before, true, measured() + "; publishIf is always"));
        }
        if (floor > 0 && after < floor) {
            return Optional.of(verdict(after, floor, false, measured() + ", below the floor of " + number(floor)));
        }
        if (judged < FEWEST) {
            return Optional.of(verdict(after, before, true, measured() + "; too few to judge by"));
        }
        double sign = moreIsBetter ? 1 : -1;
        boolean improved = sign * after > sign * before;
        if (rule.equals("improved")) {
            String than = moreIsBetter ? "above " : "below ";
            return Optional.of(verdict(
                    after,
                    before,
                    improved,
                    measured() + (improved ? ", " : ", not ") + than + number(before) + " before"));
        }
        double limit = before - sign * noise;
        boolean passed = sign * after >= sign * limit;
        return Optional.of(verdict(
                after,
                limit,
                passed,
                measured() + (passed ? ", not worse than " : ", worse than ") + number(before) + " before (noise "
                        + number(noise) + ")"));
    }

    private String measured() {
        return metric + " is " + number(after) + " on " + judged;
    }

    private Evaluation.Verdict verdict(double value, double limit, boolean passed, String reason) {
        return new Evaluation.Verdict(rule, metric, value, limit, judged, passed, reason);
    }

    private static String number(double value) {
        return new BigDecimal(value)
                .round(new MathContext(4))
                .stripTrailingZeros()
                .toPlainString();
    }
}
