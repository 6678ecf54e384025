package dev.podium.feedback.quality;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;

/**
 * How far people agree who ranked the same outputs; pure functions on ranks (1 is best; outputs that share places have
 * the mean of those places). Intervals are of a bootstrap over tasks, whose rankings belong together.
 */
public final class Agreement {
    private static final int RESAMPLES = 500;
    private static final long SEED = 20_240_917;
    private static final double LOW = 0.025;
    private static final double HIGH = 0.975;

    private Agreement() {}

    /**
     * A figure with its 95% interval.
     *
     * @param value NaN where nothing can be said
     * @param n what it was made of
     */
    public record Figure(double value, double low, double high, int n) {}

    /**
     * The figures of a project.
     *
     * @param alpha Krippendorff's alpha, ordinal; n tasks
     * @param tauB Kendall's tau-b of each two labelers, mean per task and over tasks
     * @param w Kendall's W with tie correction, mean over tasks
     */
    public record Report(Figure alpha, Figure tauB, Figure w) {}

    /** The figures of tasks, each with the ranks of its labelers; tasks of one labeler say nothing of agreement. */
    public static Report report(List<double[][]> tasks) {
        List<double[][]> shared =
                tasks.stream().filter(ranks -> ranks.length > 1).toList();
        Alpha alpha = new Alpha(shared);
        List<Double> taus = new ArrayList<>();
        List<Double> ws = new ArrayList<>();
        for (double[][] ranks : shared) {
            addFinite(taus, meanTauB(ranks));
            addFinite(ws, kendallW(ranks));
        }
        return new Report(alpha.figure(), mean(taus), mean(ws));
    }

    private static void addFinite(List<Double> values, double value) {
        if (Double.isFinite(value)) {
            values.add(value);
        }
    }

    private static Figure mean(List<Double> values) {
        return bootstrap(values.size(), picks -> {
            double sum = 0;
            for (int pick : picks) {
                sum += values.get(pick);
            }
            return sum / picks.length;
        });
    }

    /** The value on all, and the middle 95% of values on as many drawn with replacement. */
    private static Figure bootstrap(int n, ToDoubleFunction<int[]> statistic) {
        if (n == 0) {
            return new Figure(Double.NaN, Double.NaN, Double.NaN, 0);
        }
        int[] picks = new int[n];
        Arrays.setAll(picks, i -> i);
        double value = statistic.applyAsDouble(picks);
        SplittableRandom random = new SplittableRandom(SEED);
        double[] resampled = new double[RESAMPLES];
        for (int r = 0; r < RESAMPLES; r++) {
            Arrays.setAll(picks, i -> random.nextInt(n));
            resampled[r] = statistic.applyAsDouble(picks);
        }
        double[] finite =
                Arrays.stream(resampled).filter(Double::isFinite).sorted().toArray();
        return finite.length == 0
                ? new Figure(value, Double.NaN, Double.NaN, n)
                : new Figure(value, quantile(finite, LOW), quantile(finite, HIGH), n);
    }

    private static double quantile(double[] sorted, double share) {
        double at = share * (sorted.length - 1);
        int below = (int) at;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }

    /** Places of tie groups as ranks: outputs that share places have their mean; those left out share the last ones. */
    public static double[] ranks(List<List<String>> groups, List<String> outputs) {
        double[] ranks = new double[outputs.size()];
        double placed = 0;
        for (List<String> group : groups) {
            double rank = placed + (group.size() + 1) / 2.0;
            for (String id : group) {
                int at = outputs.indexOf(id);
                if (at >= 0) {
                    ranks[at] = rank;
                }
            }
            placed += group.size();
        }
        double last = placed + (outputs.size() - placed + 1) / 2.0;
        for (int i = 0; i < ranks.length; i++) {
            ranks[i] = ranks[i] == 0 ? last : ranks[i];
        }
        return ranks;
    }

    /** Kendall's tau-b, (C - D) / sqrt((C + D + Tx)(C + D + Ty)); NaN where one of the two ties everything. */
    public static double tauB(double[] x, double[] y) {
        long concordant = 0;
        long discordant = 0;
        long onlyX = 0;
        long onlyY = 0;
        for (int i = 0; i < x.length; i++) {
            for (int j = i + 1; j < x.length; j++) {
                int a = Double.compare(x[i], x[j]);
                int b = Double.compare(y[i], y[j]);
                if (a != 0 && b != 0) {
                    concordant += a == b ? 1 : 0;
                    discordant += a == b ? 0 : 1;
                } else if (a == 0 && b != 0) {
                    onlyX++;
                } else if (a != 0) {
                    onlyY++;
                }
            }
        }
        double strict = concordant + discordant;
        return (concordant - discordant) / Math.sqrt((strict + onlyX) * (strict + onlyY));
    }

