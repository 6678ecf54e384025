package dev.podium.training.data;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.DataSetLine;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundCommand.PartitionEnd;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the preference sets of a project as they were when the round was triggered: per task the last record before the
 * pin. Later records are not used.
 */
public final class PinnedPreferences {
    private static final Logger LOG = LoggerFactory.getLogger(PinnedPreferences.class);
    // The topic is not compacted for a day, so within it nothing can be missing; an hour for clocks.
    private static final Duration SURELY_THERE = Duration.ofHours(23);

    private PinnedPreferences() {}

    /**
     * Reads.
     *
     * @param wanted sets to keep, of those of the project
     * @param heldOutShare see {@link Split}
     */
    public static DataSet read(
            BoundedReader reader,
            RoundCommand.StartRound command,
            Predicate<PreferenceSet> wanted,
            double heldOutShare,
            Instant now) {
        Map<TopicPartition, Long> pin = pin(command.dataPin(), reader.partitions(Topics.PREFERENCES));
        Map<TopicPartition, Long> beginnings = reader.beginnings(pin.keySet());
        Map<String, DataSetLine> last = new HashMap<>();
        int[] unreadable = {0};
        reader.read(beginnings, pin, record -> {
            take(record, command.projectId(), heldOutShare, last, unreadable);
            return true;
        });
        int missing = unreadable[0];
        if (command.at().isBefore(now.minus(SURELY_THERE))) {
            missing += replacedSince(reader, command.projectId(), pin, last.keySet());
        }
        List<DataSetLine> kept = new ArrayList<>(last.values());
        kept.removeIf(line -> !wanted.test(line.set()));
        if (kept.stream().allMatch(DataSetLine::heldOut)) {
            // A handful of prompts must not all be held out.
            kept.replaceAll(line -> new DataSetLine(line.topic(), line.partition(), line.offset(), false, line.set()));
        }
        LOG.info(
                "round {}: {} preference sets of project {} up to the pin, {} of them usable, {} missing",
                command.roundId(),
                last.size(),
                command.projectId(),
                kept.size(),
                missing);
        return new DataSet(kept, missing);
    }

    private static Map<TopicPartition, Long> pin(List<PartitionEnd> ends, List<TopicPartition> existing) {
        Map<TopicPartition, Long> pin = new HashMap<>();
        for (PartitionEnd end : ends) {
            TopicPartition partition = new TopicPartition(Topics.PREFERENCES, end.partition());
            if (end.endOffset() > 0 && existing.contains(partition)) {
                pin.put(partition, end.endOffset());
            }
        }
        return pin;
    }

    private static void take(
            ConsumerRecord<byte[], byte[]> record,
            String projectId,
            double heldOutShare,
            Map<String, DataSetLine> last,
            int[] unreadable) {
        if (record.key() == null) {
            unreadable[0]++;
            return;
        }
        String key = new String(record.key(), UTF_8);
        if (record.value() == null) {
            last.remove(key);
            return;
        }
        try {
            CloudEvents.requireVersion(record.headers(), 1);
            PreferenceSet set = EventJson.read(record.value(), PreferenceSet.class);
            if (!set.taskId().equals(key)) {
                throw new InvalidEventException("the key is " + key + ", the task " + set.taskId(), null);
            }
            if (set.projectId().equals(projectId)) {
                boolean heldOut = Split.isHeldOut(set.prompt(), heldOutShare);
                last.put(key, new DataSetLine(record.topic(), record.partition(), record.offset(), heldOut, set));
            }
        } catch (InvalidEventException e) {
            // An older set of the task is not what is known of it, so it is not used either.
            last.remove(key);
            unreadable[0]++;
            LOG.warn(
                    "a preference set is left out: {} ({}-{}@{})",
                    e.getMessage(),
                    record.topic(),
                    record.partition(),
                    record.offset());
        }
    }

    /** Tasks that have a record behind the pin but none before it: at most so many were compacted away since. */
    private static int replacedSince(
            BoundedReader reader, String projectId, Map<TopicPartition, Long> pin, Set<String> known) {
        Set<String> replaced = new HashSet<>();
        reader.read(pin, reader.ends(pin.keySet()), record -> {
            String key = record.key() == null ? "" : new String(record.key(), UTF_8);
            if (record.value() != null && !known.contains(key) && isOf(record.value(), projectId)) {
                replaced.add(key);
            }
            return true;
        });
        return replaced.size();
    }

    private static boolean isOf(byte[] value, String projectId) {
        try {
            return EventJson.read(value, PreferenceSet.class).projectId().equals(projectId);
        } catch (InvalidEventException e) {
            return false;
        }
    }
}
