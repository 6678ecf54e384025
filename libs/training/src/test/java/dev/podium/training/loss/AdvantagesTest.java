package dev.podium.training.loss;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AdvantagesTest {
    private static final double[][] LOGP = {{-1, -.5, -2}};
    private static final double[][] REFERENCE = {{-1.2, -.4, -1.5}};
    private static final double[][] VALUES = {{.1, .2, .3}};

    @Test
    void valuesByHandWithTheScoreOnTheEndToken() {
        double[][] rewards = Advantages.rewards(k1(LOGP, REFERENCE), new double[] {1}, 0.05);
        Advantages advantages = Advantages.generalised(rewards, VALUES, 1, 0.95);
        assertArrayEquals(new double[] {.844062, .79375, .725}, advantages.advantages()[0], 1e-6);
        assertArrayEquals(new double[] {.944062, .99375, 1.025}, advantages.returns()[0], 1e-6);
        assertArrayEquals(new double[] {.944612, .102827, -1.047439}, advantages.whitened()[0], 1e-6);
    }

    @Test
    void valuesByHandInTrlsModeWithTheScoreOnThePadAfterIt() {
        // TRL puts the score on the slot after the end token and lets that slot's value flow back; its means are
        // over the real tokens. A fourth token with the score and no KL is the same recursion.
        double[][] rewards = {{-.05 * .2, -.05 * -.1, -.05 * -.5, 1}};
        Advantages advantages = Advantages.generalised(rewards, new double[][] {{.1, .2, .3, .05}}, 1, 0.95);
        double[][] real = {Arrays.copyOf(advantages.advantages()[0], 3)};
        assertArrayEquals(new double[] {.801194, .748625, .6775}, real[0], 1e-6);
        assertArrayEquals(new double[] {.946449, .099639, -1.046088}, new Advantages(real, real).whitened()[0], 1e-6);
    }

    @Test
    void theRecursionIsTheDiscountedSumOfTemporalDifferences() {
        Random random = new Random(5);
        double[][] rewards = {random.doubles(7).toArray(), random.doubles(3).toArray()};
        double[][] values = {random.doubles(7).toArray(), random.doubles(3).toArray()};
        Advantages advantages = Advantages.generalised(rewards, values, 0.9, 0.8);
        for (int i = 0; i < rewards.length; i++) {
            int length = rewards[i].length;
            for (int t = 0; t < length; t++) {
                double expected = 0;
                for (int l = t; l < length; l++) {
                    double next = l + 1 < length ? values[i][l + 1] : 0;
                    expected += Math.pow(0.9 * 0.8, l - t) * (rewards[i][l] + 0.9 * next - values[i][l]);
                }
                assertEquals(expected, advantages.advantages()[i][t], 1e-12);
            }
        }
    }

    @Test
    void whitenedAdvantagesHaveMeanZeroAndVarianceOneOverAllRollouts() {
        double[][] rows = {{1, 2, 3}, {10}, {-4, 0}};
        double[][] whitened = new Advantages(rows, rows).whitened();
        double sum = 0;
        double squares = 0;
        for (double[] row : whitened) {
            for (double a : row) {
                sum += a;
                squares += a * a;
            }
        }
        assertEquals(0, sum, 1e-12);
        assertEquals(1, squares / 5, 1e-8);
    }

    @Test
    void aLoneTokenHasNoAdvantage() {
        double[][] one = {{3}};
        assertArrayEquals(new double[] {0}, new Advantages(one, one).whitened()[0]);
    }

    @Test
    void k3IsNeverNegativeAndFiniteAtExtremes() {
        for (double x : new double[] {-1e9, -3, 0, 1e-9, 3, 1e9}) {
            double kl = Advantages.Kl.K3.of(0, x);
            assertTrue(kl >= 0 && Double.isFinite(kl));
        }
        assertEquals(Math.exp(.2) - 1.2, Advantages.Kl.K3.of(-1.2, -1), 1e-12);
        assertEquals(-.2, Advantages.Kl.K1.of(-1.2, -1), 1e-12);
    }

    private static double[][] k1(double[][] logProbabilities, double[][] reference) {
        double[][] kl = new double[logProbabilities.length][];
        for (int i = 0; i < kl.length; i++) {
            kl[i] = new double[logProbabilities[i].length];
            for (int t = 0; t < kl[i].length; t++) {
                kl[i][t] = Advantages.Kl.K1.of(logProbabilities[i][t], reference[i][t]);
            }
        }
        return kl;
    }
}
