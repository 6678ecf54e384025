package dev.podium.contracts;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * All that is known about one task. Value of {@link Topics#PREFERENCES}; a correction or retraction replaces it.
 *
 * <p>It carries prompt and outputs, so that a trainer needs nothing else. A pure function of the logs of tasks,
 * rankings and reliabilities: any permutation or duplication of the rankings gives the same set.
 *
 * @param pairs decided pairs; their weights sum to 1 (each is 1 / number of decided pairs)
 * @param ties pairs with votes that are not decided
 * @param unacceptable output id to the number of labelers that marked it so
 * @param rankings what the set was made of, sorted by labeler
 * @param cycle true when the decided pairs contain a cycle
 * @param decided at least one pair
 * @param group of the task, see {@link Task#group()}
 * @param selection of the task, see {@link Task#selection()}
 */
public record PreferenceSet(
        String projectId,
        String taskId,
        List<Message> prompt,
        List<Output> outputs,
        Optional<String> baseModel,
        List<Pair> pairs,
        List<Tie> ties,
        Map<String, Integer> unacceptable,
        List<RankingUsed> rankings,
        boolean cycle,
        boolean decided,
        Instant updatedAt,
        Optional<String> group,
        Optional<Task.Selection> selection) {
    public PreferenceSet {
        Require.text(projectId, "projectId");
        Require.text(taskId, "taskId");
        prompt = List.copyOf(Require.present(prompt, "prompt"));
        outputs = List.copyOf(Require.present(outputs, "outputs"));
        baseModel = baseModel == null ? Optional.empty() : baseModel;
        pairs = List.copyOf(Require.present(pairs, "pairs"));
        ties = ties == null ? List.of() : List.copyOf(ties);
        unacceptable = unacceptable == null ? Map.of() : Map.copyOf(unacceptable);
        rankings = rankings == null ? List.of() : List.copyOf(rankings);
        Require.present(updatedAt, "updatedAt");
        group = group == null ? Optional.empty() : group;
        selection = selection == null ? Optional.empty() : selection;
    }

    /** A set of no group, whose prompt nobody selected. */
    public PreferenceSet(
            String projectId,
            String taskId,
            List<Message> prompt,
            List<Output> outputs,
            Optional<String> baseModel,
            List<Pair> pairs,
            List<Tie> ties,
            Map<String, Integer> unacceptable,
            List<RankingUsed> rankings,
            boolean cycle,
            boolean decided,
            Instant updatedAt) {
        this(
                projectId,
                taskId,
                prompt,
                outputs,
                baseModel,
                pairs,
                ties,
                unacceptable,
                rankings,
                cycle,
                decided,
                updatedAt,
                Optional.empty(),
                Optional.empty());
    }

    /**
     * A decided pair.
     *
     * @param votesFor n_ij, reliability-weighted votes for chosen over rejected
     * @param votesAgainst n_ji
     * @param margin mean rank gap / (K - 1), in (0, 1] for one labeler
     * @param probability (n_ij + 0.5) / (n_ij + n_ji + 1)
     */
    public record Pair(
            String chosen,
            String rejected,
            double weight,
            double votesFor,
            double votesAgainst,
            double margin,
            double probability) {
        public Pair {
            Require.text(chosen, "pairs.chosen");
            Require.text(rejected, "pairs.rejected");
            if (chosen.equals(rejected)) {
                throw new IllegalArgumentException("a pair prefers an output to itself: " + chosen);
            }
            Require.finite(weight, "pairs.weight");
        }
    }

    /** Two outputs the votes do not separate; first < second by id. Never coin-flipped. */
    public record Tie(String first, String second, double votesFirst, double votesSecond) {
        public Tie {
            Require.text(first, "ties.first");
            Require.text(second, "ties.second");
        }
    }

    /**
     * A ranking that the set was made of, and where it stands in the log: the lineage from pair to labeler.
     *
     * @param reliability the weight this labeler's votes had
     * @param groups ordered tie groups of output ids, best first, outputs left out being the last group; empty in sets
     *     that were written before rankings were kept in them
     */
    public record RankingUsed(
            String labelerId,
            int revision,
            String eventId,
            String topic,
            int partition,
            long offset,
            double reliability,
            List<List<String>> groups) {
        public RankingUsed {
            Require.text(labelerId, "rankings.labelerId");
            Require.text(eventId, "rankings.eventId");
            groups = groups == null ? List.of() : RankingEvent.copied(groups);
        }

        /** A ranking whose order is not known here. */
        public RankingUsed(
                String labelerId,
                int revision,
                String eventId,
                String topic,
                int partition,
                long offset,
                double reliability) {
            this(labelerId, revision, eventId, topic, partition, offset, reliability, List.of());
        }
    }
}
