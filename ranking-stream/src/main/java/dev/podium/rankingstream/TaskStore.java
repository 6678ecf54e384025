package dev.podium.rankingstream;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.Task;
import dev.podium.contracts.preference.HeldRanking;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.jspecify.annotations.Nullable;

/**
 * The state of tasks in two stores: the task, and one row per labeler, so that a ranking rewrites its own row and not
 * the prompt and the outputs.
 */
final class TaskStore {
    private static final String SEPARATOR = "\0";

    private final KeyValueStore<String, byte[]> tasks;
    private final KeyValueStore<String, byte[]> rankings;

    TaskStore(KeyValueStore<String, byte[]> tasks, KeyValueStore<String, byte[]> rankings) {
        this.tasks = tasks;
        this.rankings = rankings;
    }

    TaskState read(String taskId) {
        byte @Nullable [] task = tasks.get(taskId);
        Map<String, HeldRanking> byLabeler = new TreeMap<>();
        if (task != null) {
            try (KeyValueIterator<String, byte[]> rows =
                    rankings.prefixScan(taskId + SEPARATOR, new StringSerializer())) {
                while (rows.hasNext()) {
                    HeldRanking held = read(rows.next().value, HeldRanking.class);
                    if (held.event().taskId().equals(taskId)) {
                        byLabeler.put(held.event().labelerId(), held);
                    }
                }
            }
        }
        return new TaskState(task == null ? Optional.empty() : Optional.of(read(task, Task.class)), byLabeler);
    }

    /** Writes the rows that differ. */
    void write(TaskState before, TaskState after) {
        Task task = after.task().orElseThrow();
        if (!after.task().equals(before.task())) {
            tasks.put(task.taskId(), EventJson.write(task));
        }
        after.byLabeler().forEach((labeler, held) -> {
            if (!held.equals(before.byLabeler().get(labeler))) {
                rankings.put(task.taskId() + SEPARATOR + labeler, EventJson.write(held));
            }
        });
    }

    private static <T> T read(byte[] row, Class<T> type) {
        try {
            return EventJson.read(row, type);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a row of the state cannot be read", e);
        }
    }
}
