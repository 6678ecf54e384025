package dev.podium.rankingstream;

import dev.podium.contracts.Topics;
import java.time.Duration;
import java.util.function.Function;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * The topology, a pure function of its configuration.
 *
 * <pre>
 *  rlhf.tasks.v1 ────┐
 *                    ├─▶ task (stores: tasks, rankings, parked) ─┬─▶ rlhf.preferences.v1
 *  rlhf.rankings.v1 ─┘                                           ├─▶ rlhf.dead-letters.v1
 *                                                                └─▶ labeler-shares (repartition)
 *  labeler-shares ───────▶ labeler (store: labelers) ────────────────▶ rlhf.labelers.v1
 * </pre>
 *
 * Everything is keyed by task id up to the repartition by labeler, so all facts of a task meet in one partition.
 */
final class RankingTopology {
    static final String TASKS = "tasks";
    static final String RANKINGS = "rankings";
    static final String PARKED = "parked";
    static final String LABELERS = "labelers";
    static final String PREFERENCES_SINK = "preferences-sink";
    static final String DEAD_LETTERS_SINK = "dead-letters-sink";
    static final String SHARES_SINK = "labeler-shares-sink";

    private static final String TASK = "task";
    private static final String LABELER = "labeler";
    private static final AutoOffsetReset FROM_THE_START = AutoOffsetReset.earliest();
    // Streams stops at a record without a timestamp; here time is in the events, so none is as good as the first.
    private static final TimestampExtractor TIME = (record, partitionTime) -> Math.max(0, record.timestamp());

    private RankingTopology() {}

    /**
     * @param sharesTopic the repartition topic; it must exist with the partition count of the others
     * @param parkTime how long a ranking waits for its task
     * @param stores makes the store of a name
     */
    static Topology build(
            String sharesTopic,
            Duration parkTime,
            Function<String, KeyValueBytesStoreSupplier> stores,
            StreamMetrics metrics) {
        ByteArrayDeserializer in = new ByteArrayDeserializer();
        ByteArraySerializer out = new ByteArraySerializer();
        return new Topology()
                .addSource(FROM_THE_START, "tasks-source", TIME, in, in, Topics.TASKS)
                .addSource(FROM_THE_START, "rankings-source", TIME, in, in, Topics.RANKINGS)
                .addProcessor(TASK, () -> new TaskProcessor(parkTime, metrics), "tasks-source", "rankings-source")
                .addStateStore(store(stores.apply(TASKS)), TASK)
                .addStateStore(store(stores.apply(RANKINGS)), TASK)
                .addStateStore(store(stores.apply(PARKED)), TASK)
                .addSink(PREFERENCES_SINK, Topics.PREFERENCES, out, out, TASK)
                .addSink(DEAD_LETTERS_SINK, Topics.DEAD_LETTERS, out, out, TASK)
                .addSink(SHARES_SINK, sharesTopic, out, out, TASK)
                .addSource(FROM_THE_START, "labeler-shares-source", TIME, in, in, sharesTopic)
                .addProcessor(LABELER, LabelerProcessor::new, "labeler-shares-source")
                .addStateStore(store(stores.apply(LABELERS)), LABELER)
                .addSink("labelers-sink", Topics.LABELERS, out, out, LABELER);
    }

    private static StoreBuilder<KeyValueStore<String, byte[]>> store(KeyValueBytesStoreSupplier supplier) {
        return Stores.keyValueStoreBuilder(supplier, Serdes.String(), Serdes.ByteArray());
    }
}
