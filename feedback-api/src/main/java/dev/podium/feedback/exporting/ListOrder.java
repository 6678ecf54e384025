package dev.podium.feedback.exporting;

import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.feedback.aggregation.Aggregation;
import dev.podium.feedback.aggregation.VoteMatrix;
import dev.podium.feedback.quality.WorkRules;
import java.text.Normalizer;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which places a list gives: those of the decided pairs, or those of the project's way to sum votes up where its rules say
 * so.
 *
 * @param method empty for the decided pairs alone
 * @param ridge of Bradley-Terry
 */
record ListOrder(Optional<Aggregation> method, double ridge) {
    /** By decided pairs won minus lost. */
    static final ListOrder OF_PAIRS = new ListOrder(Optional.empty(), 0);

    /** What a project's rules say. */
    static ListOrder of(WorkRules.Values rules) {
        return rules.listwiseFromAggregation()
                ? new ListOrder(Optional.of(rules.method()), rules.aggregationRidge())
                : OF_PAIRS;
    }

    /** How manifests call it. */
    String word() {
        return method.map(Aggregation::word).orElse("pairs");
    }

    /**
     * Dense places of a set's outputs, 1 is the best. Pairs that run in a circle give none; an aggregation gives its own,
     * and its reader knows of the circle from the row's {@code cycle}.
     */
    List<Integer> ranks(PreferenceSet set) {
        if (method.isEmpty() && set.cycle()) {
            return List.of();
        }
        Map<String, Integer> places = method.isPresent() ? aggregated(set, method.get()) : byPairs(set);
        Map<String, Integer> byText = new HashMap<>();
        set.outputs().forEach(output -> {
            Integer place = places.get(output.id());
            if (place != null) {
                byText.put(text(output), place);
            }
        });
        int behind = places.values().stream().mapToInt(place -> place).max().orElse(0) + 1;
        // Of equal texts one was voted on: the others stand where it does.
        return set.outputs().stream()
                .map(output -> byText.getOrDefault(text(output), behind))
                .toList();
    }

    private Map<String, Integer> aggregated(PreferenceSet set, Aggregation how) {
        Map<String, Integer> places = new HashMap<>();
        List<List<String>> groups = how.of(VoteMatrix.of(set), ridge).groups();
        for (int place = 0; place < groups.size(); place++) {
            for (String id : groups.get(place)) {
                places.put(id, place + 1);
            }
        }
        return places;
    }

    /** The order itself where all pairs are decided. */
    private static Map<String, Integer> byPairs(PreferenceSet set) {
        Map<String, Integer> balance = new HashMap<>();
        for (PreferenceSet.Pair pair : set.pairs()) {
            balance.merge(pair.chosen(), 1, Integer::sum);
            balance.merge(pair.rejected(), -1, Integer::sum);
        }
        for (PreferenceSet.Tie tie : set.ties()) {
            balance.putIfAbsent(tie.first(), 0);
            balance.putIfAbsent(tie.second(), 0);
        }
        List<Integer> levels = balance.values().stream()
                .distinct()
                .sorted(Comparator.reverseOrder())
                .toList();
        Map<String, Integer> places = new HashMap<>();
        balance.forEach((id, level) -> places.put(id, levels.indexOf(level) + 1));
        return places;
    }

    /** As the votes tell texts apart. */
    private static String text(Output output) {
        return Normalizer.normalize(output.text(), Normalizer.Form.NFC).strip();
    }
}
