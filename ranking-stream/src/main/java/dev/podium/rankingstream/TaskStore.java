package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.LabelerReliability;
import dev.podium.contracts.preference.HeldAdjudication;
import dev.podium.contracts.preference.HeldRanking;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.jspecify.annotations.Nullable;

/**
 * The state of tasks in four stores: the task, the rankings of its labelers, so that a ranking does not rewrite the
 * prompt and the outputs, the weight of a labeler's votes where it is not 1, and a decision where there is one. Tasks
 * that were touched last are held as objects too: the rankings of a task come near each other.
 *
 * <p>What has changed is written when somebody asks for it, at the latest before a commit: of rankings of one task that
 * come near each other one row. What is held is therefore newer than the stores, by what belongs to the open transaction;
 * a stream that fails makes a new one of this.
 *
 * <pre>
 *   TASK \0 \0 n        the n-th page: the rankings of eight labelers, in the order in which they came
 *   TASK \0 LABELER     a ranking that an earlier version has stored, as long as it does not change
 * </pre>
 */
final class TaskStore {
    private static final String SEPARATOR = "\0";
    // A held ranking has less than 100 KB, whatever was sent, so that a page is a record that Kafka takes.
    private static final int ON_A_PAGE = 8;
    // Of each partition.
    private static final long MAX_HELD_BYTES = 1L * 1024 * 1024;
    private static final int RANKING_BYTES = 600;

    private final KeyValueStore<String, byte[]> tasks;
    private final KeyValueStore<String, byte[]> rankings;
    private final KeyValueStore<String, byte[]> weights;
    private final KeyValueStore<String, byte[]> decisions;
    private final LinkedHashMap<String, Held> held = new LinkedHashMap<>(256, 0.75f, true);
    // Also those that are held no longer.
    private final LinkedHashMap<String, Held> unwritten = new LinkedHashMap<>();
    private final RowWriter row = new RowWriter();
    private long heldBytes;
    // Few installations have one; where there is none, nobody looks for the task's.
    private boolean anyDecisions;

    private static final class Held {
        private TaskState state;
        // As the rows have it.
        private TaskState stored;
        // Labelers in the order of the pages; null where nobody has looked.
        private @Nullable List<String> paged;
        // Of the state.
        private long bytes;

        Held(TaskState state, TaskState stored, @Nullable List<String> paged) {
            this.state = state;
            this.stored = stored;
            this.paged = paged;
            this.bytes = bytes(state);
        }

        void is(TaskState now) {
            state = now;
            bytes = bytes(now);
        }

        private static long bytes(TaskState state) {
            KnownTask task = state.known().orElse(null);
            return (task == null ? 0 : task.bytes())
                    + (long) RANKING_BYTES * (1 + state.byLabeler().size());
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
        try (KeyValueIterator<String, byte[]> rows = decisions.all()) {
            this.anyDecisions = rows.hasNext();
        }
    }

    TaskState read(String taskId) {
        Held known = known(taskId);
        if (known != null) {
            return known.state;
        }
        byte @Nullable [] task = tasks.get(taskId);
        if (task == null) {
            return unknown(taskId);
        }
        Held loaded = load(KnownTask.read(task));
        held.put(taskId, loaded);
        heldBytes += loaded.bytes;
        holdNotTooMany();
        return loaded.state;
    }

    /** The same for who meets a task by the way: it does not take the place of those that are held. */
    TaskState look(String taskId) {
        Held known = known(taskId);
        if (known != null) {
            return known.state;
        }
        byte @Nullable [] task = tasks.get(taskId);
        return task == null ? unknown(taskId) : load(KnownTask.read(task)).state;
    }

    private @Nullable Held known(String taskId) {
        Held known = held.get(taskId);
        return known != null || unwritten.isEmpty() ? known : unwritten.get(taskId);
    }

    private TaskState unknown(String taskId) {
        return new TaskState(Optional.empty(), Map.of(), Map.of(), decision(taskId));
    }

    /**
     * The known tasks in the order of their ids, past what is held, until somebody has seen enough.
     *
     * @param behind the task to go on behind
     * @return whether the last task was reached
     */
    boolean walk(Optional<String> behind, Predicate<TaskState> goesOn) {
        write();
        try (KeyValueIterator<String, byte[]> rows =
                behind.isPresent() ? tasks.range(behind.get(), null) : tasks.all()) {
            while (rows.hasNext()) {
                KeyValue<String, byte[]> next = rows.next();
                if (next.key.equals(behind.orElse(""))) {
                    continue;
                }
                if (!goesOn.test(load(KnownTask.read(next.value)).state)) {
                    return !rows.hasNext();
                }
            }
            return true;
        }
    }

    // ---- changes

    /** A task has changed; its rows are written at the next {@link #write()}. */
    void change(TaskState before, TaskState after) {
        String taskId = after.known().orElseThrow().taskId();
        Held known = held.get(taskId);
        if (known == null) {
            known = unwritten.get(taskId);
        } else {
            heldBytes -= known.bytes;
        }
        if (known == null) {
            boolean isNew = before.known().isEmpty();
            known = new Held(after, before, isNew ? new ArrayList<>() : null);
            if (isNew) {
                held.put(taskId, known);
            }
        }
        known.is(after);
        unwritten.put(taskId, known);
        if (held.containsKey(taskId)) {
            heldBytes += known.bytes;
            holdNotTooMany();
        }
    }

