package dev.podium.training.loop;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/** What a round remembers of its past for the final report; part of each checkpoint. */
public final class LossCurve {
    private static final int LAST_STEPS = 10;
    private static final String COUNT = "loss_count";
    private static final String NOTES = "note.";
    private static final String COUNTS = "count.";

    private final Map<String, Double> notes = new LinkedHashMap<>();
    private final Map<String, Integer> counts = new LinkedHashMap<>();
    private final RunningMedian usualLoss = new RunningMedian();
    private final RunningMedian usualGradient = new RunningMedian();
    private final double[] last = new double[LAST_STEPS];
    private int count;
    private long tokens;
    private double first = Double.NaN;

    /** The loss of a step that was taken. */
    public void add(double loss) {
        if (count == 0) {
            first = loss;
        }
        last[count % LAST_STEPS] = loss;
        count++;
    }

    /** Loss of the first step that was taken. */
    public double first() {
        return first;
    }

    /** Mean of the last ten steps that were taken, or of all where there are fewer. */
    public double last() {
        int n = Math.min(count, LAST_STEPS);
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += last[i];
        }
        return n == 0 ? Double.NaN : sum / n;
    }

    /** Counts tokens that were learnt from. */
    public void addTokens(long more) {
        tokens += more;
    }

    /** Tokens of all steps so far, those before a restart included. */
    public long tokens() {
        return tokens;
    }

    /** Keeps a number that was measured before the first step. */
    public void note(String name, double value) {
        notes.put(name, value);
    }

    /** A number that was noted. */
    public OptionalDouble note(String name) {
        @Nullable Double value = notes.get(name);
        return value == null ? OptionalDouble.empty() : OptionalDouble.of(value);
    }

    /** The numbers noted. */
    public Map<String, Double> notes() {
        return Map.copyOf(notes);
    }

    /** How often something has happened, restarts included. */
    public int count(String name) {
        return counts.getOrDefault(name, 0);
    }

    void count(String name, int value) {
        counts.put(name, value);
    }

    RunningMedian usualLoss() {
        return usualLoss;
    }

    RunningMedian usualGradient() {
        return usualGradient;
    }

    /** All of it as numbers, for a checkpoint. */
    public Map<String, Double> state() {
        Map<String, Double> state = new LinkedHashMap<>();
        notes.forEach((name, value) -> state.put(NOTES + name, value));
        counts.forEach((name, value) -> state.put(COUNTS + name, (double) value));
        usualLoss.save("usual.loss", state);
        usualGradient.save("usual.gradient", state);
        state.put(COUNT, (double) count);
        state.put("num_tokens", (double) tokens);
        state.put("loss_first", first);
        for (int i = 0; i < Math.min(count, LAST_STEPS); i++) {
            state.put("loss_last." + i, last[i]);
        }
        return state;
    }

    /** Takes over the numbers of {@link #state()}. */
    public void restore(Map<String, Double> state) {
        count = (int) (double) state.getOrDefault(COUNT, 0.0);
        tokens = (long) (double) state.getOrDefault("num_tokens", 0.0);
        first = state.getOrDefault("loss_first", Double.NaN);
        for (int i = 0; i < Math.min(count, LAST_STEPS); i++) {
            last[i] = state.getOrDefault("loss_last." + i, 0.0);
        }
        usualLoss.restore("usual.loss", state);
        usualGradient.restore("usual.gradient", state);
        counts.clear();
        state.forEach((name, value) -> {
            if (name.startsWith(NOTES)) {
                notes.put(name.substring(NOTES.length()), value);
            } else if (name.startsWith(COUNTS)) {
                counts.put(name.substring(COUNTS.length()), (int) (double) value);
            }
        });
    }
}
