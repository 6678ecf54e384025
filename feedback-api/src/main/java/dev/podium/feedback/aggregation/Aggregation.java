package dev.podium.feedback.aggregation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** The ways from votes to an order; pure functions. */
public enum Aggregation {
    /**
     * The finest order that contradicts no majority and no tie: components of "is not beaten by". Outputs in a cycle of
     * majorities, or bound together by ties, share a place.
     */
    MAJORITY {
        @Override
        Aggregate order(VoteMatrix votes, double ridge) {
            int k = votes.size();
            boolean[][] notBeaten = new boolean[k][k];
            for (int i = 0; i < k; i++) {
                for (int j = 0; j < k; j++) {
                    notBeaten[i][j] = i != j && !votes.beats()[j][i];
                }
            }
            return new Aggregate(
                    word(), names(votes, Components.of(notBeaten)), Map.of(), cycles(votes), true, NO_DISTANCE);
        }
    },

    /** Scores by Bradley-Terry with ties (Davidson) and a ridge; see {@link BradleyTerry}. */
    BRADLEY_TERRY {
        @Override
        Aggregate order(VoteMatrix votes, double ridge) {
            double[] scores =
                    BradleyTerry.fit(votes.above(), votes.tied(), ridge).scores();
            Integer[] order = new Integer[votes.size()];
            Arrays.setAll(order, i -> i);
            Arrays.sort(order, (a, b) -> Double.compare(scores[b], scores[a]));
            List<List<Integer>> groups = new ArrayList<>();
            for (Integer output : order) {
                boolean apart =
                        groups.isEmpty() || scores[groups.getLast().getFirst()] - scores[output] > BradleyTerry.APART;
                if (apart) {
                    groups.add(new ArrayList<>());
                }
                groups.getLast().add(output);
            }
            Map<String, Double> named = new TreeMap<>();
            for (int i = 0; i < scores.length; i++) {
                named.put(votes.ids().get(i), scores[i]);
            }
            return new Aggregate(word(), names(votes, groups), named, cycles(votes), true, NO_DISTANCE);
        }
    },

    /** The order that contradicts the fewest votes, exactly; see {@link Kemeny}. */
    KEMENY {
        @Override
        Aggregate order(VoteMatrix votes, double ridge) {
            Kemeny.Optimum optimum = Kemeny.solve(votes.above());
            return new Aggregate(
                    word(),
                    names(votes, optimum.groups()),
                    Map.of(),
                    cycles(votes),
                    optimum.unique(),
                    optimum.distance());
        }
    };

    private static final double NO_DISTANCE = -1;

    /** @param ridge of Bradley-Terry; the others have none */
    abstract Aggregate order(VoteMatrix votes, double ridge);

    /** How it is written in REST and configuration. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** By its word; empty when there is none. */
    public static java.util.Optional<Aggregation> of(String word) {
        return Arrays.stream(values()).filter(each -> each.word().equals(word)).findFirst();
    }

    /** The order of one task's outputs. */
    public Aggregate of(VoteMatrix votes, double ridge) {
        return order(votes, ridge);
    }

    private static List<List<String>> cycles(VoteMatrix votes) {
        return names(
                votes,
                Components.of(votes.beats()).stream()
                        .filter(component -> component.size() > 1)
                        .toList());
    }

    private static List<List<String>> names(VoteMatrix votes, List<List<Integer>> groups) {
        return groups.stream()
                .map(group -> group.stream().map(votes.ids()::get).sorted().toList())
                .toList();
    }
}
