package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Differences on their way to one kind of sum: added up per key until the next beat, so that a tenth of a second with
 * hundreds of rankings sends one record per labeler, and one for the project. What has not been sent is in a store, so
 * nothing is lost or sent twice.
 */
final class PendingShares<S extends Share<S>> {
    private final String prefix;
    private final Class<S> type;
    private final KeyValueStore<String, byte[]> store;
    private final Map<String, Pending<S>> pending = new LinkedHashMap<>();

    private record Pending<S>(S share, long timestamp, Optional<String> traceParent) {}

    /** @param prefix of the keys in the store, which kinds share */
    PendingShares(String prefix, Class<S> type, KeyValueStore<String, byte[]> store) {
        this.prefix = prefix;
        this.type = type;
        this.store = store;
        // What an earlier process has not sent.
        try (KeyValueIterator<String, byte[]> all = store.all()) {
            while (all.hasNext()) {
                KeyValue<String, byte[]> row = all.next();
                if (row.key.startsWith(prefix)) {
                    S share = read(row.value);
                    pending.put(share.key(), new Pending<>(share, share.at().toEpochMilli(), Optional.empty()));
                }
            }
        }
    }

    void add(S share, long timestamp, Optional<String> traceParent) {
        if (share.isNothing()) {
            return;
        }
        Pending<S> before = pending.get(share.key());
        S sum = before == null ? share : before.share().plus(share);
        store.put(prefix + share.key(), EventJson.write(sum));
        pending.put(share.key(), new Pending<>(sum, timestamp, traceParent));
    }

    /** What is to be sent; it waits no more. */
    List<Record<byte[], byte[]>> take() {
        List<Record<byte[], byte[]>> records = new ArrayList<>();
        pending.forEach((key, each) -> {
            store.delete(prefix + key);
            if (!each.share().isNothing()) {
                RecordHeaders headers = new RecordHeaders();
                each.traceParent().ifPresent(trace -> headers.add(CloudEvents.TRACE_PARENT, trace.getBytes(UTF_8)));
                records.add(new Record<>(
                        key.getBytes(UTF_8), EventJson.write(each.share()), Math.max(0, each.timestamp()), headers));
            }
        });
        pending.clear();
        return records;
    }

    private S read(byte[] bytes) {
        try {
            return EventJson.read(bytes, type);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a pending share cannot be read", e);
        }
    }
}
