package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.LabelerStatistics;
import java.util.Optional;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.jspecify.annotations.Nullable;

/** Sums the differences that tasks report per labeler, and publishes the labeler's figures. */
final class LabelerProcessor implements Processor<byte[], byte[], byte[], byte[]> {
    private @Nullable ProcessorContext<byte[], byte[]> context;
    private @Nullable KeyValueStore<String, byte[]> sums;

    @Override
    public void init(ProcessorContext<byte[], byte[]> newContext) {
        context = newContext;
        sums = newContext.getStateStore(RankingTopology.LABELERS);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        KeyValueStore<String, byte[]> store = requireNonNull(sums);
        String key = new String(record.key(), UTF_8);
        byte[] before = store.get(key);
        LabelerShare difference = read(record.value());
        LabelerShare sum = before == null ? difference : read(before).plus(difference);
        store.put(key, EventJson.write(sum));
        byte[] value = EventJson.write(statistics(sum));
        requireNonNull(context)
                .forward(record.withValue(value)
                        .withHeaders(TaskProcessor.headers(statistics(sum), key, sum.at(), value, record.headers())));
    }

    private static LabelerStatistics statistics(LabelerShare sum) {
        return new LabelerStatistics(
                sum.projectId(),
                sum.labelerId(),
                sum.rankings(),
                sum.corrections(),
                sum.retractions(),
                sum.pairsCompared(),
                sum.pairsAgreed(),
                TaskProcessor.RELIABILITY,
                sum.durations() == 0 ? Optional.empty() : Optional.of((double) sum.durationMillis() / sum.durations()),
                sum.at());
    }

    private static LabelerShare read(byte[] bytes) {
        try {
            return EventJson.read(bytes, LabelerShare.class);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a labeler's share cannot be read", e);
        }
    }
}
