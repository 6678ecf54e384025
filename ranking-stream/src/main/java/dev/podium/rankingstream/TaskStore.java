package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.LabelerReliability;
import dev.podium.contracts.Task;
import dev.podium.contracts.preference.HeldAdjudication;
import dev.podium.contracts.preference.HeldRanking;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.jspecify.annotations.Nullable;

/**
 * The state of tasks in four stores: the task, one row per labeler, so that a ranking rewrites its own row and not the
 * prompt and the outputs, the weight of a labeler's votes where it is not 1, and a decision where there is one. Tasks
 * that were touched last are held as objects too: the rankings of a task come near each other. What is held is never
 * newer than the stores, because a stream that fails makes a new one of this.
 */
final class TaskStore {
    private static final String SEPARATOR = "\0";
    // Of each partition; rows as they are stored, of which the objects take about three times as much.
    private static final long MAX_HELD_BYTES = 4L * 1024 * 1024;
    private static final int RANKING_BYTES = 400;

    private final KeyValueStore<String, byte[]> tasks;
    private final KeyValueStore<String, byte[]> rankings;
    private final KeyValueStore<String, byte[]> weights;
    private final KeyValueStore<String, byte[]> decisions;
    private final LinkedHashMap<String, Held> held = new LinkedHashMap<>(256, 0.75f, true);
    private long heldBytes;

    private record Held(TaskState state, long taskBytes) {
        long bytes() {
            return taskBytes + (long) RANKING_BYTES * state.byLabeler().size();
        }
    }

    TaskStore(
            KeyValueStore<String, byte[]> tasks,
            KeyValueStore<String, byte[]> rankings,
            KeyValueStore<String, byte[]> weights,
            KeyValueStore<String, byte[]> decisions) {
        this.tasks = tasks;
        this.rankings = rankings;
        this.weights = weights;
        this.decisions = decisions;
    }

    TaskState read(String taskId) {
        Held known = held.get(taskId);
        if (known != null) {
            return known.state();
        }
        byte @Nullable [] task = tasks.get(taskId);
        if (task == null) {
            return new TaskState(Optional.empty(), Map.of(), Map.of(), decision(taskId));
        }
        TaskState state = state(read(task, Task.class));
        hold(taskId, new Held(state, task.length));
        return state;
    }

    /** The same for who meets a task by the way: it does not take the place of those that are held. */
    TaskState look(String taskId) {
        Held known = held.get(taskId);
        if (known != null) {
            return known.state();
        }
        byte @Nullable [] task = tasks.get(taskId);
        return task == null
                ? new TaskState(Optional.empty(), Map.of(), Map.of(), decision(taskId))
                : state(read(task, Task.class));
    }

    /**
     * The known tasks in the order of their ids, past what is held, until somebody has seen enough.
     *
     * @param behind the task to go on behind
     * @return whether the last task was reached
     */
    boolean walk(Optional<String> behind, Predicate<TaskState> goesOn) {
        try (KeyValueIterator<String, byte[]> rows =
                behind.isPresent() ? tasks.range(behind.get(), null) : tasks.all()) {
            while (rows.hasNext()) {
                KeyValue<String, byte[]> row = rows.next();
                if (row.key.equals(behind.orElse(""))) {
                    continue;
                }
                if (!goesOn.test(state(read(row.value, Task.class)))) {
                    return !rows.hasNext();
                }
            }
            return true;
        }
    }

    private TaskState state(Task task) {
        Map<String, HeldRanking> byLabeler = rankings(task.taskId());
        Map<String, Double> weighs = new TreeMap<>();
        for (String labeler : byLabeler.keySet()) {
            byte @Nullable [] weight = weights.get(task.taskId() + SEPARATOR + labeler);
            if (weight != null) {
                weighs.put(labeler, Double.valueOf(new String(weight, UTF_8)));
            }
        }
        return new TaskState(Optional.of(task), byLabeler, weighs, decision(task.taskId()));
    }

    private Optional<HeldAdjudication> decision(String taskId) {
        return Optional.ofNullable(decisions.get(taskId)).map(row -> read(row, HeldAdjudication.class));
    }

    /** Writes the rows that differ. What is held, or new, is held on. */
    void write(TaskState before, TaskState after) {
        Task task = after.task().orElseThrow();
        Held known = held.get(task.taskId());
        long taskBytes = known == null ? 0 : known.taskBytes();
        if (!after.task().equals(before.task())) {
            byte[] row = EventJson.write(task);
            tasks.put(task.taskId(), row);
            taskBytes = row.length;
        }
        after.byLabeler().forEach((labeler, ranking) -> {
            if (!ranking.equals(before.byLabeler().get(labeler))) {
                rankings.put(task.taskId() + SEPARATOR + labeler, EventJson.write(ranking));
            }
            if (after.weight(labeler) != before.weight(labeler)) {
                byte[] weight = Double.toString(after.weight(labeler)).getBytes(UTF_8);
                weights.put(
                        task.taskId() + SEPARATOR + labeler,
                        after.weight(labeler) == LabelerReliability.DEFAULT ? null : weight);
            }
        });
        if (!after.decision().equals(before.decision())) {
            decisions.put(task.taskId(), EventJson.write(after.decision().orElseThrow()));
        }
        if (known != null || before.task().isEmpty()) {
            hold(task.taskId(), new Held(after, taskBytes));
        }
    }

    private Map<String, HeldRanking> rankings(String taskId) {
        Map<String, HeldRanking> byLabeler = new TreeMap<>();
        try (KeyValueIterator<String, byte[]> rows = rankings.prefixScan(taskId + SEPARATOR, new StringSerializer())) {
            while (rows.hasNext()) {
                HeldRanking ranking = read(rows.next().value, HeldRanking.class);
                if (ranking.event().taskId().equals(taskId)) {
                    byLabeler.put(ranking.event().labelerId(), ranking);
                }
            }
        }
        return byLabeler;
    }

    private void hold(String taskId, Held now) {
        Held before = held.put(taskId, now);
        heldBytes += now.bytes() - (before == null ? 0 : before.bytes());
        Iterator<Held> oldest = held.values().iterator();
        while (heldBytes > MAX_HELD_BYTES && oldest.hasNext()) {
            heldBytes -= oldest.next().bytes();
            oldest.remove();
        }
    }

    private static <T> T read(byte[] row, Class<T> type) {
        try {
            return EventJson.read(row, type);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a row of the state cannot be read", e);
        }
    }
}
