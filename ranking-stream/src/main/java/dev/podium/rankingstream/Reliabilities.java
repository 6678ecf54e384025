package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.LabelerReliability;
import dev.podium.contracts.LabelerStatistics;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * How much each labeler's votes weigh, and which of this partition's tasks a labeler has ranked: what is needed to make
 * a labeler's sets anew when the weight changes.
 *
 * <pre>
 *   a weight comes -&gt; it is stored, and its labeler stands in line from the first task on
 *   the line       -&gt; so many tasks at a time, in order; where it stopped is kept
 *   a ranking comes -&gt; has the newest weight at once, also while its labeler stands in line
 *
 *   LABELER \0 TASK      the labeler has ranked the task
 *   LABELER \0 TASK \0   the labeler has ranked the tasks that the row lists, of which this is the first
 * </pre>
 */
final class Reliabilities {
    private static final String SEPARATOR = "\0";
    private static final String BEHIND_SEPARATOR = "\1";
    private static final String INDEXED = "\0indexed";
    private static final byte[] PRESENT = {1};
    private static final int MOST_HELD = 10_000;
    private static final int TASKS_IN_A_ROW = 50;

    private final KeyValueStore<String, byte[]> newest;
    private final KeyValueStore<String, byte[]> tasksOfLabelers;
    private final KeyValueStore<String, byte[]> line;
    // Of the open transaction: a labeler's tasks that come near each other are one row.
    private final Map<String, List<String>> unwritten = new HashMap<>();
    // Weights of the labelers at work; spares a look into the store for each ranking.
    private final Map<String, Double> held = new LastUsed<>(MOST_HELD);
    // Spares the look at an empty line. Unknown after a start.
    private boolean maybeWaiting = true;
    private boolean complete;

    Reliabilities(
            KeyValueStore<String, byte[]> newest,
            KeyValueStore<String, byte[]> tasksOfLabelers,
            KeyValueStore<String, byte[]> line) {
        this.newest = newest;
        this.tasksOfLabelers = tasksOfLabelers;
        this.line = line;
    }

    /** Whether rankings of a stream that ran before there were weights are entered. */
    boolean isComplete() {
        complete = complete || tasksOfLabelers.get(INDEXED) != null;
        return complete;
    }

    /** They are now. */
    void complete() {
        tasksOfLabelers.put(INDEXED, PRESENT);
    }

    /** A labeler has ranked a task for the first time. */
    void ranked(String labelerKey, String taskId) {
        unwritten.computeIfAbsent(labelerKey, key -> new ArrayList<>(4)).add(taskId);
    }

    /** Writes the rows of what labelers have ranked meanwhile. */
    void write() {
        unwritten.forEach((labelerKey, taskIds) -> {
            for (int from = 0; from < taskIds.size(); from += TASKS_IN_A_ROW) {
                List<String> some = taskIds.subList(from, Math.min(taskIds.size(), from + TASKS_IN_A_ROW));
                String key = labelerKey + SEPARATOR + some.getFirst();
                if (some.size() == 1) {
                    tasksOfLabelers.put(key, PRESENT);
                } else {
                    tasksOfLabelers.put(
                            key + SEPARATOR, String.join(SEPARATOR, some).getBytes(UTF_8));
                }
            }
        });
        unwritten.clear();
    }

    /** The weight that was published last. */
    double of(String labelerKey) {
        Double known = held.get(labelerKey);
        if (known == null) {
            known = published(labelerKey).map(LabelerReliability::reliability).orElse(LabelerReliability.DEFAULT);
            held.put(labelerKey, known);
        }
        return known;
    }

    /** Takes a weight and puts its labeler in line. Returns whether it is news. */
    boolean take(LabelerReliability reliability) {
        String key = LabelerStatistics.key(reliability.projectId(), reliability.labelerId());
        Optional<LabelerReliability> before = published(key);
        if (before.isPresent() && !reliability.supersedes(before.get())) {
            return false;
        }
        newest.put(key, EventJson.write(reliability));
        held.remove(key);
        line.put(key, new byte[0]);
        maybeWaiting = true;
        return true;
    }

    /** Work to do: a task whose set has to be made anew, and the weight of one labeler in it. */
    record Due(String taskId, String labelerId, double weight) {}

    /** Takes the next so many from the line, or a few more. */
    List<Due> takeDue(int most) {
        List<Due> due = new ArrayList<>();
        if (!maybeWaiting) {
            return due;
        }
        write();
        for (KeyValue<String, byte[]> waiting : firstInLine(most)) {
            LabelerReliability reliability = published(waiting.key).orElseThrow();
            String from = waiting.key + SEPARATOR + new String(waiting.value, UTF_8);
            String last = "";
            boolean through = true;
            try (KeyValueIterator<String, byte[]> tasks = tasksOfLabelers.range(from, waiting.key + BEHIND_SEPARATOR)) {
                while (tasks.hasNext()) {
                    KeyValue<String, byte[]> next = tasks.next();
                    String key = next.key;
                    if (!key.startsWith(waiting.key + SEPARATOR) || (key.equals(from) && waiting.value.length > 0)) {
                        continue;
                    }
                    if (due.size() >= most) {
                        through = false;
                        break;
                    }
                    last = key.substring(waiting.key.length() + 1);
                    for (String taskId : taskIds(last, next.value)) {
                        due.add(new Due(taskId, reliability.labelerId(), reliability.reliability()));
                    }
                }
            }
            if (through) {
                line.delete(waiting.key);
            } else {
                if (!last.isEmpty()) {
                    line.put(waiting.key, last.getBytes(UTF_8));
                }
                return due;
            }
        }
        maybeWaiting = due.size() >= most;
        return due;
    }

    private static List<String> taskIds(String key, byte[] row) {
        return key.endsWith(SEPARATOR) ? List.of(new String(row, UTF_8).split(SEPARATOR)) : List.of(key);
    }

    private List<KeyValue<String, byte[]>> firstInLine(int most) {
        List<KeyValue<String, byte[]>> first = new ArrayList<>();
        try (KeyValueIterator<String, byte[]> all = line.all()) {
            while (all.hasNext() && first.size() < most) {
                first.add(all.next());
            }
        }
        return first;
    }

    private Optional<LabelerReliability> published(String key) {
        return Optional.ofNullable(newest.get(key)).map(row -> read(row, LabelerReliability.class));
    }

    private static <T> T read(byte[] row, Class<T> type) {
        try {
            return EventJson.read(requireNonNull(row), type);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a row of the state cannot be read", e);
        }
    }
}
