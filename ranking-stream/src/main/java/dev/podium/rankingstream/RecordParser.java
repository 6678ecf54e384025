package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.LabelerReliability;
import dev.podium.contracts.LabelerStatistics;
import dev.podium.contracts.Output;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.Task;
import dev.podium.contracts.TaskAdjudicated;
import dev.podium.contracts.Topics;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/** From raw bytes to events; what is wrong is said by a {@link RejectedRecord}. */
final class RecordParser {
    /** Largest value that is taken. */
    static final int MAX_VALUE_BYTES = Topics.MAX_FACT_BYTES;

    private static final int KNOWN_VERSION = 1;

    private RecordParser() {}

    static Task task(Record<byte[], byte[]> record) throws RejectedRecord {
        Task task = parse(record, Task.class);
        requireKey(record.key(), task.taskId());
        return task;
    }

    static RankingEvent ranking(Record<byte[], byte[]> record) throws RejectedRecord {
        RankingEvent event = parse(record, RankingEvent.class);
        requireKey(record.key(), event.taskId());
        return event;
    }

    static TaskAdjudicated adjudication(Record<byte[], byte[]> record) throws RejectedRecord {
        TaskAdjudicated event = parse(record, TaskAdjudicated.class);
        requireKey(record.key(), event.taskId());
        return event;
    }

    static void requireFits(TaskAdjudicated event, Task task) throws RejectedRecord {
        if (!event.projectId().equals(task.projectId())) {
            throw new RejectedRecord(
                    "wrong_project",
                    "the decision is of project " + event.projectId() + ", its task of " + task.projectId());
        }
        for (List<String> group : event.groups()) {
            requireOutputs(group, task);
        }
    }

    static LabelerReliability reliability(Record<byte[], byte[]> record) throws RejectedRecord {
        LabelerReliability reliability = parse(record, LabelerReliability.class);
        String key = LabelerStatistics.key(reliability.projectId(), reliability.labelerId());
        if (!Arrays.equals(record.key(), key.getBytes(UTF_8))) {
            throw new RejectedRecord(
                    "wrong_key", "the key is " + new String(record.key(), UTF_8) + ", the value is of " + key);
        }
        return reliability;
    }

    /** Rankings name outputs by id: a task may be published anew, but not as another task. */
    static void requireSameTask(Task before, Task after) throws RejectedRecord {
        if (!before.projectId().equals(after.projectId())) {
            throw new RejectedRecord(
                    "wrong_project", "task " + after.taskId() + " belongs to project " + before.projectId());
        }
        if (!texts(before).equals(texts(after))) {
            throw new RejectedRecord(
                    "outputs_changed",
                    "the outputs of task " + after.taskId()
                            + " have other ids or texts than those that were ranked; make a new task of them");
        }
    }

    static void requireFits(RankingEvent event, Task task) throws RejectedRecord {
        if (!event.projectId().equals(task.projectId())) {
            throw new RejectedRecord(
                    "wrong_project",
                    "the ranking is of project " + event.projectId() + ", its task of " + task.projectId());
        }
        if (event instanceof RankingSubmitted ranking) {
            for (List<String> group : ranking.groups()) {
                requireOutputs(group, task);
            }
            requireOutputs(ranking.unacceptable(), task);
        }
    }

    private static <T> T parse(Record<byte[], byte[]> record, Class<T> type) throws RejectedRecord {
        byte @Nullable [] key = record.key();
        byte @Nullable [] value = record.value();
        if (key == null) {
            throw new RejectedRecord("null_key", "the record has no key; it must be the task id");
        }
        if (value == null) {
            throw new RejectedRecord("null_value", "the record has no value");
        }
        requireKnownVersion(record.headers());
        if (value.length > MAX_VALUE_BYTES) {
            throw new RejectedRecord(
                    "too_large", "the value has " + value.length + " bytes, the limit is " + MAX_VALUE_BYTES);
        }
        try {
            return EventJson.read(value, type);
        } catch (InvalidEventException e) {
            throw new RejectedRecord("invalid_json", String.valueOf(e.getMessage()));
        }
    }

    private static void requireKnownVersion(Headers headers) throws RejectedRecord {
        Optional<String> other = CloudEvents.otherVersion(headers, KNOWN_VERSION);
        if (other.isPresent()) {
            throw new RejectedRecord(
                    "unknown_version",
                    "ce_type " + other.get() + " is not of major version " + KNOWN_VERSION
                            + "; upgrade ranking-stream, then replay");
        }
    }

    private static void requireKey(byte[] key, String taskId) throws RejectedRecord {
        if (!Arrays.equals(key, taskId.getBytes(UTF_8))) {
            throw new RejectedRecord(
                    "wrong_key", "the key is " + new String(key, UTF_8) + ", the task id in the value " + taskId);
        }
    }

    private static Map<String, String> texts(Task task) {
        return task.outputs().stream().collect(Collectors.toMap(Output::id, Output::text));
    }

    /** A task has few outputs: to look at each is faster than to make a set of them. */
    private static void requireOutputs(List<String> ids, Task task) throws RejectedRecord {
        for (String id : ids) {
            boolean known = false;
            for (Output output : task.outputs()) {
                known = known || output.id().equals(id);
            }
            if (!known) {
                throw new RejectedRecord("unknown_output", "output " + id + " does not belong to the task");
            }
        }
    }
}
