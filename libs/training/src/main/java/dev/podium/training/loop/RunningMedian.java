package dev.podium.training.loop;

import java.util.Arrays;
import java.util.Map;
import java.util.OptionalDouble;

/** What is usual for a number of a round's steps: the median of the last ones, or that of the first, whichever is higher. */
final class RunningMedian {
    private static final int RECENT = 50;
    private static final int FIRST = 10;

    private final double[] recent = new double[RECENT];
    private int count;
    private double first;

    /** A number of a step that was taken. */
    void add(double value) {
        recent[count % RECENT] = value;
        count++;
        if (count == FIRST) {
            first = median(FIRST);
        }
    }

    /** Empty in the first steps, when nothing is usual yet. */
    OptionalDouble level() {
        // A loss that has fallen to almost nothing does not make an ordinary hard batch a spike.
        return count < FIRST
                ? OptionalDouble.empty()
                : OptionalDouble.of(Math.max(first, median(Math.min(count, RECENT))));
    }

    private double median(int n) {
        double[] sorted = Arrays.copyOf(recent, n);
        Arrays.sort(sorted);
        return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    }

    void save(String prefix, Map<String, Double> state) {
        state.put(prefix + ".count", (double) count);
        state.put(prefix + ".first", first);
        for (int i = 0; i < Math.min(count, RECENT); i++) {
            state.put(prefix + "." + i, recent[i]);
        }
    }

    void restore(String prefix, Map<String, Double> state) {
        count = (int) (double) state.getOrDefault(prefix + ".count", 0.0);
        first = state.getOrDefault(prefix + ".first", 0.0);
        for (int i = 0; i < Math.min(count, RECENT); i++) {
            recent[i] = state.getOrDefault(prefix + "." + i, 0.0);
        }
    }
}
