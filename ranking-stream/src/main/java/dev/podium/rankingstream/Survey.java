package dev.podium.rankingstream;

import dev.podium.contracts.LabelerStatistics;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Makes up, once for each partition, for what earlier versions of this application did not keep: the totals of projects,
 * and which tasks a labeler has ranked. In slices, between records: reading all tasks takes longer than a transaction.
 *
 * <pre>
 *   a task that the count has passed      its changes are added as they come
 *   one that it has yet to meet           is added as it is then, so its changes are not
 *   a weight that comes before the index  waits until the index is complete
 * </pre>
 */
final class Survey {
    static final long EVERY_MILLIS = 200;
    private static final long AT_MOST_MILLIS = 50;
    private static final String COUNTED = "counted";
    private static final String COUNTED_UNTIL = "counted-until";
    private static final String INDEXED_UNTIL = "indexed-until";

    private final TaskStore tasks;
    private final KeyValueStore<String, byte[]> progress;
    private final Reliabilities reliabilities;
    private final LongSupplier steadyMillis;
    private final TaskWalk count;
    private final TaskWalk index;
    private boolean counted;
    private boolean begun;
    private long lastMillis;

    /** @param steadyMillis a clock that never jumps */
    Survey(
            TaskStore tasks,
            KeyValueStore<String, byte[]> progress,
            Reliabilities reliabilities,
            LongSupplier steadyMillis) {
        this.tasks = tasks;
        this.progress = progress;
        this.reliabilities = reliabilities;
        this.steadyMillis = steadyMillis;
        this.count = new TaskWalk(COUNTED_UNTIL, progress);
        this.index = new TaskWalk(INDEXED_UNTIL, progress);
        this.counted = progress.get(COUNTED) != null;
    }

    boolean isComplete() {
        return counted && reliabilities.isComplete();
    }

    /** Whether the task is in the totals, so that its changes have to be added. */
    boolean hasCounted(String taskId) {
        return counted || count.hasPassed(taskId);
    }

    /** Whether a record has to wait for a slice: at first, and where punctuation does not come. */
    boolean isDue() {
        return !isComplete() && (!begun || steadyMillis.getAsLong() - lastMillis >= 2 * EVERY_MILLIS);
    }

    /**
     * The next slice.
     *
     * @param totals takes what a task adds to its project
     */
    void goOn(Consumer<ProjectShare> totals) {
        begun = true;
        long beganMillis = steadyMillis.getAsLong();
        BooleanSupplier timeIsUp = () -> steadyMillis.getAsLong() - beganMillis >= AT_MOST_MILLIS;
        if (!counted) {
            counted = count.goOn(
                    tasks, state -> totals.accept(ProjectShare.of(state.task().orElseThrow(), state.set())), timeIsUp);
            if (counted) {
                progress.put(COUNTED, new byte[] {1});
            }
        }
        if (counted && !reliabilities.isComplete() && index.goOn(tasks, this::index, timeIsUp)) {
            reliabilities.complete();
        }
        lastMillis = steadyMillis.getAsLong();
    }

    private void index(TaskState state) {
        state.byLabeler()
                .values()
                .forEach(held -> reliabilities.ranked(
                        LabelerStatistics.key(
                                held.event().projectId(), held.event().labelerId()),
                        held.event().taskId()));
    }
}
