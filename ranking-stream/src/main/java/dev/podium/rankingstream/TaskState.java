package dev.podium.rankingstream;

import dev.podium.contracts.Task;
import dev.podium.contracts.preference.HeldRanking;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** All that is held about one task: the task, once it is known, and what each labeler said of it. */
record TaskState(Optional<Task> task, Map<String, HeldRanking> byLabeler) {
    TaskState {
        byLabeler = Map.copyOf(byLabeler);
    }

    TaskState with(Task newTask) {
        return new TaskState(Optional.of(newTask), byLabeler);
    }

    TaskState with(HeldRanking ranking) {
        Map<String, HeldRanking> all = new TreeMap<>(byLabeler);
        all.merge(ranking.event().labelerId(), ranking, HeldRanking::and);
        return new TaskState(task, all);
    }
}
