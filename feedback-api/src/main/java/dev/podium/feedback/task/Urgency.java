package dev.podium.feedback.task;

import dev.podium.contracts.PreferenceSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How much a task needs another look: of its least certain pair 1 - |2p - 1|, which is 1 where nothing is known and 0
 * where there is no doubt. p = (n_ij + m) / (n_ij + n_ji + 1), the votes with one more that a reward model splits; m = 1/2
 * without one.
 */
public final class Urgency {
    private Urgency() {}

    /**
     * What a model says of one output.
     *
     * @param spread standard deviation over an ensemble; 0 for a single model
     */
    public record Score(double mean, double spread) {}

    /**
     * The urgency of a task.
     *
     * @param outputs ids
     * @param votes by pair, see {@link #votes}
     * @param scores by output; those without one leave a pair's prior at 1/2
     */
    public static double of(List<String> outputs, Map<String, Double> votes, Map<String, Score> scores) {
        double most = 0;
        for (int i = 0; i < outputs.size(); i++) {
            for (int j = i + 1; j < outputs.size(); j++) {
                String a = outputs.get(i);
                String b = outputs.get(j);
                double above = votes.getOrDefault(pair(a, b), 0.0);
                double below = votes.getOrDefault(pair(b, a), 0.0);
                double p = (above + prior(scores.get(a), scores.get(b))) / (above + below + 1);
                most = Math.max(most, 1 - Math.abs(2 * p - 1));
            }
        }
        return most;
    }

    /**
     * P(first is better) by Bradley-Terry. Where the members of an ensemble disagree the logistic function of a normal
     * variable is meant: MacKay's approximation, s(d / sqrt(1 + pi v / 8)).
     */
    private static double prior(
            @org.jspecify.annotations.Nullable Score first, @org.jspecify.annotations.Nullable Score second) {
        if (first == null || second == null) {
            return 0.5;
        }
        double variance = first.spread() * first.spread() + second.spread() * second.spread();
        double difference = (first.mean() - second.mean()) / Math.sqrt(1 + Math.PI * variance / 8);
        return 1 / (1 + Math.exp(-difference));
    }

    /** The votes of a set: {@code first NUL second} to the votes for the first. */
    public static Map<String, Double> votes(PreferenceSet set) {
        Map<String, Double> votes = new HashMap<>();
        set.pairs().forEach(p -> {
            votes.put(pair(p.chosen(), p.rejected()), p.votesFor());
            votes.put(pair(p.rejected(), p.chosen()), p.votesAgainst());
        });
        set.ties().forEach(t -> {
            votes.put(pair(t.first(), t.second()), t.votesFirst());
            votes.put(pair(t.second(), t.first()), t.votesSecond());
        });
        return votes;
    }

    /** Outputs that a set's votes are about: of equal texts one. */
    public static List<String> outputs(PreferenceSet set) {
        java.util.TreeSet<String> ids = new java.util.TreeSet<>();
        set.pairs().forEach(p -> ids.addAll(List.of(p.chosen(), p.rejected())));
        set.ties().forEach(t -> ids.addAll(List.of(t.first(), t.second())));
        return List.copyOf(ids);
    }

    private static String pair(String first, String second) {
        return first + "\0" + second;
    }
}
