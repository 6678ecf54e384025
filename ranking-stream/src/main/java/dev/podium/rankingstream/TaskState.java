package dev.podium.rankingstream;

import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.Task;
import dev.podium.contracts.preference.DistinctOutputs;
import dev.podium.contracts.preference.HeldRanking;
import dev.podium.contracts.preference.PreferenceAggregation;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * All that is held about one task: the task, once it is known, and what each labeler said of it. Never changes; what
 * follows from it is computed once.
 */
final class TaskState {
    private final Optional<Task> task;
    private final Map<String, HeldRanking> byLabeler;
    private @Nullable Optional<PreferenceSet> set;
    private @Nullable DistinctOutputs outputs;

    TaskState(Optional<Task> task, Map<String, HeldRanking> byLabeler) {
        this.task = task;
        this.byLabeler = Map.copyOf(byLabeler);
    }

    Optional<Task> task() {
        return task;
    }

    Map<String, HeldRanking> byLabeler() {
        return byLabeler;
    }

    TaskState with(Task newTask) {
        return new TaskState(Optional.of(newTask), byLabeler);
    }

    TaskState with(HeldRanking ranking) {
        Map<String, HeldRanking> all = new TreeMap<>(byLabeler);
        all.merge(ranking.event().labelerId(), ranking, HeldRanking::and);
        return new TaskState(task, all);
    }

    boolean saysTheSameAs(TaskState other) {
        return task.equals(other.task) && byLabeler.equals(other.byLabeler);
    }

    /** What is published; empty as long as nobody has said anything about the task. */
    Optional<PreferenceSet> set() {
        Optional<PreferenceSet> known = set;
        if (known == null) {
            known = task.isEmpty() || byLabeler.isEmpty()
                    ? Optional.empty()
                    : Optional.of(PreferenceAggregation.aggregate(
                            task.get(), byLabeler.values(), labeler -> TaskProcessor.RELIABILITY));
            set = known;
        }
        return known;
    }

    /** The outputs of the task, which must be known. */
    DistinctOutputs outputs() {
        DistinctOutputs known = outputs;
        if (known == null) {
            known = DistinctOutputs.of(task.orElseThrow());
            outputs = known;
        }
        return known;
    }
}