    /** Writes the rows of what has changed. */
    void write() {
        for (Held each : unwritten.values()) {
            write(each);
            each.stored = each.state;
        }
        unwritten.clear();
    }

    private void write(Held changed) {
        TaskState before = changed.stored;
        TaskState after = changed.state;
        KnownTask task = after.known().orElseThrow();
        String taskId = task.taskId();
        if (before.known().isEmpty() || !task.saysTheSameAs(before.known().get())) {
            tasks.put(taskId, task.row(row));
        }
        if (after.byLabeler() != before.byLabeler()) {
            writeRankings(changed, task, before, after);
        }
        for (String labeler :
                after.weighsAs(before) ? Set.<String>of() : after.byLabeler().keySet()) {
            if (after.weight(labeler) != before.weight(labeler)) {
                byte[] weight = Double.toString(after.weight(labeler)).getBytes(UTF_8);
                weights.put(
                        taskId + SEPARATOR + labeler,
                        after.weight(labeler) == LabelerReliability.DEFAULT ? null : weight);
            }
        }
        if (!after.decision().equals(before.decision())) {
            anyDecisions = true;
            decisions.put(taskId, EventJson.write(after.decision().orElseThrow()));
        }
    }

    private void writeRankings(Held changed, KnownTask task, TaskState before, TaskState after) {
        List<String> paged = changed.paged;
        if (paged == null) {
            paged = requireNonNull(load(task).paged);
            changed.paged = paged;
        }
        TreeSet<Integer> pages = new TreeSet<>();
        for (Map.Entry<String, HeldRanking> each : after.byLabeler().entrySet()) {
            HeldRanking known = before.byLabeler().get(each.getKey());
            if (each.getValue() == known || each.getValue().equals(known)) {
                continue;
            }
            int place = paged.indexOf(each.getKey());
            if (place < 0) {
                place = paged.size();
                paged.add(each.getKey());
                if (task.hasSingleRankings() && known != null) {
                    rankings.delete(task.taskId() + SEPARATOR + each.getKey());
                }
            }
            pages.add(place / ON_A_PAGE);
        }
        for (int page : pages) {
            List<HeldRanking> some = new ArrayList<>(ON_A_PAGE);
            for (String labeler : paged.subList(page * ON_A_PAGE, Math.min(paged.size(), (page + 1) * ON_A_PAGE))) {
                some.add(requireNonNull(after.byLabeler().get(labeler)));
            }
            rankings.put(page(task.taskId(), page), RankingsPage.write(row, task.projectId(), task.taskId(), some));
        }
    }

    private static String page(String taskId, int page) {
        return taskId + SEPARATOR + SEPARATOR + page;
    }

    // ---- rows

    private Held load(KnownTask task) {
        String taskId = task.taskId();
        Map<String, HeldRanking> byLabeler = new TreeMap<>();
        List<String> paged = new ArrayList<>();
        for (int page = 0; paged.size() == page * ON_A_PAGE; page++) {
            byte @Nullable [] some = rankings.get(page(taskId, page));
            if (some == null) {
                break;
            }
            for (HeldRanking ranking : RankingsPage.read(some, task.projectId(), taskId)) {
                byLabeler.put(ranking.event().labelerId(), ranking);
                paged.add(ranking.event().labelerId());
            }
        }
        if (task.hasSingleRankings()) {
            addSingleRankings(taskId, byLabeler);
        }
        Map<String, Double> weighs = new TreeMap<>();
        for (String labeler : byLabeler.keySet()) {
            byte @Nullable [] weight = weights.get(taskId + SEPARATOR + labeler);
            if (weight != null) {
                weighs.put(labeler, Double.valueOf(new String(weight, UTF_8)));
            }
        }
        TaskState state = TaskState.of(task, byLabeler, weighs, decision(taskId));
        return new Held(state, state, paged);
    }

    private void addSingleRankings(String taskId, Map<String, HeldRanking> byLabeler) {
        String pages = taskId + SEPARATOR + SEPARATOR;
        try (KeyValueIterator<String, byte[]> rows = rankings.prefixScan(taskId + SEPARATOR, new StringSerializer())) {
            while (rows.hasNext()) {
                KeyValue<String, byte[]> next = rows.next();
                if (next.key.startsWith(pages)) {
                    continue;
                }
                HeldRanking ranking = read(next.value, HeldRanking.class);
                if (ranking.event().taskId().equals(taskId)) {
                    byLabeler.putIfAbsent(ranking.event().labelerId(), ranking);
                }
            }
        }
    }

    private Optional<HeldAdjudication> decision(String taskId) {
        if (!anyDecisions) {
            return Optional.empty();
        }
        return Optional.ofNullable(decisions.get(taskId)).map(stored -> read(stored, HeldAdjudication.class));
    }

    private void holdNotTooMany() {
        Iterator<Held> oldest = held.values().iterator();
        while (heldBytes > MAX_HELD_BYTES && oldest.hasNext()) {
            heldBytes -= oldest.next().bytes;
            oldest.remove();
        }
    }

    private static <T> T read(byte[] stored, Class<T> type) {
        try {
            return EventJson.read(stored, type);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a row of the state cannot be read", e);
        }
    }
}
