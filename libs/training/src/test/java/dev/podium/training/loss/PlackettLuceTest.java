package dev.podium.training.loss;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PlackettLuceTest {
    @Test
    void aRankingOfTwoIsBradleyTerry() {
        assertEquals(
                .31326169,
                PlackettLuce.of(new double[] {1.5, .5}, new int[] {1, 2}).value(),
                1e-8);
    }

    @Test
    void aRankingWithoutTiesIsTheProductOfItsPicks() {
        double[] s = {0.2, -1, 2, 0.7};
        int[] ranks = {2, 4, 1, 3};
        double byHand =
                -(2 - logSumExp(2, 0.2, 0.7, -1)) - (0.2 - logSumExp(0.2, 0.7, -1)) - (0.7 - logSumExp(0.7, -1));
        assertEquals(byHand, PlackettLuce.of(s, ranks).value(), 1e-12);
    }

    @Test
    void aTieSumsOverAllOrdersOfItsGroup() {
        SplittableRandom random = new SplittableRandom(3);
        for (int run = 0; run < 200; run++) {
            int n = 2 + random.nextInt(5);
            double[] scores = random.doubles(n, -4, 4).toArray();
            int[] ranks = random.ints(n, 1, 4).toArray();
            double probability = permutations(n).stream()
                    .filter(order -> IntStream.range(1, n).allMatch(i -> ranks[order[i - 1]] <= ranks[order[i]]))
                    .mapToDouble(order -> probability(scores, order))
                    .sum();
            assertEquals(-Math.log(probability), PlackettLuce.of(scores, ranks).value(), 1e-9);
        }
    }

    @Test
    void allTiedSaysNothing() {
        PlackettLuce.Loss loss = PlackettLuce.of(new double[] {3, -1, 5}, new int[] {1, 1, 1});
        assertEquals(0, loss.value(), 1e-12);
        Arrays.stream(loss.gradient()).forEach(g -> assertEquals(0, g, 1e-12));
    }

    @Test
    void gradientsAreThoseOfFiniteDifferences() {
        try (NDManager manager = NDManager.newBaseManager()) {
            List<int[]> ranks = List.of(new int[] {1, 2, 2, 1, 3}, new int[] {2, 1}, new int[] {1, 2, 3});
            Gradients.check(
                    manager,
                    new double[] {.3, -.2, 1.4, 0, 2, -1, .5, .1, .1, .9},
                    x -> PlackettLuce.loss(x, ranks, new double[] {1, .5, 2}, 3.5));
        }
    }

    @Test
    void scoresFarApartStayFinite() {
        PlackettLuce.Loss loss = PlackettLuce.of(new double[] {-1e4, 1e4, 1e4, -1e4}, new int[] {1, 1, 2, 2});
        assertTrue(Double.isFinite(loss.value()));
        assertTrue(Arrays.stream(loss.gradient()).allMatch(Double::isFinite));
    }

    private static double probability(double[] scores, int[] order) {
        double p = 1;
        for (int i = 0; i < order.length; i++) {
            double rest = 0;
            for (int j = i; j < order.length; j++) {
                rest += Math.exp(scores[order[j]]);
            }
            p *= Math.exp(scores[order[i]]) / rest;
        }
        return p;
    }

    private static List<int[]> permutations(int n) {
        List<int[]> all = new ArrayList<>(List.of(new int[0]));
        for (int k = 0; k < n; k++) {
            List<int[]> longer = new ArrayList<>();
            for (int[] some : all) {
                for (int i = 0; i < n; i++) {
                    int next = i;
                    if (Arrays.stream(some).noneMatch(x -> x == next)) {
                        int[] more = Arrays.copyOf(some, some.length + 1);
                        more[some.length] = next;
                        longer.add(more);
                    }
                }
            }
            all = longer;
        }
        return all;
    }

    private static double logSumExp(double... x) {
        return Math.log(Arrays.stream(x).map(Math::exp).sum());
    }
}
