package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.jspecify.annotations.Nullable;

/**
 * Adds up the differences that tasks report, and publishes the figures of each key that changed, once per beat: a labeler
 * who ranks ten tasks in a tenth of a second needs no ten records.
 *
 * <p>Sums are durable, what is still to be published is not: so each start publishes all figures once more.
 */
final class SummingProcessor<S extends Share<S>> implements Processor<byte[], byte[], byte[], byte[]> {
    static final Duration BEAT = Duration.ofMillis(100);

    private static final int MOST_HELD = 5_000;

    private final String storeName;
    private final Class<S> type;
    private final LongSupplier steadyMillis;
    private final Map<String, Change> changed = new HashMap<>();
    // The sums that changed last, as the store has them; spares reading each before it is changed again.
    private final Map<String, S> held = new LastUsed<>(MOST_HELD);
    private @Nullable ProcessorContext<byte[], byte[]> context;
    private @Nullable KeyValueStore<String, byte[]> sums;
    private boolean allToPublish;
    private boolean behind;
    private @Nullable LiveCommits commits;
    private long lastBeatMillis;

    /** What caused the newest change of a key. */
    private record Change(long timestamp, Optional<String> traceParent) {}

    /** @param steadyMillis a clock that never jumps */
    SummingProcessor(String storeName, Class<S> type, LongSupplier steadyMillis) {
        this.storeName = storeName;
        this.type = type;
        this.steadyMillis = steadyMillis;
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> newContext) {
        UnfinishedState.begins(newContext);
        context = newContext;
        sums = newContext.getStateStore(storeName);
        changed.clear();
        held.clear();
        allToPublish = true;
        lastBeatMillis = steadyMillis.getAsLong();
        behind = false;
        commits = new LiveCommits(TaskProcessor.commitEveryMillis(newContext), steadyMillis);
        newContext.schedule(BEAT, PunctuationType.WALL_CLOCK_TIME, nowMillis -> beat());
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        String key = new String(record.key(), UTF_8);
        S before = sum(key);
        S difference = read(record.value());
        // The record has the time at which it was written, whatever it is about.
        behind = requireNonNull(context).currentSystemTimeMs() - difference.at().toEpochMilli()
                > TaskProcessor.BEHIND_MILLIS;
        S sum = before == null ? difference : before.plus(difference);
        sums().put(key, EventJson.write(sum));
        held.put(key, sum);
        changed.put(key, new Change(record.timestamp(), CloudEvents.text(record.headers(), CloudEvents.TRACE_PARENT)));
        // Punctuation goes by the wall clock, which may go back for an hour.
        if (steadyMillis.getAsLong() - lastBeatMillis >= 2 * BEAT.toMillis()) {
            beat();
        }
    }

    private void beat() {
        lastBeatMillis = steadyMillis.getAsLong();
        if (allToPublish) {
            allToPublish = false;
            try (KeyValueIterator<String, byte[]> all = sums().all()) {
                while (all.hasNext()) {
                    changed.putIfAbsent(all.next().key, new Change(0, Optional.empty()));
                }
            }
        }
        if (!changed.isEmpty()) {
            changed.forEach(this::publish);
            changed.clear();
            requireNonNull(commits).changed();
        }
        if (!behind && requireNonNull(commits).wantsOne()) {
            requireNonNull(context).commit();
        }
    }

    private void publish(String key, Change change) {
        S sum = requireNonNull(sum(key));
        byte[] value = EventJson.write(sum.figures());
        RecordHeaders headers = TaskProcessor.headers(
                sum.figures(), key, sum.at(), value, change.traceParent().orElse(null));
        requireNonNull(context)
                .forward(new Record<>(
                        key.getBytes(UTF_8),
                        value,
                        Math.max(change.timestamp(), sum.at().toEpochMilli()),
                        headers));
    }

    private @Nullable S sum(String key) {
        S known = held.get(key);
        if (known == null) {
            byte @Nullable [] row = sums().get(key);
            if (row == null) {
                return null;
            }
            known = read(row);
            held.put(key, known);
        }
        return known;
    }

    private S read(byte[] bytes) {
        try {
            return EventJson.read(bytes, type);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a share of " + storeName + " cannot be read", e);
        }
    }

    private KeyValueStore<String, byte[]> sums() {
        return requireNonNull(sums);
    }
}
