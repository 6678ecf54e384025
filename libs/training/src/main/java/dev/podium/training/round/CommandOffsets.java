package dev.podium.training.round;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * Which offsets may be committed: up to the first command that is not done, so that a trainer that dies gets all unfinished
 * commands again, and a cancellation behind them too.
 */
final class CommandOffsets {
    private final Map<TopicPartition, Progress> partitions = new HashMap<>();

    private static final class Progress {
        private final TreeSet<Long> open = new TreeSet<>();
        private long next;
        private long committed = -1;

        long committable() {
            return open.isEmpty() ? next : open.first();
        }
    }

    /** A record was read. */
    void taken(TopicPartition partition, long offset, boolean done) {
        Progress progress = partitions.computeIfAbsent(partition, p -> new Progress());
        progress.next = Math.max(progress.next, offset + 1);
        if (!done) {
            progress.open.add(offset);
        }
    }

    /** Its command is done. */
    void done(TopicPartition partition, long offset) {
        Progress progress = partitions.get(partition);
        if (progress != null) {
            progress.open.remove(offset);
        }
    }

    /** The partition belongs to another now. */
    void forget(TopicPartition partition) {
        partitions.remove(partition);
    }

    void clear() {
        partitions.clear();
    }

    /** What has changed since the last {@link #committed}. */
    Map<TopicPartition, OffsetAndMetadata> toCommit() {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        partitions.forEach((partition, progress) -> {
            if (progress.committable() > progress.committed) {
                offsets.put(partition, new OffsetAndMetadata(progress.committable()));
            }
        });
        return offsets;
    }

    /** These are stored. */
    void committed(Map<TopicPartition, OffsetAndMetadata> stored) {
        stored.forEach((partition, offset) -> {
            Progress progress = partitions.get(partition);
            if (progress != null) {
                progress.committed = offset.offset();
            }
        });
    }
}
