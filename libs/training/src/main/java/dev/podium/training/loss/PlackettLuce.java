package dev.podium.training.loss;

import static dev.podium.llm.torch.Numbers.plus;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The listwise loss of a ranking with ties: -log P(ranking | scores), where the best of what is left is picked again and
 * again, each with probability e^s / sum of e^s (Plackett 1975, The analysis of permutations; Luce 1959). A tie says
 * nothing of the order inside its group, so the loss sums the probabilities of all orders of the group: exactly, over
 * subsets instead of orders, 2^g steps for a group of g.
 *
 * <p>A task has at most nine outputs, so value and gradient are computed in float64 on the host, and enter the graph as
 * constants: {@code gradient . scores + constant}.
 */
public final class PlackettLuce {
    private PlackettLuce() {}

    /**
     * The loss of one ranking.
     *
     * @param value -log P
     * @param gradient d value / d score
     */
    public record Loss(double value, double[] gradient) {}

    /**
     * One ranking.
     *
     * @param scores of the outputs
     * @param ranks of the outputs, smaller is better, equal is tied; 0 leaves an output out
     */
    public static Loss of(double[] scores, int[] ranks) {
        double[] gradient = new double[scores.length];
        double value = 0;
        int[] distinct = Arrays.stream(ranks)
                .filter(rank -> rank > 0)
                .distinct()
                .sorted()
                .toArray();
        // The last group is what is left: any order of it has been accounted for.
        for (int k = 0; k + 1 < distinct.length; k++) {
            int rank = distinct[k];
            int[] group = IntStream.range(0, ranks.length)
                    .filter(i -> ranks[i] == rank)
                    .toArray();
            int[] below = IntStream.range(0, ranks.length)
                    .filter(i -> ranks[i] > rank)
                    .toArray();
            value -= picked(scores, group, below, gradient);
        }
        return new Loss(value, gradient);
    }

    /**
     * log of the probability that a group is picked, in any order, before all below it; its negative gradient is added.
     */
    private static double picked(double[] scores, int[] group, int[] below, double[] gradient) {
        int subsets = 1 << group.length;
        double[] logRest = new double[subsets]; // log sum of e^s of what is left when a subset has been picked
        double[] logPicked = new double[subsets]; // log probability that the first picks were this subset
        for (int picked = 0; picked < subsets; picked++) {
            double[] left = left(scores, group, below, picked);
            logRest[picked] = left.length == 0 ? Double.NEGATIVE_INFINITY : logSumExp(left);
        }
        for (int picked = 1; picked < subsets; picked++) {
            double[] ways = new double[Integer.bitCount(picked)];
            int n = 0;
            for (int i = 0; i < group.length; i++) {
                if ((picked >> i & 1) == 1) {
                    int before = picked & ~(1 << i);
                    ways[n++] = logPicked[before] + scores[group[i]] - logRest[before];
                }
            }
            logPicked[picked] = logSumExp(ways);
        }
        // Backwards: how much each subset counts, shared among the ways to reach it.
        double[] count = new double[subsets];
        count[subsets - 1] = 1;
        for (int picked = subsets - 1; picked > 0; picked--) {
            for (int i = 0; i < group.length; i++) {
                if ((picked >> i & 1) == 1) {
                    int before = picked & ~(1 << i);
                    double share = count[picked]
                            * Math.exp(logPicked[before] + scores[group[i]] - logRest[before] - logPicked[picked]);
                    count[before] += share;
                    gradient[group[i]] -= share;
                    addSoftmax(scores, group, below, before, logRest[before], share, gradient);
                }
            }
        }
        return logPicked[subsets - 1];
    }

    private static void addSoftmax(
            double[] scores, int[] group, int[] below, int picked, double logRest, double share, double[] gradient) {
        for (int i = 0; i < group.length; i++) {
            if ((picked >> i & 1) == 0) {
                gradient[group[i]] += share * Math.exp(scores[group[i]] - logRest);
            }
        }
        for (int j : below) {
            gradient[j] += share * Math.exp(scores[j] - logRest);
        }
    }

    private static double[] left(double[] scores, int[] group, int[] below, int picked) {
        return IntStream.concat(
                        IntStream.range(0, group.length)
                                .filter(i -> (picked >> i & 1) == 0)
                                .map(i -> group[i]),
                        IntStream.of(below))
                .mapToDouble(i -> scores[i])
                .toArray();
    }

    private static double logSumExp(double[] x) {
        double max = Arrays.stream(x).max().orElse(0);
        if (Double.isInfinite(max) || Double.isNaN(max)) {
            return max;
        }
        return max + Math.log(Arrays.stream(x).map(v -> Math.exp(v - max)).sum());
    }

    /**
     * The loss of several rankings over consecutive rows, sum_t w_t loss_t / W.
     *
     * @param scores [rows], with gradient
     * @param ranks per ranking, of its rows
     * @param weights w per ranking
     * @param totalWeight W
     * @return a scalar
     */
    public static NDArray loss(NDArray scores, List<int[]> ranks, double[] weights, double totalWeight) {
        double[] host = scores.toType(DataType.FLOAT64, false).toDoubleArray();
        float[] gradient = new float[host.length];
        double constant = 0;
        int row = 0;
        for (int t = 0; t < ranks.size(); t++) {
            int n = ranks.get(t).length;
            double[] own = Arrays.copyOfRange(host, row, row + n);
            Loss loss = of(own, ranks.get(t));
            double weight = weights[t] / totalWeight;
            constant += weight * loss.value();
            for (int i = 0; i < n; i++) {
                gradient[row + i] = (float) (weight * loss.gradient()[i]);
                constant -= gradient[row + i] * own[i];
            }
            row += n;
        }
        NDManager manager = scores.getManager();
        NDArray slope = manager.create(gradient).toType(scores.getDataType(), false);
        NDArray sum = scores.mul(slope).sum();
        // A double added to a float32 array would make it float64.
        return sum.getDataType() == DataType.FLOAT64 ? plus(sum, constant) : plus(sum, (float) constant);
    }
}
