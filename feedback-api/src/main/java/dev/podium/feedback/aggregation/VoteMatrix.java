package dev.podium.feedback.aggregation;

import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.PreferenceSet.RankingUsed;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * The votes of one task.
 *
 * @param ids of the outputs that were voted on, sorted
 * @param above n_ij: weighted votes for i over j
 * @param tied weighted votes that saw no difference
 * @param beats pairs that the project's rules decide for i
 */
public record VoteMatrix(List<String> ids, double[][] above, double[][] tied, boolean[][] beats) {
    public VoteMatrix {
        ids = List.copyOf(ids);
    }

    /** The votes as the preference set has them. */
    public static VoteMatrix of(PreferenceSet set) {
        TreeSet<String> all = new TreeSet<>();
        set.pairs().forEach(pair -> all.addAll(List.of(pair.chosen(), pair.rejected())));
        set.ties().forEach(tie -> all.addAll(List.of(tie.first(), tie.second())));
        List<String> ids = new ArrayList<>(all);
        Map<String, Integer> index = new HashMap<>();
        ids.forEach(id -> index.put(id, index.size()));
        int k = ids.size();
        double[][] above = new double[k][k];
        boolean[][] beats = new boolean[k][k];
        for (PreferenceSet.Pair pair : set.pairs()) {
            int i = at(index, pair.chosen());
            int j = at(index, pair.rejected());
            above[i][j] = pair.votesFor();
            above[j][i] = pair.votesAgainst();
            beats[i][j] = true;
        }
        for (PreferenceSet.Tie tie : set.ties()) {
            int i = at(index, tie.first());
            int j = at(index, tie.second());
            above[i][j] = tie.votesFirst();
            above[j][i] = tie.votesSecond();
        }
        double all1 =
                set.rankings().stream().mapToDouble(RankingUsed::reliability).sum();
        double[][] tied = new double[k][k];
        for (int i = 0; i < k; i++) {
            for (int j = 0; j < k; j++) {
                double rest = all1 - above[i][j] - above[j][i];
                // What is left of sums that do not come out even is no vote.
                tied[i][j] = i == j || rest < 1e-9 ? 0 : rest;
            }
        }
        return new VoteMatrix(ids, above, tied, beats);
    }

    private static int at(Map<String, Integer> index, String id) {
        Integer at = index.get(id);
        if (at == null) {
            throw new IllegalStateException("output " + id + " was not voted on");
        }
        return at;
    }

    int size() {
        return ids.size();
    }
}
