package dev.podium.rankingstream;

import dev.podium.contracts.LabelerReliability;
import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.RankingEvent.RankingRetracted;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.RankingRules;
import dev.podium.contracts.Task;
import dev.podium.contracts.TaskAdjudicated;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Short ways to write tasks and rankings in tests. */
final class Facts {
    static final Instant NOON = Instant.parse("2026-11-01T12:00:00Z");
    static final String PROJECT = "support";

    private Facts() {}

    /** A task whose outputs a, b, c, ... have these texts. */
    static Task task(String taskId, RankingRules rules, String... texts) {
        List<Output> outputs = Stream.iterate(0, i -> i < texts.length, i -> i + 1)
                .map(i -> new Output(Character.toString('a' + i), texts[i], Output.Provenance.imported(), List.of()))
                .toList();
        return new Task(
                PROJECT,
                taskId,
                List.of(Message.user("My lamp does not start.")),
                outputs,
                rules,
                Optional.of("podium-nano"),
                Optional.empty(),
                NOON);
    }

    /** Three outputs a, b, c under the default rules. */
    static Task task(String taskId) {
        return task(taskId, RankingRules.DEFAULT, "one", "two", "three");
    }

    /** A ranking written as {@code "a>b=c"}. */
    static RankingSubmitted ranking(String taskId, String labeler, int revision, String order) {
        return new RankingSubmitted(
                eventId(taskId, labeler, revision),
                PROJECT,
                taskId,
                labeler,
                revision,
                groups(order),
                List.of(),
                List.of(),
                0,
                Optional.empty(),
                NOON.plusSeconds(revision));
    }

    static RankingRetracted retraction(String taskId, String labeler, int revision) {
        return new RankingRetracted(
                eventId(taskId, labeler, revision),
                PROJECT,
                taskId,
                labeler,
                revision,
                Optional.empty(),
                NOON.plusSeconds(revision));
    }

    static TaskAdjudicated decision(String taskId, int revision, String order) {
        return new TaskAdjudicated(
                taskId + "-decision-" + revision,
                PROJECT,
                taskId,
                "olga",
                revision,
                groups(order),
                Optional.empty(),
                NOON.plusSeconds(100 + revision));
    }

    static LabelerReliability reliability(String labeler, long sequence, double weight) {
        return new LabelerReliability(
                PROJECT,
                labeler,
                weight,
                LabelerReliability.ESTIMATED,
                sequence,
                "operator",
                Optional.empty(),
                NOON.plusSeconds(sequence));
    }

    static List<List<String>> groups(String order) {
        return order.isEmpty()
                ? List.of()
                : Stream.of(order.split(">"))
                        .map(group -> List.of(group.split("=")))
                        .toList();
    }

    private static String eventId(String taskId, String labeler, int revision) {
        return taskId + "-" + labeler + "-" + revision;
    }
}
