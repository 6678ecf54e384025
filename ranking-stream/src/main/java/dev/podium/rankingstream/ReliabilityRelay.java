package dev.podium.rankingstream;

import static java.util.Objects.requireNonNull;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.LabelerReliability;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.streams.processor.StreamPartitioner;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.jspecify.annotations.Nullable;

/** Carries a labeler's weight to every partition of tasks, and to the labeler's figures. */
final class ReliabilityRelay implements Processor<byte[], byte[], byte[], byte[]> {
    private final StreamMetrics metrics;
    private @Nullable ProcessorContext<byte[], byte[]> context;

    ReliabilityRelay(StreamMetrics metrics) {
        this.metrics = metrics;
    }

    /** A labeler has ranked tasks of any partition. */
    static StreamPartitioner<byte[], byte[]> toAll() {
        return (topic, key, value, partitions) -> Optional.of(all(partitions));
    }

    private static Set<Integer> all(int partitions) {
        return IntStream.range(0, partitions).boxed().collect(Collectors.toSet());
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> newContext) {
        context = newContext;
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        ProcessorContext<byte[], byte[]> out = requireNonNull(context);
        try {
            LabelerReliability weight = RecordParser.reliability(record);
            out.forward(record, RankingTopology.RELIABILITY_BROADCAST_SINK);
            out.forward(record.withValue(EventJson.write(LabelerShare.of(weight))), RankingTopology.LABELER);
        } catch (RejectedRecord e) {
            RecordMetadata origin = out.recordMetadata().orElseThrow();
            metrics.rejected(e.reason());
            out.forward(
                    DeadLetters.of(record, e, origin.topic(), origin.partition(), origin.offset()),
                    RankingTopology.RELIABILITY_DEAD_LETTERS_SINK);
        }
    }
}
