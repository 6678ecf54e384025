package dev.podium.feedback.ab;

import org.jspecify.annotations.Nullable;

/**
 * What people think of two adapters' outputs to the same prompts.
 *
 * @param tasks that count: all rankings that the project wants are there
 * @param waiting tasks with outputs of both that have too few rankings yet
 * @param comparisons pairs of outputs, one of each adapter, times labelers
 * @param wins tasks that a won in sum, {@code ties} that nobody, {@code losses} that b
 * @param winRate mean over tasks of the share of comparisons that a won, a tie being half
 * @param lower lower end of the interval of the win rate
 * @param upper upper end
 * @param confidence with which the interval holds the win rate, at every time at which one looks
 * @param pValue of both being equally good, valid at every time
 * @param decidedAt number of tasks after which that was ruled out; 0: not yet
 * @param verdict {@code A_BETTER}, {@code B_BETTER} or {@code UNDECIDED}
 */
public record AbReport(
        String a,
        String b,
        int tasks,
        int waiting,
        long comparisons,
        int wins,
        int ties,
        int losses,
        @Nullable Double winRate,
        double lower,
        double upper,
        double confidence,
        double pValue,
        int decidedAt,
        Verdict verdict) {
    /** What can be said. */
    public enum Verdict {
        A_BETTER,
        B_BETTER,
        UNDECIDED
    }
}
