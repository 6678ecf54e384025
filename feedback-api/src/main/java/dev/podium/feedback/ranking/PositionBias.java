package dev.podium.feedback.ranking;

import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Whether labelers favour a position. Outputs are shuffled per labeler, so the output shown first should win in one of K
 * rankings of K outputs; a two-sided binomial test says whether it wins more or less often than chance explains. Only
 * rankings with one sole winner and a known order count.
 */
@Singleton
public class PositionBias {
    /** After Holm's correction for the number of labelers. */
    public static final double SIGNIFICANT = 0.01;

    /** From here on the normal approximation (with continuity correction) takes the exact test's place. */
    private static final int EXACT_UP_TO = 5_000;

    private final EntityManager entities;

    PositionBias(EntityManager entities) {
        this.entities = entities;
    }

    /**
     * One labeler, or all together.
     *
     * @param rankings with one sole winner and a known order
     * @param firstWon how often the output shown first was that winner
     * @param expected the share that chance gives: the mean of 1/K
     * @param pValue two-sided, of this labeler alone
     * @param adjusted the p-value after Holm's correction for all labelers that were tested
     * @param biased whether {@code adjusted} is below {@link #SIGNIFICANT}
     * @param winsByPosition how often the output at each position won, the first position first
     */
    public record Row(
            String labeler,
            int rankings,
            int firstWon,
            double share,
            double expected,
            double pValue,
            double adjusted,
            boolean biased,
            List<Integer> winsByPosition) {}

    /** All labelers of a project together, and each of them, the most striking first. */
    public record Report(Row all, List<Row> labelers) {}

    /** Rankings of tasks with equally many outputs. */
    record Group(int outputs, int rankings, int firstWon) {}

    /** Counts in the database; must run in a transaction. */
    public Report of(String project) {
        Map<String, List<int[]>> counts = new TreeMap<>();
        for (Object row : entities.createNativeQuery("select labeler, shown_count, winner_position, count(*)"
                        + " from ranking where project_id = :project and not retracted"
                        + " and winner_position is not null and shown_count > 1"
                        + " group by labeler, shown_count, winner_position")
                .setParameter("project", project)
                .getResultList()) {
            Object[] values = (Object[]) row;
            counts.computeIfAbsent((String) values[0], l -> new ArrayList<>())
                    .add(new int[] {number(values[1]), number(values[2]), number(values[3])});
        }
        List<Row> rows = new ArrayList<>();
        counts.forEach((labeler, cells) -> rows.add(row(labeler, cells)));
        Row all = row("", counts.values().stream().flatMap(List::stream).toList());
        return new Report(all, holm(rows));
    }

    private static int number(Object value) {
        return ((Number) value).intValue();
    }

    /** @param cells (outputs, winner's position from 1, how often) */
    static Row row(String labeler, List<int[]> cells) {
        Map<Integer, Group> groups = new TreeMap<>();
        List<Integer> wins = new ArrayList<>();
        for (int[] cell : cells) {
            groups.merge(
                    cell[0],
                    new Group(cell[0], cell[2], cell[1] == 1 ? cell[2] : 0),
                    (a, b) -> new Group(a.outputs(), a.rankings() + b.rankings(), a.firstWon() + b.firstWon()));
            while (wins.size() < cell[0]) {
                wins.add(0);
            }
            wins.set(cell[1] - 1, wins.get(cell[1] - 1) + cell[2]);
        }
        List<Group> all = List.copyOf(groups.values());
        int n = all.stream().mapToInt(Group::rankings).sum();
        int first = all.stream().mapToInt(Group::firstWon).sum();
        double expected = all.stream()
                .mapToDouble(g -> (double) g.rankings() / g.outputs())
                .sum();
        double p = pValue(all);
        return new Row(
                labeler,
                n,
                first,
                n == 0 ? 0 : (double) first / n,
                n == 0 ? 0 : expected / n,
                p,
                p,
                p < SIGNIFICANT,
                List.copyOf(wins));
    }

    /** Holm's step-down: the smallest of m p-values times m, the next times m - 1, never falling. */
    static List<Row> holm(List<Row> rows) {
        List<Row> sorted =
                rows.stream().sorted(Comparator.comparingDouble(Row::pValue)).toList();
        List<Row> adjusted = new ArrayList<>();
        double floor = 0;
        for (int i = 0; i < sorted.size(); i++) {
            Row r = sorted.get(i);
            floor = Math.max(floor, Math.min(1, r.pValue() * (sorted.size() - i)));
            adjusted.add(new Row(
                    r.labeler(),
                    r.rankings(),
                    r.firstWon(),
                    r.share(),
                    r.expected(),
                    r.pValue(),
                    floor,
                    floor < SIGNIFICANT,
                    r.winsByPosition()));
        }
        return adjusted;
    }

    /**
     * Two-sided exact p-value of the number of first places won, where a ranking of K outputs gives one with probability
     * 1/K: the probability of all numbers that are no more likely than the one that was seen. With one K this is the
     * binomial test; with several the distribution is the convolution of binomials.
     */
    static double pValue(List<Group> groups) {
        int n = groups.stream().mapToInt(Group::rankings).sum();
        int seen = groups.stream().mapToInt(Group::firstWon).sum();
        if (n == 0) {
            return 1;
        }
        if (n > EXACT_UP_TO) {
            return normal(groups, seen);
        }
        double[] mass = {1};
        for (Group group : groups) {
            mass = convolved(mass, binomial(group.rankings(), 1.0 / group.outputs()));
        }
        // Equal probabilities differ in their last digits.
        double limit = mass[seen] * (1 + 1e-7);
        double sum = 0;
        for (double m : mass) {
            if (m <= limit) {
                sum += m;
            }
        }
        return Math.min(1, sum);
    }

    private static double normal(List<Group> groups, int seen) {
        double mean = 0;
        double variance = 0;
        for (Group group : groups) {
            double p = 1.0 / group.outputs();
            mean += group.rankings() * p;
            variance += group.rankings() * p * (1 - p);
        }
        double z = Math.max(0, Math.abs(seen - mean) - 0.5) / Math.sqrt(variance);
        return Math.min(1, erfc(z / Math.sqrt(2)));
    }

    /** Numerical Recipes' rational approximation, relative error below 1.2e-7; for arguments of 0 or more. */
    private static double erfc(double x) {
        double t = 1 / (1 + 0.5 * x);
        double[] c = {
            -1.26551223,
            1.00002368,
            0.37409196,
            0.09678418,
            -0.18628806,
            0.27886807,
            -1.13520398,
            1.48851587,
            -0.82215223,
            0.17087277
        };
        double sum = 0;
        for (int i = c.length - 1; i >= 0; i--) {
            sum = sum * t + c[i];
        }
        return t * Math.exp(-x * x + sum);
    }

    /** Probabilities of 0 to n successes, in logarithms so that none underflows before its neighbours count. */
    private static double[] binomial(int n, double p) {
        double[] mass = new double[n + 1];
        double log = n * Math.log1p(-p);
        for (int k = 0; k <= n; k++) {
            mass[k] = Math.exp(log);
            if (k < n) {
                log += Math.log((double) (n - k) / (k + 1)) + Math.log(p) - Math.log1p(-p);
            }
        }
        return mass;
    }

    private static double[] convolved(double[] a, double[] b) {
        double[] sum = new double[a.length + b.length - 1];
        for (int i = 0; i < a.length; i++) {
            for (int j = 0; j < b.length; j++) {
                sum[i + j] += a[i] * b[j];
            }
        }
        return sum;
    }
}
