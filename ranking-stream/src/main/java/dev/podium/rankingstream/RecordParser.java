package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.Task;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/** From raw bytes to events; what is wrong is said by a {@link RejectedRecord}. */
final class RecordParser {
    private static final int KNOWN_VERSION = 1;

    private RecordParser() {}

    static <T> T parse(byte @Nullable [] key, byte @Nullable [] value, Headers headers, Class<T> type)
            throws RejectedRecord {
        if (key == null) {
            throw new RejectedRecord("null_key", "the record has no key; it must be the task id");
        }
        if (value == null) {
            throw new RejectedRecord("null_value", "the record has no value");
        }
        Optional<String> eventType = CloudEvents.text(headers, CloudEvents.TYPE);
        if (eventType.isPresent()) {
            Optional<Integer> version = CloudEvents.majorVersion(eventType.get());
            if (version.isEmpty() || version.get() != KNOWN_VERSION) {
                throw new RejectedRecord(
                        "unknown_version",
                        "ce_type " + eventType.get() + " is not of major version " + KNOWN_VERSION
                                + "; upgrade ranking-stream, then replay");
            }
        }
        try {
            return EventJson.read(value, type);
        } catch (InvalidEventException e) {
            throw new RejectedRecord("invalid_json", String.valueOf(e.getMessage()));
        }
    }

    static void requireKey(byte[] key, String taskId) throws RejectedRecord {
        String text = new String(key, UTF_8);
        if (!text.equals(taskId)) {
            throw new RejectedRecord("wrong_key", "the key is " + text + ", the task id in the value " + taskId);
        }
    }

    static void requireFits(RankingEvent event, Task task) throws RejectedRecord {
        if (!event.projectId().equals(task.projectId())) {
            throw new RejectedRecord(
                    "wrong_project",
                    "the ranking is of project " + event.projectId() + ", its task of " + task.projectId());
        }
        if (event instanceof RankingSubmitted ranking) {
            Set<String> known = task.outputs().stream().map(o -> o.id()).collect(Collectors.toSet());
            for (String id : ranking.groups().stream().flatMap(g -> g.stream()).toList()) {
                if (!known.contains(id)) {
                    throw new RejectedRecord("unknown_output", "output " + id + " does not belong to the task");
                }
            }
        }
    }
}
