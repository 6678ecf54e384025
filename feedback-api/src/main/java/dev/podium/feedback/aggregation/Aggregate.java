package dev.podium.feedback.aggregation;

import java.util.List;
import java.util.Map;

/**
 * One order of a task's outputs.
 *
 * @param method majority, bradley_terry or kemeny
 * @param groups best first; outputs in one group are not told apart: tied, in a cycle, or in any order as good
 * @param scores by output, of Bradley-Terry; empty for the others
 * @param cycles outputs of which each beats another of them by majority, whatever the method says of their order
 * @param unique whether no other order is as good (Kemeny); true for the others
 * @param distance votes that contradict the order (Kemeny); -1 for the others
 */
public record Aggregate(
        String method,
        List<List<String>> groups,
        Map<String, Double> scores,
        List<List<String>> cycles,
        boolean unique,
        double distance) {
    public Aggregate {
        groups = groups.stream().map(List::copyOf).toList();
        scores = Map.copyOf(scores);
        cycles = cycles.stream().map(List::copyOf).toList();
    }
}
