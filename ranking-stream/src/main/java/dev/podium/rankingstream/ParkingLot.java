package dev.podium.rankingstream;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.Topics;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/** Rankings and decisions whose task has not arrived, one row each as it came; they wait for a bounded time. */
final class ParkingLot {
    private static final String SEPARATOR = "\0";

    private final KeyValueStore<String, byte[]> rows;
    // A row that came earlier than this is not there; spares the scan while nothing is due. Unknown after a start.
    private long oldestMillis = Long.MIN_VALUE;
    // Of what this process parked; a later time is that of another clock.
    private long latestMillis = Long.MIN_VALUE;

    ParkingLot(KeyValueStore<String, byte[]> rows) {
        this.rows = rows;
    }

    /**
     * A record that waits.
     *
     * @param topic it came by; rows of before have none, and are rankings
     * @param value the raw bytes
     * @param sinceMillis when it was parked, by the clock of the process that did it
     */
    record Parked(
            Optional<String> topic,
            String taskId,
            byte[] key,
            byte[] value,
            List<ParkedHeader> headers,
            long timestamp,
            int partition,
            long offset,
            long sinceMillis) {
        Parked {
            topic = topic == null ? Optional.empty() : topic;
        }

        String origin() {
            return topic.orElse(Topics.RANKINGS);
        }

        Record<byte[], byte[]> record() {
            RecordHeaders all = new RecordHeaders();
            headers.forEach(header -> all.add(header.name(), header.value().length == 0 ? null : header.value()));
            return new Record<>(key, value, timestamp, all);
        }
    }

    /** One header; a null value is kept as an empty one. */
    record ParkedHeader(String name, byte[] value) {}

    void park(String taskId, Record<byte[], byte[]> record, RecordMetadata origin, long nowMillis) {
        List<ParkedHeader> headers = new ArrayList<>();
        for (Header header : record.headers()) {
            headers.add(new ParkedHeader(header.key(), header.value() == null ? new byte[0] : header.value()));
        }
        Parked parked = new Parked(
                Optional.of(origin.topic()),
                taskId,
                record.key(),
                record.value(),
                headers,
                record.timestamp(),
                origin.partition(),
                origin.offset(),
                nowMillis);
        rows.put(rowKey(parked), EventJson.write(parked));
        oldestMillis = Math.min(oldestMillis, nowMillis);
        latestMillis = Math.max(latestMillis, nowMillis);
    }

    /** What waits for a task, in the order of each log; it waits no more. */
    List<Parked> take(String taskId) {
        List<Parked> taken = new ArrayList<>();
        try (KeyValueIterator<String, byte[]> all = rows.prefixScan(taskId + SEPARATOR, new StringSerializer())) {
            while (all.hasNext()) {
                Parked parked = read(all.next().value);
                if (parked.taskId().equals(taskId)) {
                    taken.add(parked);
                }
            }
        }
        taken.forEach(parked -> rows.delete(rowKey(parked)));
        return taken;
    }

    /**
     * Takes what has waited since this time or longer, so many at most; the next look takes the rest.
     *
     * @param startMillis of this process: what another one parked counts from here on
     */
    List<Parked> takeOlder(long limitMillis, long startMillis, int most) {
        if (oldestMillis > limitMillis) {
            return List.of();
        }
        List<Parked> taken = new ArrayList<>();
        long oldest = Long.MAX_VALUE;
        try (KeyValueIterator<String, byte[]> all = rows.all()) {
            while (all.hasNext() && taken.size() < most) {
                KeyValue<String, byte[]> row = all.next();
                Parked parked = read(row.value);
                long since =
                        parked.sinceMillis() > latestMillis ? startMillis : Math.max(startMillis, parked.sinceMillis());
                if (since <= limitMillis) {
                    taken.add(parked);
                } else {
                    oldest = Math.min(oldest, since);
                }
            }
        }
        oldestMillis = taken.size() < most ? oldest : Long.MIN_VALUE;
        taken.forEach(parked -> rows.delete(rowKey(parked)));
        return taken;
    }

    private static String rowKey(Parked parked) {
        // Digits of fixed width, so that rows sort as the log does.
        return parked.taskId()
                + SEPARATOR
                + String.format(Locale.ROOT, "%010d-%019d", parked.partition(), parked.offset())
                // The same place in two logs is two rows.
                + (parked.origin().equals(Topics.RANKINGS) ? "" : SEPARATOR + parked.origin());
    }

    private static Parked read(byte[] row) {
        try {
            return EventJson.read(row, Parked.class);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a parked record cannot be read", e);
        }
    }
}
