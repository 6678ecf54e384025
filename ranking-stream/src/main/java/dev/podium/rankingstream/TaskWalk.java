package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * A walk past all tasks of a partition, in the order of their ids, a slice at a time. Where it stands is a row, so it
 * goes on in the next transaction, or in the next process. A task that comes behind it while it lasts is not met.
 */
final class TaskWalk {
    private final String name;
    private final KeyValueStore<String, byte[]> positions;
    private Optional<String> last;

    /** @param name of its row */
    TaskWalk(String name, KeyValueStore<String, byte[]> positions) {
        this.name = name;
        this.positions = positions;
        this.last = Optional.ofNullable(positions.get(name)).map(row -> new String(row, UTF_8));
    }

    /** Whether the task, known or not, lies behind. */
    boolean hasPassed(String taskId) {
        // As stores order their keys.
        return last.isPresent()
                && Arrays.compareUnsigned(taskId.getBytes(UTF_8), last.get().getBytes(UTF_8)) <= 0;
    }

    /** Goes on until time is up; true when it is through. */
    boolean goOn(TaskStore tasks, Consumer<TaskState> look, BooleanSupplier timeIsUp) {
        Optional<String> before = last;
        boolean through = tasks.walk(before, state -> {
            look.accept(state);
            last = Optional.of(state.task().orElseThrow().taskId());
            return !timeIsUp.getAsBoolean();
        });
        if (through) {
            positions.delete(name);
        } else if (!last.equals(before)) {
            positions.put(name, last.orElseThrow().getBytes(UTF_8));
        }
        return through;
    }
}
