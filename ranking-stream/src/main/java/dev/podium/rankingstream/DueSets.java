package dev.podium.rankingstream;

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
 * Tasks whose preference set has changed and is still to be published: of several rankings that come near each other only
 * the last one's set is. What is due is marked in a store, so that a process that ends between a ranking and its set
 * leaves nobody without.
 */
final class DueSets {
    private static final String PREFIX = "set/";
    private static final byte[] MARK = {1};

    private final KeyValueStore<String, byte[]> marks;
    private final Map<String, Due> due = new LinkedHashMap<>();

    /**
     * A task whose set is to be published.
     *
     * @param timestamp of the newest record that changed it; empty where an earlier process has left it
     */
    record Due(String taskId, Optional<Long> timestamp, Optional<String> traceParent) {}

    DueSets(KeyValueStore<String, byte[]> marks) {
        this.marks = marks;
        try (KeyValueIterator<String, byte[]> all = marks.all()) {
            while (all.hasNext()) {
                KeyValue<String, byte[]> row = all.next();
                if (row.key.startsWith(PREFIX)) {
                    String taskId = row.key.substring(PREFIX.length());
                    due.put(taskId, new Due(taskId, Optional.empty(), Optional.empty()));
                }
            }
        }
    }

    void add(String taskId, long timestamp, Optional<String> traceParent) {
        @Nullable Due before = due.put(taskId, new Due(taskId, Optional.of(timestamp), traceParent));
        if (before == null) {
            marks.put(PREFIX + taskId, MARK);
        }
    }

    int size() {
        return due.size();
    }

    /** What is to be published; it waits no more. */
    List<Due> take() {
        List<Due> taken = new ArrayList<>(due.values());
        taken.forEach(each -> marks.delete(PREFIX + each.taskId()));
        due.clear();
        return taken;
    }
}
