package dev.podium.feedback.aggregation;

import java.util.Arrays;
import java.util.List;

/**
 * Kemeny's order: of all strict orders one that contradicts the fewest votes, found exactly by dynamic programming over
 * the sets of outputs that come first (2^K K steps, K at most 9). All optimal orders are known by the sets that lie on
 * their paths; two outputs are told apart only where every optimal order has them in the same order.
 */
final class Kemeny {
    static final int MOST_OUTPUTS = 9;

    // Sums of weighted votes in another order differ by rounding.
    private static final double EQUAL = 1e-9;

    private Kemeny() {}

    /**
     * The optimum.
     *
     * @param groups of outputs that all optimal orders agree upon, best first
     * @param distance votes against each optimal order
     * @param unique whether there is one only
     */
    record Optimum(List<List<Integer>> groups, double distance, boolean unique) {}

    static Optimum solve(double[][] above) {
        int k = above.length;
        if (k > MOST_OUTPUTS) {
            throw new IllegalArgumentException("Kemeny's order is exact for " + MOST_OUTPUTS + " outputs, not " + k);
        }
        int full = (1 << k) - 1;
        double[] first = new double[full + 1];
        Arrays.fill(first, Double.POSITIVE_INFINITY);
        first[0] = 0;
        for (int set = 0; set <= full; set++) {
            for (int next = 0; next < k; next++) {
                if ((set & 1 << next) == 0) {
                    int with = set | 1 << next;
                    first[with] = Math.min(first[with], first[set] + placedNext(above, set, next));
                }
            }
        }
        boolean[] optimal = new boolean[full + 1];
        optimal[full] = true;
        int pathsAreOne = 1;
        for (int set = full; set > 0; set--) {
            if (!optimal[set]) {
                continue;
            }
            int before = 0;
            for (int last = 0; last < k; last++) {
                int without = set & ~(1 << last);
                boolean best =
                        without != set && first[without] + placedNext(above, without, last) <= first[set] + EQUAL;
                optimal[without] |= best;
                before += best ? 1 : 0;
            }
            pathsAreOne = Math.max(pathsAreOne, before);
        }
        // i may come before j: some optimal order has i and not yet j among the first.
        boolean[][] mayPrecede = new boolean[k][k];
        for (int set = 0; set <= full; set++) {
            for (int i = 0; optimal[set] && i < k; i++) {
                for (int j = 0; j < k; j++) {
                    mayPrecede[i][j] |= i != j && (set & 1 << i) != 0 && (set & 1 << j) == 0;
                }
            }
        }
        return new Optimum(Components.of(mayPrecede), first[full], pathsAreOne == 1);
    }

    /** Votes against: all that see one of those still to come above this one. */
    private static double placedNext(double[][] above, int set, int next) {
        double against = 0;
        for (int later = 0; later < above.length; later++) {
            against += (set & 1 << later) == 0 && later != next ? above[later][next] : 0;
        }
        return against;
    }
}
