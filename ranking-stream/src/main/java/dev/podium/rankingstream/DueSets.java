package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.Task;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.jspecify.annotations.Nullable;

/**
 * Tasks that have changed and of which the others do not know yet: their preference set is to be published, and the sums
 * of labelers and projects are to be brought up to date. Of several rankings that come near each other only the last
 * one's set is, and only what all of them change. What is due is a row in a store, with what the sums have of the task,
 * so that a process that ends between a ranking and its set leaves nobody without, and no sum behind.
 */
final class DueSets {
    private static final String PREFIX = "set/";
    private static final int MOST = 1_000;
    // Of characters: what is due keeps its task in memory.
    private static final long MOST_CHARACTERS = 2L * 1024 * 1024;

    private final KeyValueStore<String, byte[]> rows;
    private final Map<String, Due> due = new LinkedHashMap<>();
    // An earlier version kept the differences themselves, each under its kind and its key, and rows of one byte for
    // sets.
    private final List<KeyValue<String, byte[]>> leftovers = new ArrayList<>();
    private long characters;

    /**
     * A task whose change is to be made known.
     *
     * @param counted what the sums have of it; empty where an earlier version has brought them up to date
     * @param published its set as the topic has it; null where an earlier process has left the task
     * @param timestamp of the newest record that changed it; empty where an earlier process has left it
     */
    record Due(
            String taskId,
            Optional<Contribution> counted,
            @Nullable Optional<PreferenceSet> published,
            Optional<Long> timestamp,
            Optional<String> traceParent) {
        private Due counting(Contribution before) {
            return new Due(taskId, Optional.of(before), published, timestamp, traceParent);
        }

        private Due again(long newer, Optional<String> newerTrace) {
            return new Due(taskId, counted, published, Optional.of(newer), newerTrace);
        }
    }

    DueSets(KeyValueStore<String, byte[]> rows) {
        this.rows = rows;
        try (KeyValueIterator<String, byte[]> all = rows.all()) {
            while (all.hasNext()) {
                KeyValue<String, byte[]> row = all.next();
                if (row.key.startsWith(PREFIX)) {
                    String taskId = row.key.substring(PREFIX.length());
                    Optional<Contribution> counted =
                            row.value.length == 1 ? Optional.empty() : Optional.of(read(row.value, Contribution.class));
                    due.put(taskId, new Due(taskId, counted, null, Optional.empty(), Optional.empty()));
                } else {
                    leftovers.add(row);
                }
            }
        }
    }

    /**
     * A task has changed.
     *
     * @param before as it was
     * @param task as it is
     * @param inTotals whether the project's totals count it
     */
    void add(TaskState before, Task task, boolean inTotals, long timestamp, Optional<String> traceParent) {
        Due known = due.get(task.taskId());
        if (known != null) {
            if (known.counted().isEmpty()) {
                // The earlier version's sums, with what it has left of them, have the task as it was until now.
                known = known.counting(Contribution.of(before, inTotals));
                rows.put(PREFIX + task.taskId(), EventJson.write(known.counted().orElseThrow()));
            }
            due.put(task.taskId(), known.again(timestamp, traceParent));
            return;
        }
        Contribution counted = Contribution.of(before, inTotals);
        rows.put(PREFIX + task.taskId(), EventJson.write(counted));
        due.put(
                task.taskId(),
                new Due(task.taskId(), Optional.of(counted), before.set(), Optional.of(timestamp), traceParent));
        characters += characters(task);
    }

    int size() {
        return due.size();
    }

    /** Whether what is due should wait no longer, for the sake of memory. */
    boolean isFull() {
        return due.size() >= MOST || characters >= MOST_CHARACTERS;
    }

    /** What is to be made known; it waits no more. */
    List<Due> take() {
        List<Due> taken = new ArrayList<>(due.values());
        taken.forEach(each -> rows.delete(PREFIX + each.taskId()));
        due.clear();
        characters = 0;
        return taken;
    }

    /** What an earlier version has left to be sent to one kind of sum, once. */
    <S extends Share<S>> void takeLeftovers(String prefix, Class<S> type, Sums<S> sums) {
        leftovers.removeIf(row -> {
            boolean taken = row.key.startsWith(prefix);
            if (taken) {
                S share = read(row.value, type);
                sums.add(share, share.at().toEpochMilli(), Optional.empty());
                rows.delete(row.key);
            }
            return taken;
        });
    }

    private static long characters(Task task) {
        long all = 0;
        for (Message message : task.prompt()) {
            all += message.content().length();
        }
        for (Output output : task.outputs()) {
            all += output.text().length();
        }
        return all;
    }

    private static <T> T read(byte[] row, Class<T> type) {
        try {
            return EventJson.read(row, type);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a row of what is due cannot be read: " + new String(row, UTF_8), e);
        }
    }
}
