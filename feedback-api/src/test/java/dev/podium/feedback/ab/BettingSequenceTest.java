package dev.podium.feedback.ab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BettingSequenceTest {
    private static final double STEP = 1.0 / 2000;

    /** Values by the paper's authors (package confseq 0.0.11, hedged_cs and betting_mart): src/test/python/make_ab.py. */
    @ParameterizedTest
    @CsvSource({
        "fair, 400, 0.488125, 0.43865, 0.54945, 1, 0",
        "better, 400, 0.62, 0.5253, 0.70875, 0.004058638728754, 282",
        "better, 40, 0.6, 0.39785, 0.82185, 0.2774644786533218, 0"
    })
    void intervalAndTestAreThoseOfThePapersAuthors(
            String kind, int values, double mean, double lower, double upper, double pValue, int decidedAt) {
        BettingSequence sequence = new BettingSequence(0.05);
        DoubleUnaryOperator value = kind.equals("fair") ? u -> (int) (u * 5) / 4.0 : u -> u < 0.62 ? 1 : 0;
        long state = 12345;
        for (int i = 0; i < values; i++) {
            state = (state * 1103515245 + 12345) % (1L << 31);
            sequence.add(value.applyAsDouble(state / (double) (1L << 31)));
        }

        assertEquals(values, sequence.size());
        assertEquals(mean, sequence.mean(), 1e-12);
        // A grid of ours, widened outwards; theirs is ten times finer.
        assertEquals(lower, sequence.lower(), 2.2 * STEP);
        assertTrue(sequence.lower() <= lower, "the interval is not narrower than theirs");
        assertEquals(upper, sequence.upper(), 2.2 * STEP);
        assertTrue(sequence.upper() >= upper, "the interval is not narrower than theirs");
        assertEquals(pValue, sequence.pValue(), 1e-6 * pValue);
        assertEquals(decidedAt, sequence.decidedAt());
    }

    /** Whoever looks after every task, and stops at the first good moment, is wrong no more often than was promised. */
    @ParameterizedTest
    @CsvSource({"0.05, 0", "0.05, 0.5", "0.2, 0", "0.2, 0.5"})
    void equalAdaptersAreSeldomHeldForUnequalHoweverOftenOneLooks(double alpha, double shareOfTies) {
        SplittableRandom random = new SplittableRandom(7);
        int runs = 1000;
        int wrong = 0;
        for (int run = 0; run < runs; run++) {
            BettingSequence sequence = new BettingSequence(alpha, 2);
            for (int i = 0; i < 500; i++) {
                sequence.add(random.nextDouble() < shareOfTies ? 0.5 : random.nextInt(2));
            }
            wrong += sequence.decidedAt() > 0 ? 1 : 0;
        }

        // Three standard deviations of a rate of exactly alpha; the true rate is below it.
        assertTrue(wrong <= runs * alpha + 3 * Math.sqrt(runs * alpha * (1 - alpha)), wrong + " of " + runs);
        assertTrue(wrong > 0, "a test that never rejects says nothing");
    }

    @Test
    void theIntervalHoldsTheMeanAtEveryLookInMostRuns() {
        SplittableRandom random = new SplittableRandom(11);
        int runs = 300;
        int missed = 0;
        for (int run = 0; run < runs; run++) {
            BettingSequence sequence = new BettingSequence(0.1, 10);
            boolean out = false;
            for (int i = 0; i < 300 && !out; i++) {
                sequence.add(random.nextDouble() < 0.7 ? 1 : 0);
                out = sequence.lower() > 0.7 || sequence.upper() < 0.7;
            }
            missed += out ? 1 : 0;
        }

        assertTrue(missed <= 0.1 * runs, missed + " of " + runs);
    }

    @Test
    void aClearlyBetterAdapterIsFoundSoon() {
        BettingSequence sequence = new BettingSequence(0.05);
        SplittableRandom random = new SplittableRandom(3);
        while (sequence.decidedAt() == 0) {
            sequence.add(random.nextDouble() < 0.75 ? 1 : 0);
        }

        assertTrue(sequence.decidedAt() < 120, "after " + sequence.decidedAt());
        assertTrue(sequence.lower() > 0.5 && sequence.pValue() <= 0.05);
    }

    @Test
    void nothingIsKnownBeforeTheFirstValue() {
        BettingSequence sequence = new BettingSequence(0.05);

        assertEquals(0, sequence.lower());
        assertEquals(1, sequence.upper());
        assertEquals(1, sequence.pValue());
    }
}
