package dev.podium.feedback.ranking;

import dev.podium.contracts.Criterion;
import dev.podium.contracts.Output;
import dev.podium.contracts.RankingRules;
import dev.podium.contracts.Task;
import dev.podium.feedback.rest.Refusal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a labeler sends: ordered tie groups, or a rank per output. Ranks may have gaps (1, 3, 3): they become the canonical
 * dense ones.
 */
public record Judgement(
        @Nullable List<List<String>> groups,
        @Nullable Map<String, Double> ranks,
        @Nullable List<String> unacceptable,
        @Nullable String leaseId,
        @Nullable Long durationMillis,
        @Nullable String comment,
        @Nullable Map<String, Map<String, Integer>> ratings,
        @Nullable String labelerId) {
    private static final int MAX_COMMENT_CHARACTERS = 4000;
    private static final long MAX_DURATION_MILLIS = 7L * 24 * 3600 * 1000;

    /** Tie groups after all checks, and the marks. */
    public record Checked(
            List<List<String>> groups,
            List<String> unacceptable,
            long durationMillis,
            Map<String, Map<String, Integer>> ratings) {}

    /** Checks against the task and the project's rules; every refusal says what is wrong. */
    public Checked check(Task task, RankingRules rules) {
        Set<String> known = task.outputs().stream().map(Output::id).collect(Collectors.toSet());
        List<List<String>> ordered = ordered(known.size());
        List<String> all = ordered.stream().flatMap(List::stream).toList();
        List<String> marks = unacceptable == null ? List.of() : unacceptable;
        for (String id : concat(all, marks)) {
            if (id == null || !known.contains(id)) {
                throw Refusal.unprocessable("unknown_output", "Output " + id + " does not belong to this task.");
            }
        }
        if (new HashSet<>(all).size() != all.size() || new HashSet<>(marks).size() != marks.size()) {
            throw Refusal.unprocessable("duplicate_output", "An output is named twice.");
        }
        if (!rules.tiesAllowed() && ordered.stream().anyMatch(group -> group.size() > 1)) {
            throw Refusal.unprocessable("ties_not_allowed", "This project does not allow ties: one output per place.");
        }
        int needed = rules.topK() == 0 ? known.size() : Math.min(rules.topK(), known.size());
        if (all.size() < needed) {
            throw Refusal.unprocessable(
                    "incomplete_ranking", all.size() + " outputs are ranked, " + needed + " are needed.");
        }
        if (comment != null && comment.length() > MAX_COMMENT_CHARACTERS) {
            throw Refusal.unprocessable(
                    "comment_too_long", "A comment has at most " + MAX_COMMENT_CHARACTERS + " characters.");
        }
        long duration = durationMillis == null ? 0 : durationMillis;
        if (duration < 0 || duration > MAX_DURATION_MILLIS) {
            throw Refusal.unprocessable("invalid_duration", "durationMillis must be between 0 and a week.");
        }
        return new Checked(ordered, marks.stream().sorted().toList(), duration, checkedRatings(known, rules));
    }

    private Map<String, Map<String, Integer>> checkedRatings(Set<String> known, RankingRules rules) {
        Map<String, Map<String, Integer>> given = ratings == null ? Map.of() : ratings;
        Map<String, Criterion> criteria =
                rules.criteria().stream().collect(Collectors.toMap(Criterion::id, Function.identity()));
        given.forEach((output, byCriterion) -> {
            if (!known.contains(output) || byCriterion == null) {
                throw Refusal.unprocessable("unknown_output", "Output " + output + " does not belong to this task.");
            }
            byCriterion.forEach((id, value) -> {
                Criterion criterion = criteria.get(id);
                if (criterion == null) {
                    throw Refusal.unprocessable(
                            "unknown_criterion",
                            "There is no criterion " + id + " here; known are "
                                    + criteria.keySet().stream().sorted().toList() + ".");
                }
                if (value == null || value < 1 || value > criterion.steps()) {
                    throw Refusal.unprocessable(
                            "invalid_rating", criterion.name() + " is rated from 1 to " + criterion.steps() + ".");
                }
            });
        });
        for (Criterion criterion : rules.criteria()) {
            if (criterion.required()
                    && !known.stream()
                            .allMatch(output ->
                                    given.getOrDefault(output, Map.of()).containsKey(criterion.id()))) {
                throw Refusal.unprocessable(
                        "incomplete_ratings", "Every output needs a rating of " + criterion.name() + " here.");
            }
        }
        return given;
    }

    private static List<String> concat(List<String> a, List<String> b) {
        List<String> all = new ArrayList<>(a);
        all.addAll(b);
        return all;
    }

    private List<List<String>> ordered(int outputs) {
        if ((groups == null) == (ranks == null)) {
            throw Refusal.unprocessable("groups_or_ranks", "Send either groups or ranks.");
        }
        if (groups != null) {
            for (List<String> group : groups) {
                if (group == null || group.isEmpty()) {
                    throw Refusal.unprocessable("empty_group", "A place without an output is not a place.");
                }
            }
            // Within a tie there is no order: the canonical one is by id.
            return groups.stream()
                    .map(group -> group.stream().sorted(NULLS_LAST).toList())
                    .toList();
        }
        Map<Double, List<String>> byRank = new TreeMap<>();
        java.util.Objects.requireNonNull(ranks).forEach((id, rank) -> {
            if (rank == null || rank != Math.rint(rank) || rank < 1 || rank > outputs) {
                throw Refusal.unprocessable("invalid_rank", "Ranks are whole numbers from 1 to " + outputs + ".");
            }
            byRank.computeIfAbsent(rank, r -> new ArrayList<>()).add(id);
        });
        return byRank.values().stream()
                .map(group -> group.stream().sorted().toList())
                .toList();
    }

    private static final java.util.Comparator<String> NULLS_LAST =
            java.util.Comparator.nullsLast(java.util.Comparator.naturalOrder());
}