    /** The mean of tau-b over each two labelers of a task; NaN where none has a value. */
    static double meanTauB(double[][] ranks) {
        double sum = 0;
        int n = 0;
        for (int i = 0; i < ranks.length; i++) {
            for (int j = i + 1; j < ranks.length; j++) {
                double tau = tauB(ranks[i], ranks[j]);
                sum += Double.isFinite(tau) ? tau : 0;
                n += Double.isFinite(tau) ? 1 : 0;
            }
        }
        return n == 0 ? Double.NaN : sum / n;
    }

    /**
     * Kendall's W of m labelers on n outputs with tie correction, 12 S / (m^2 (n^3 - n) - m sum (t^3 - t)), S the sum of
     * squares of the outputs' rank sums about their mean; NaN where all tie everything.
     */
    public static double kendallW(double[][] ranks) {
        int m = ranks.length;
        int n = ranks[0].length;
        double[] sums = new double[n];
        double ties = 0;
        for (double[] labeler : ranks) {
            TreeMap<Double, Integer> shared = new TreeMap<>();
            for (int i = 0; i < n; i++) {
                sums[i] += labeler[i];
                shared.merge(labeler[i], 1, Integer::sum);
            }
            for (int t : shared.values()) {
                ties += (double) t * t * t - t;
            }
        }
        double mean = m * (n + 1) / 2.0;
        double squares = 0;
        for (double sum : sums) {
            squares += (sum - mean) * (sum - mean);
        }
        double most = (double) m * m * ((double) n * n * n - n) - m * ties;
        return most <= 0 ? Double.NaN : 12 * squares / most;
    }

    /** Krippendorff's alpha, ordinal, over units with any number of values each (missing labelers allowed). */
    public static double alpha(List<double[]> units) {
        return new Alpha(units.stream()
                        .filter(unit -> unit.length > 1)
                        .map(unit -> Arrays.stream(unit)
                                .mapToObj(value -> new double[] {value})
                                .toArray(double[][]::new))
                        .toList())
                .figure()
                .value();
    }

    /**
     * Krippendorff's alpha, 1 - Do/De: each output of each task is a unit, its values the ranks that the labelers gave
     * it. The ordinal distance of two values is the square of the number of values between them, the two themselves
     * counted half. Each task's part of the coincidences is kept, so that a resample is a sum.
     */
    private static final class Alpha {
        private final List<List<double[][]>> coincidences = new ArrayList<>();
        private final TreeMap<Double, Integer> index = new TreeMap<>();
        private final int tasks;

        Alpha(List<double[][]> ranksOfTasks) {
            for (double[][] ranks : ranksOfTasks) {
                for (double[] labeler : ranks) {
                    for (double value : labeler) {
                        index.putIfAbsent(value, 0);
                    }
                }
            }
            int next = 0;
            for (Double value : index.keySet()) {
                index.put(value, next++);
            }
            for (double[][] ranks : ranksOfTasks) {
                coincidences.add(parts(ranks));
            }
            this.tasks = ranksOfTasks.size();
        }

        /** Of each output: indexes of two values and what they add. */
        private List<double[][]> parts(double[][] ranks) {
            List<double[][]> parts = new ArrayList<>();
            int labelers = ranks.length;
            for (int output = 0; output < ranks[0].length && labelers > 1; output++) {
                double[][] part = new double[labelers * (labelers - 1)][];
                int at = 0;
                for (int a = 0; a < labelers; a++) {
                    for (int b = 0; b < labelers; b++) {
                        if (a != b) {
                            part[at++] = new double[] {
                                position(ranks[a][output]), position(ranks[b][output]), 1.0 / (labelers - 1)
                            };
                        }
                    }
                }
                parts.add(part);
            }
            return parts;
        }

        private int position(double value) {
            Integer position = index.get(value);
            return position == null ? -1 : position;
        }

        Figure figure() {
            return bootstrap(tasks, this::of);
        }

        private double of(int[] picks) {
            int values = index.size();
            double[][] observed = new double[values][values];
            for (int pick : picks) {
                for (double[][] part : coincidences.get(pick)) {
                    for (double[] entry : part) {
                        observed[(int) entry[0]][(int) entry[1]] += entry[2];
                    }
                }
            }
            double[] marginal = new double[values];
            double n = 0;
            for (int c = 0; c < values; c++) {
                for (int k = 0; k < values; k++) {
                    marginal[c] += observed[c][k];
                }
                n += marginal[c];
            }
            double seen = 0;
            double expected = 0;
            for (int c = 0; c < values; c++) {
                double between = marginal[c] / 2;
                for (int k = c + 1; k < values; k++) {
                    double distance = between + marginal[k] / 2;
                    seen += observed[c][k] * distance * distance;
                    expected += marginal[c] * marginal[k] * distance * distance;
                    between += marginal[k];
                }
            }
            return expected == 0 ? Double.NaN : 1 - (n - 1) * seen / expected;
        }
    }
}
