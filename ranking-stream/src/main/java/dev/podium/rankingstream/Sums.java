package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.api.Record;

/**
 * Differences of one kind that are sent together, added up per key: a hundred rankings send one record per labeler, and
 * one for the project. They live no longer than a method; what is still to be sent follows from {@link DueSets}.
 */
final class Sums<S extends Share<S>> {
    private final Map<String, Sum<S>> byKey = new LinkedHashMap<>();

    private record Sum<S>(S share, long timestamp, Optional<String> traceParent) {}

    void add(S share, long timestamp, Optional<String> traceParent) {
        if (share.isNothing()) {
            return;
        }
        byKey.merge(
                share.key(),
                new Sum<>(share, timestamp, traceParent),
                (some, more) -> new Sum<>(
                        some.share().plus(more.share()),
                        Math.max(some.timestamp(), more.timestamp()),
                        more.traceParent().or(some::traceParent)));
    }

    /** A record for each key whose sum changes. */
    List<Record<byte[], byte[]>> records() {
        List<Record<byte[], byte[]>> records = new ArrayList<>();
        byKey.forEach((key, sum) -> {
            if (!sum.share().isNothing()) {
                RecordHeaders headers = new RecordHeaders();
                sum.traceParent().ifPresent(trace -> headers.add(CloudEvents.TRACE_PARENT, trace.getBytes(UTF_8)));
                records.add(new Record<>(
                        key.getBytes(UTF_8), EventJson.write(sum.share()), Math.max(0, sum.timestamp()), headers));
            }
        });
        return records;
    }
}
