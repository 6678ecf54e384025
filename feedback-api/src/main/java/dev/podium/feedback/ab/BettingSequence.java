package dev.podium.feedback.ab;

import java.util.Arrays;

/**
 * A confidence sequence for the mean of values in [0, 1], valid at every time at which one looks, and the sequential test
 * that goes with it: the hedged capital of Waudby-Smith and Ramdas, Estimating means of bounded random variables by
 * betting, JRSS B 86 (2024), section 4, equations (22) to (26).
 *
 * <p>Somebody who believes that the mean is not m bets against it, on either side with half of the money:
 *
 * <pre>
 *   K+(m) = prod (1 + min(l_i, c/m) (x_i - m))      K-(m) = prod (1 - min(l_i, c/(1-m)) (x_i - m))
 *   l_i   = sqrt(2 log(2/alpha) / (s2_{i-1} i log(i+1)))
 *   s2_i  = (1/4 + sum_{j<=i} (x_j - mu_j)^2) / (i+1)      mu_i = (1/2 + sum_{j<=i} x_j) / (i+1)
 *   K(m)  = max(K+(m), K-(m)) / 2
 * </pre>
 *
 * If the mean is m, K(m) never reaches 1/alpha with probability 1 - alpha (Ville), however the x depend on the past. The
 * interval holds every m against which nobody has become so rich up to now.
 *
 * <p>The bets l_i look at the past only. The interval is sought on a grid and widened by one step on either side. A
 * capital that is lost to the last bit of a double stays lost; one that has reached the threshold need not be followed.
 */
final class BettingSequence {
    /** c: at most half of the money can be lost in one bet. */
    private static final double MOST_AT_STAKE = 0.5;

    private static final int GRID = 2000;

    private final double alpha;
    private final int grid;
    private final double[] up;
    private final double[] down;
    private final boolean[] out;
    private double richest = 0.5;
    private int n;
    private double sum;
    private double squares;
    private int decidedAt;

    /** @param alpha probability that the interval misses the mean at any time */
    BettingSequence(double alpha) {
        this(alpha, GRID);
    }

    /** @param grid even, so that 1/2 is on it */
    BettingSequence(double alpha, int grid) {
        if (!(alpha > 0 && alpha < 1) || grid % 2 != 0) {
            throw new IllegalArgumentException("alpha must be in (0, 1), the grid even: " + alpha + ", " + grid);
        }
        this.alpha = alpha;
        this.grid = grid;
        this.up = new double[grid + 1];
        this.down = new double[grid + 1];
        this.out = new boolean[grid + 1];
        Arrays.fill(up, 0.5);
        Arrays.fill(down, 0.5);
    }

    /** Takes the next value. */
    void add(double x) {
        if (!(x >= 0 && x <= 1)) {
            throw new IllegalArgumentException("a value must be in [0, 1], not " + x);
        }
        double variance = (0.25 + squares) / (n + 1);
        n++;
        double bet = Math.sqrt(2 * Math.log(2 / alpha) / (variance * n * Math.log(n + 1)));
        for (int i = 0; i <= grid; i++) {
            if (!out[i] || i == grid / 2) {
                double m = (double) i / grid;
                up[i] *= 1 + Math.min(bet, MOST_AT_STAKE / m) * (x - m);
                down[i] *= 1 - Math.min(bet, MOST_AT_STAKE / (1 - m)) * (x - m);
                out[i] |= Math.max(up[i], down[i]) >= 1 / alpha;
            }
        }
        richest = Math.max(richest, Math.max(up[grid / 2], down[grid / 2]));
        if (decidedAt == 0 && out[grid / 2]) {
            decidedAt = n;
        }
        sum += x;
        double mean = (0.5 + sum) / (n + 1);
        squares += (x - mean) * (x - mean);
    }

    /** Number of values. */
    int size() {
        return n;
    }

    /** Mean of the values; 0.5 before the first. */
    double mean() {
        return n == 0 ? 0.5 : sum / n;
    }

    /** Lower end of the interval. */
    double lower() {
        int i = 0;
        while (i < grid && out[i]) {
            i++;
        }
        return out[i] ? mean() : Math.max(0, i - 1) / (double) grid;
    }

    /** Upper end of the interval. */
    double upper() {
        int i = grid;
        while (i > 0 && out[i]) {
            i--;
        }
        return out[i] ? mean() : Math.min(grid, i + 1) / (double) grid;
    }

    /** How many values it took to rule out that the mean is 1/2; 0 while it is not ruled out. */
    int decidedAt() {
        return decidedAt;
    }

    /** The p-value of the mean being 1/2, valid at any time: 1 over the most that was won against it so far. */
    double pValue() {
        return Math.min(1, 1 / richest);
    }
}
