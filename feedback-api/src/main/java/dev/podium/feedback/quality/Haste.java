package dev.podium.feedback.quality;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What looks like work without reading: far quicker than the others, or the same places again and again. */
public final class Haste {
    /** Rankings of a labeler below which nothing is said. */
    public static final int ENOUGH = 10;

    private static final double QUICK_SHARE = 0.3;
    private static final double RARE = 0.001;

    private Haste() {}

    /**
     * One ranking.
     *
     * @param places of the outputs in the order in which they were shown, e.g. "1 2 3"
     * @param outputs number of outputs
     * @param millis from sight to submit; 0 when not known
     * @param characters that there were to read
     */
    public record Seen(String places, int outputs, long millis, int characters) {}

    /**
     * A suspicion, with the numbers that speak for it.
     *
     * @param code speeder or straight_liner
     */
    public record Flag(String code, String detail) {}

    /** What is to be said of a labeler; {@code all} are the median milliseconds per character of the project's labelers. */
    public static List<Flag> flags(List<Seen> own, double usualMillisPerCharacter) {
        List<Flag> flags = new ArrayList<>();
        double pace = pace(own);
        long timed = own.stream().filter(seen -> seen.millis() > 0).count();
        if (timed >= ENOUGH && usualMillisPerCharacter > 0 && pace < QUICK_SHARE * usualMillisPerCharacter) {
            flags.add(new Flag(
                    "speeder",
                    String.format(
                            java.util.Locale.ROOT,
                            "reads and ranks in %.1f ms per character, the project's median is %.1f (%d rankings)",
                            pace,
                            usualMillisPerCharacter,
                            timed)));
        }
        pattern(own).ifPresent(flags::add);
        return flags;
    }

    /** The median of milliseconds per character; 0 where no time is known. */
    public static double pace(List<Seen> rankings) {
        double[] paces = rankings.stream()
                .filter(seen -> seen.millis() > 0)
                .mapToDouble(seen -> (double) seen.millis() / Math.max(1, seen.characters()))
                .sorted()
                .toArray();
        return paces.length == 0 ? 0 : paces[paces.length / 2];
    }

    /**
     * The commonest pattern of places against chance. Outputs are shown in random order, so of the patterns of one shape
     * (how many outputs share the first place, the second, ...) each has the same probability, whatever the labeler
     * thinks of the outputs: all K! of a strict ranking, K! / (K - k)! of a top-k one. The binomial tail is multiplied
     * by the number of patterns, because the commonest was chosen among them, and by that of the shapes that were
     * looked at. All outputs in one place is a shape with one pattern, of which chance says nothing: it is suspicious
     * where it is nearly all that somebody does.
     */
    private static Optional<Flag> pattern(List<Seen> own) {
        Map<Integer, Map<List<Integer>, Map<String, Integer>>> byOutputs = new TreeMap<>();
        own.forEach(seen -> byOutputs
                .computeIfAbsent(seen.outputs(), k -> new HashMap<>())
                .computeIfAbsent(shape(seen.places()), shape -> new HashMap<>())
                .merge(seen.places(), 1, Integer::sum));
        for (Map.Entry<Integer, Map<List<Integer>, Map<String, Integer>>> each : byOutputs.entrySet()) {
            int outputs = each.getKey();
            int all = each.getValue().values().stream().mapToInt(Haste::sum).sum();
            for (Map.Entry<List<Integer>, Map<String, Integer>> shaped :
                    each.getValue().entrySet()) {
                int n = sum(shaped.getValue());
                Map.Entry<String, Integer> most = shaped.getValue().entrySet().stream()
                        .max(Map.Entry.comparingByValue())
                        .orElseThrow();
                double patterns = factorial(outputs);
                for (int size : shaped.getKey()) {
                    patterns /= factorial(size);
                }
                boolean rare = patterns > 1
                        ? each.getValue().size() * patterns * tail(n, most.getValue(), 1 / patterns) < RARE
                        : n > 0.9 * all;
                if (n >= ENOUGH && rare) {
                    return Optional.of(new Flag(
                            "straight_liner",
                            most.getValue() + " of " + n + " rankings of " + outputs + " outputs give the places "
                                    + most.getKey() + " in the order shown"));
                }
            }
        }
        return Optional.empty();
    }

    private static int sum(Map<String, Integer> counts) {
        return counts.values().stream().mapToInt(i -> i).sum();
    }

    /** How many outputs are in each place, best place first. */
    private static List<Integer> shape(String places) {
        Map<Integer, Integer> sizes = new TreeMap<>();
        for (String place : places.split(" ")) {
            sizes.merge(Integer.parseInt(place), 1, Integer::sum);
        }
        return List.copyOf(sizes.values());
    }

    private static double factorial(int n) {
        double product = 1;
        for (int i = 2; i <= n; i++) {
            product *= i;
        }
        return product;
    }

    /** P(X >= k) of a binomial distribution. */
    static double tail(int n, int k, double p) {
        double sum = 0;
        double logChoose = 0;
        for (int i = 0; i <= n; i++) {
            if (i > 0) {
                logChoose += Math.log((double) (n - i + 1) / i);
            }
            if (i >= k) {
                sum += Math.exp(logChoose + i * Math.log(p) + (n - i) * Math.log1p(-p));
            }
        }
        return Math.min(1, sum);
    }
}
