package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.PreferenceSet;
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
 * one's set is, and only what all of them change. What is due when a transaction is committed is a row in a store, with
 * what the sums have of the task, so that a process that ends between a ranking and its set leaves nobody without, and no
 * sum behind.
 */
final class DueSets {
    private static final String PREFIX = "set/";
    private static final int MOST = 2_000;
    // What is due keeps its task in memory, with its rankings, and what set and sums had of each.
    private static final long MOST_BYTES = 4L * 1024 * 1024;
    private static final int LABELER_BYTES = 850;

    private final KeyValueStore<String, byte[]> rows;
    private final Map<String, Due> due = new LinkedHashMap<>();
    // An earlier version kept the differences themselves, each under its kind and its key, and rows of one byte for
    // sets.
    private final List<KeyValue<String, byte[]>> leftovers = new ArrayList<>();
    private long bytes;
    private int unkept;

    /**
     * A task whose change is to be made known.
     *
     * @param counted what the sums have of it; empty where an earlier version has brought them up to date
     * @param published its set as the topic has it, but for texts; null where an earlier process has left the task
     * @param texts the task that it was made of; empty where there was none, or an earlier process has left it
     * @param now the task as it is; null where an earlier process has left it
     * @param stored whether there is a row
     * @param timestamp of the newest record that changed it; empty where an earlier process has left it
     */
    record Due(
            String taskId,
            Optional<Contribution> counted,
            @Nullable Optional<PreferenceSet> published,
            Optional<KnownTask> texts,
            Optional<Long> timestamp,
            Optional<String> traceParent,
            @Nullable TaskState now,
            boolean stored) {
        private Due counting(Contribution before) {
            return new Due(taskId, Optional.of(before), published, texts, timestamp, traceParent, now, stored);
        }

        private Due again(TaskState after, long newer, Optional<String> newerTrace) {
            return new Due(taskId, counted, published, texts, Optional.of(newer), newerTrace, after, stored);
        }

        private Due kept() {
            return new Due(taskId, counted, published, texts, timestamp, traceParent, now, true);
        }

        private long bytes() {
            return now == null
                    ? 0
                    : now.known().map(KnownTask::bytes).orElse(0)
                            + (long) LABELER_BYTES * now.byLabeler().size();
        }

        /** Whether the topic has the set that the task has now. */
        boolean isPublished(TaskState state) {
            return state.set().equals(published)
                    && (state.set().isEmpty()
                            || (texts.isPresent() && state.known().orElseThrow().saysTheSameAs(texts.get())));
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
                    due.put(
                            taskId,
                            new Due(
                                    taskId,
                                    counted,
                                    null,
                                    Optional.empty(),
                                    Optional.empty(),
                                    Optional.empty(),
                                    null,
                                    true));
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
     * @param after as it is
     * @param inTotals whether the project's totals count it
     */
    void add(TaskState before, TaskState after, boolean inTotals, long timestamp, Optional<String> traceParent) {
        KnownTask task = after.known().orElseThrow();
        Due known = due.get(task.taskId());
        if (known != null) {
            if (known.counted().isEmpty()) {
                // The earlier version's sums, with what it has left of them, have the task as it was until now.
                known = known.counting(Contribution.of(before, inTotals));
                rows.put(PREFIX + task.taskId(), EventJson.write(known.counted().orElseThrow()));
            }
            Due again = known.again(after, timestamp, traceParent);
            due.put(task.taskId(), again);
            bytes += again.bytes() - known.bytes();
            return;
        }
        Due first = new Due(
                task.taskId(),
                Optional.of(Contribution.of(before, inTotals)),
                before.set(),
                before.known(),
                Optional.of(timestamp),
                traceParent,
                after,
                false);
        due.put(task.taskId(), first);
        unkept++;
        bytes += first.bytes();
    }

    /** Writes rows of what has none, for a process that goes on after a commit. */
    void keep() {
        if (unkept == 0) {
            return;
        }
        due.replaceAll((taskId, each) -> {
            if (each.stored()) {
                return each;
            }
            rows.put(PREFIX + taskId, EventJson.write(each.counted().orElseThrow()));
            return each.kept();
        });
        unkept = 0;
    }

    int size() {
        return due.size();
    }

    /** Whether what is due should wait no longer, for the sake of memory. */
    boolean isFull() {
        return due.size() >= MOST || bytes >= MOST_BYTES;
    }

    /** What is to be made known; it waits no more. */
    List<Due> take() {
        List<Due> taken = new ArrayList<>(due.values());
        for (Due each : taken) {
            if (each.stored()) {
                rows.delete(PREFIX + each.taskId());
            }
        }
        due.clear();
        bytes = 0;
        unkept = 0;
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

    private static <T> T read(byte[] row, Class<T> type) {
        try {
            return EventJson.read(row, type);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a row of what is due cannot be read: " + new String(row, UTF_8), e);
        }
    }
}
