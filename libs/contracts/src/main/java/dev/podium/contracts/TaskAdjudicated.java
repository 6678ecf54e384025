package dev.podium.contracts;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * Somebody decides a task that labelers do not agree upon; the task's set has this order from then on, and no longer
 * that of the votes, which stay in the log. Value of {@link Topics#ADJUDICATIONS}; key = task id. Per task only the highest
 * revision counts.
 *
 * @param eventId stable across deliveries; equals the {@code ce_id} header
 * @param adjudicatorId who has decided
 * @param revision counts from 1 per task
 * @param groups ordered tie groups of output ids, best first; empty: the decision is taken back, and the votes count
 * @param reason in the adjudicator's words
 */
public record TaskAdjudicated(
        String eventId,
        String projectId,
        String taskId,
        String adjudicatorId,
        int revision,
        List<List<String>> groups,
        Optional<String> reason,
        Instant at) {
    public TaskAdjudicated {
        Require.id(eventId, "eventId");
        Require.id(projectId, "projectId");
        Require.id(taskId, "taskId");
        Require.id(adjudicatorId, "adjudicatorId");
        Require.that(revision >= 1, "revision must be 1 or more");
        groups = Require.present(groups, "groups").stream().map(List::copyOf).toList();
        List<String> all = groups.stream().flatMap(List::stream).toList();
        Require.that(groups.stream().noneMatch(List::isEmpty), "groups has an empty tie group");
        Require.that(all.stream().distinct().count() == all.size(), "an output is ranked twice");
        reason = Require.atMost(RankingEvent.MAX_COMMENT_LENGTH, reason == null ? Optional.empty() : reason, "reason");
        Require.time(at, "at");
    }
}
