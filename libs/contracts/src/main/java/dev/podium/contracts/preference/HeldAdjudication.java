package dev.podium.contracts.preference;

import dev.podium.contracts.Output;
import dev.podium.contracts.Task;
import dev.podium.contracts.TaskAdjudicated;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** A decision about a task, and where it stands in the log of decisions. */
public record HeldAdjudication(TaskAdjudicated event, int partition, long offset) {
    /** Which of two counts: the higher revision; of equal ones the smaller event id, of one event the earlier copy. */
    public HeldAdjudication and(HeldAdjudication other) {
        int byRevision = Integer.compare(event.revision(), other.event.revision());
        if (byRevision != 0) {
            return byRevision > 0 ? this : other;
        }
        int byEvent = event.eventId().compareTo(other.event.eventId());
        if (byEvent != 0) {
            return byEvent < 0 ? this : other;
        }
        return offset <= other.offset ? this : other;
    }

    /** Whether it decides this task: it is not taken back, and names outputs of the task alone. */
    public boolean decides(Task task) {
        Set<String> known = task.outputs().stream().map(Output::id).collect(Collectors.toSet());
        return !event.groups().isEmpty()
                && event.projectId().equals(task.projectId())
                && known.containsAll(
                        event.groups().stream().flatMap(List::stream).toList());
    }
}
