package dev.podium.feedback.task;

import dev.podium.contracts.RankingRules;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A task as a labeler sees it: blind, in the labeler's own order, with HTML that is safe to show. */
public record TaskView(
        Prompt task,
        RankingRules rules,
        @Nullable LeaseView lease,
        int revision,
        @Nullable Mine ranking,
        @Nullable Draft draft) {
    /** Prompt and outputs. */
    public record Prompt(String id, List<Turn> prompt, List<Candidate> outputs) {}

    /** One message. */
    public record Turn(String role, String content, String html) {}

    /** One output without its provenance. */
    public record Candidate(String id, String text, String html) {}

    /** A hold on the task. */
    public record LeaseView(String id, Instant expiresAt) {}

    /** The labeler's own ranking. */
    public record Mine(
            List<List<String>> groups,
            List<String> unacceptable,
            @Nullable String comment,
            Map<String, Map<String, Integer>> ratings) {}

    /** What the labeler has done on the task so far, without having submitted it. */
    public record Draft(
            long version,
            Instant savedAt,
            Map<String, Integer> places,
            List<String> unacceptable,
            String comment,
            Map<String, Map<String, Integer>> ratings,
            long activeMillis) {}

    /** A view of a task in the given order. */
    public static TaskView of(
            KnownTasks.Known known,
            List<String> order,
            @Nullable LeaseView lease,
            int revision,
            @Nullable Mine ranking,
            @Nullable Draft draft) {
        List<Candidate> candidates = new ArrayList<>();
        for (String id : order) {
            Candidate output = known.outputs().get(id);
            if (output != null) {
                candidates.add(output);
            }
        }
        return new TaskView(
                new Prompt(known.task().taskId(), known.prompt(), candidates),
                known.task().rules(),
                lease,
                revision,
                ranking,
                draft);
    }
}
