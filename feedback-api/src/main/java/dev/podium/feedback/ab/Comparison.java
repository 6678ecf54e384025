package dev.podium.feedback.ab;

import dev.podium.contracts.Output;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.Task;
import dev.podium.contracts.preference.DistinctOutputs;
import java.util.List;

/**
 * One task judged for two adapters: every output of the one against every output of the other, by every labeler.
 *
 * <p>The comparisons of a task are not independent (one prompt, few labelers), so a task is one observation: the share of
 * its comparisons that the first won. A tie is half a win, and so are outputs of equal text.
 */
final class Comparison {
    /** How the base model without an adapter is named. */
    static final String BASE = "base";

    private int won;
    private int tied;
    private int lost;

    private Comparison() {}

    static Comparison of(Task task, List<RankingSubmitted> rankings, String a, String b) {
        Comparison comparison = new Comparison();
        DistinctOutputs outputs = DistinctOutputs.of(task);
        List<String> ofA = ids(task, a);
        List<String> ofB = ids(task, b);
        for (RankingSubmitted ranking : rankings) {
            int[] ranks = outputs.ranks(ranking);
            for (String one : ofA) {
                for (String other : ofB) {
                    comparison.add(Integer.compare(ranks[outputs.index(one)], ranks[outputs.index(other)]));
                }
            }
        }
        return comparison;
    }

    private void add(int difference) {
        won += difference < 0 ? 1 : 0;
        tied += difference == 0 ? 1 : 0;
        lost += difference > 0 ? 1 : 0;
    }

    /** Ids of the outputs that an adapter wrote. */
    static List<String> ids(Task task, String version) {
        return task.outputs().stream()
                .filter(output -> isBy(output.provenance(), version))
                .map(Output::id)
                .toList();
    }

    private static boolean isBy(Output.Provenance provenance, String version) {
        return provenance.source().equals("sampled")
                && (version.equals(BASE)
                        ? provenance.adapterVersion().isEmpty()
                        : provenance.adapterVersion().filter(version::equals).isPresent());
    }

    int comparisons() {
        return won + tied + lost;
    }

    /** In [0, 1]. */
    double score() {
        return (won + tied / 2.0) / comparisons();
    }
}
