package dev.podium.contracts;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A fact in the log of rankings. Value of {@link Topics#RANKINGS}; key = task id.
 *
 * <p>Per (task, labeler) only the highest revision counts; a retraction is a revision too.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
    @JsonSubTypes.Type(value = RankingEvent.RankingSubmitted.class, name = "RankingSubmitted"),
    @JsonSubTypes.Type(value = RankingEvent.RankingRetracted.class, name = "RankingRetracted")
})
public sealed interface RankingEvent {
    /** Longest comment or reason, in characters. */
    int MAX_COMMENT_LENGTH = 10_000;

    /** Stable across deliveries; equals the {@code ce_id} header. */
    String eventId();

    String projectId();

    String taskId();

    String labelerId();

    /** Counts from 1 per (task, labeler). */
    int revision();

    /** When the labeler acted. */
    Instant at();

    /**
     * @param groups ordered tie groups of output ids, best first; outputs left out are below all ranked ones
     * @param unacceptable output ids marked so; a mark, not a tie
     * @param shownOrder output ids in the order in which this labeler saw them; empty when not known (imports)
     * @param durationMillis time from sight to submit; 0 when not known
     * @param ratings by output id, then by criterion id (see {@link Criterion}); empty where the project has no criteria
     */
    record RankingSubmitted(
            String eventId,
            String projectId,
            String taskId,
            String labelerId,
            int revision,
            List<List<String>> groups,
            List<String> unacceptable,
            List<String> shownOrder,
            long durationMillis,
            Optional<String> comment,
            @JsonInclude(JsonInclude.Include.NON_EMPTY) Map<String, Map<String, Integer>> ratings,
            Instant at)
            implements RankingEvent {
        private static final int FEW_OUTPUTS = 16;

        public RankingSubmitted {
            check(eventId, projectId, taskId, labelerId, revision, at);
            groups = RankingEvent.copied(Require.present(groups, "groups"));
            unacceptable = unacceptable == null ? List.of() : List.copyOf(unacceptable);
            shownOrder = shownOrder == null ? List.of() : List.copyOf(shownOrder);
            comment = Require.atMost(MAX_COMMENT_LENGTH, comment == null ? Optional.empty() : comment, "comment");
            int ranked = 0;
            for (List<String> group : groups) {
                Require.that(!group.isEmpty(), "groups has an empty tie group");
                ranked += group.size();
            }
            Require.that(isEachOnce(groups, ranked), "an output is ranked twice");
            Require.that(durationMillis >= 0, "durationMillis is negative");
            ratings = copied(ratings);
        }

        /** A ranking without ratings. */
        public RankingSubmitted(
                String eventId,
                String projectId,
                String taskId,
                String labelerId,
                int revision,
                List<List<String>> groups,
                List<String> unacceptable,
                List<String> shownOrder,
                long durationMillis,
                Optional<String> comment,
                Instant at) {
            this(
                    eventId,
                    projectId,
                    taskId,
                    labelerId,
                    revision,
                    groups,
                    unacceptable,
                    shownOrder,
                    durationMillis,
                    comment,
                    Map.of(),
                    at);
        }

        /** Whether no output is there twice; to compare a few with each other is faster than to make a set of them. */
        private static boolean isEachOnce(List<List<String>> groups, int outputs) {
            if (outputs > FEW_OUTPUTS) {
                Set<String> seen = new HashSet<>();
                groups.forEach(seen::addAll);
                return seen.size() == outputs;
            }
            String[] seen = new String[outputs];
            int size = 0;
            for (List<String> group : groups) {
                for (String output : group) {
                    for (int i = 0; i < size; i++) {
                        if (seen[i].equals(output)) {
                            return false;
                        }
                    }
                    seen[size++] = output;
                }
            }
            return true;
        }

        private static Map<String, Map<String, Integer>> copied(Map<String, Map<String, Integer>> ratings) {
            return ratings == null || ratings.isEmpty()
                    ? Map.of()
                    : ratings.entrySet().stream()
                            .collect(Collectors.toUnmodifiableMap(Map.Entry::getKey, e -> Map.copyOf(e.getValue())));
        }
    }

    /** The labeler's (or an operator's) withdrawal of a ranking. */
    record RankingRetracted(
            String eventId,
            String projectId,
            String taskId,
            String labelerId,
            int revision,
            Optional<String> reason,
            Instant at)
            implements RankingEvent {
        public RankingRetracted {
            check(eventId, projectId, taskId, labelerId, revision, at);
            reason = Require.atMost(MAX_COMMENT_LENGTH, reason == null ? Optional.empty() : reason, "reason");
        }
    }

    /** Tie groups that never change; those that never did are not copied. */
    @SuppressWarnings("ReferenceEquality") // List.copyOf gives back a list that never changes
    static List<List<String>> copied(List<List<String>> groups) {
        boolean fixed = true;
        List<List<String>> copies = new ArrayList<>(groups.size());
        for (List<String> group : groups) {
            List<String> copy = List.copyOf(group);
            fixed = fixed && copy == group;
            copies.add(copy);
        }
        return List.copyOf(fixed ? groups : copies);
    }

    private static void check(
            String eventId, String projectId, String taskId, String labelerId, int revision, Instant at) {
        Require.id(eventId, "eventId");
        Require.id(projectId, "projectId");
        Require.id(taskId, "taskId");
        Require.id(labelerId, "labelerId");
        Require.that(revision >= 1, "revision must be 1 or more");
        Require.time(at, "at");
    }
}
