package dev.podium.rankingstream;

import dev.podium.contracts.Topics;
import java.time.Duration;
import java.util.function.Function;
import java.util.function.LongSupplier;
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
 *  rlhf.tasks.v1 ────┐                                           ┌─▶ rlhf.preferences.v1
 *                    ├─▶ task (stores: tasks, rankings, parked, ─┼─▶ rlhf.dead-letters.v1
 *  rlhf.rankings.v1 ─┤    counted, pending-shares, decisions,    ├─▶ labeler-shares (repartition)
 *                    │    weights, reliabilities,                └─▶ project-shares (repartition)
 *  rlhf.adjudi-      │    tasks-of-labelers, weighed-anew)
 *     cations.v1 ────┤
 *                    └── reliability-broadcast (to every partition) ◀── reliability-relay ◀── rlhf.reliabilities.v1
 *                                                                               │
 *  labeler-shares ───────▶ labeler (store: labelers) ◀──────────────────────────┘
 *                                      └─────────────────────────────▶ rlhf.labelers.v1
 *  project-shares ───────▶ project (store: projects) ────────────────▶ rlhf.projects.v1
 * </pre>
 *
 * Everything is keyed by task id up to the repartitions, so all facts of a task meet in one partition; a labeler's
 * weight is a fact of all tasks and goes to all partitions.
 */
final class RankingTopology {
    static final String TASKS = "tasks";
    static final String RANKINGS = "rankings";
    static final String PARKED = "parked";
    static final String LABELERS = "labelers";
    static final String PROJECTS = "projects";
    static final String COUNTED = "counted";
    // Named by what an earlier version kept in it; what is due today is in it.
    static final String PENDING = "pending-shares";
    static final String DECISIONS = "decisions";
    static final String WEIGHTS = "weights";
    static final String RELIABILITIES = "reliabilities";
    static final String TASKS_OF_LABELERS = "tasks-of-labelers";
    static final String WEIGHED_ANEW = "weighed-anew";
    static final String BEFORE_COMMIT = "before-commit";
    static final String PREFERENCES_SINK = "preferences-sink";
    static final String DEAD_LETTERS_SINK = "dead-letters-sink";
    static final String SHARES_SINK = "labeler-shares-sink";
    static final String PROJECT_SHARES_SINK = "project-shares-sink";

    static final String RELIABILITY_BROADCAST_SINK = "reliability-broadcast-sink";
    static final String RELIABILITY_DEAD_LETTERS_SINK = "reliability-dead-letters-sink";
    static final String LABELER = "labeler";

    private static final String TASK = "task";
    private static final String RELAY = "reliability-relay";
    private static final String PROJECT = "project";
    private static final AutoOffsetReset FROM_THE_START = AutoOffsetReset.earliest();
    // Streams stops at a record without a timestamp; here time is in the events, so none is as good as the first.
    private static final TimestampExtractor TIME = (record, partitionTime) -> Math.max(0, record.timestamp());

    private RankingTopology() {}

    /** The clock of this machine that never jumps. */
    static final LongSupplier STEADY_MILLIS = () -> System.nanoTime() / 1_000_000;

    /**
     * @param topics names of the repartition topics; they must exist with the partition count of the others
     * @param parkTime how long a ranking waits for its task
     * @param stores makes the store of a name
     * @param steadyMillis a clock that never jumps
     */
    static Topology build(
            Repartitions topics,
            Duration parkTime,
            Function<String, KeyValueBytesStoreSupplier> stores,
            StreamMetrics metrics,
            LongSupplier steadyMillis) {
        ByteArrayDeserializer in = new ByteArrayDeserializer();
        ByteArraySerializer out = new ByteArraySerializer();
        return new Topology()
                .addSource(FROM_THE_START, "tasks-source", TIME, in, in, Topics.TASKS)
                .addSource(FROM_THE_START, "rankings-source", TIME, in, in, Topics.RANKINGS)
                .addSource(FROM_THE_START, "adjudications-source", TIME, in, in, Topics.ADJUDICATIONS)
                .addSource(FROM_THE_START, "reliability-broadcast-source", TIME, in, in, topics.reliabilities())
                .addProcessor(
                        TASK,
                        () -> metrics.traced(new TaskProcessor(parkTime, metrics, steadyMillis)),
                        "tasks-source",
                        "rankings-source",
                        "adjudications-source",
                        "reliability-broadcast-source")
                .addStateStore(store(stores.apply(TASKS)), TASK)
                .addStateStore(store(stores.apply(RANKINGS)), TASK)
                .addStateStore(store(stores.apply(PARKED)), TASK)
                .addStateStore(store(stores.apply(COUNTED)), TASK)
                .addStateStore(store(Stores.inMemoryKeyValueStore(PENDING)), TASK)
                .addStateStore(store(stores.apply(DECISIONS)), TASK)
                .addStateStore(store(stores.apply(WEIGHTS)), TASK)
                .addStateStore(store(stores.apply(RELIABILITIES)), TASK)
                .addStateStore(store(stores.apply(TASKS_OF_LABELERS)), TASK)
                .addStateStore(store(stores.apply(WEIGHED_ANEW)), TASK)
                .addStateStore(BeforeCommit.builder(BEFORE_COMMIT), TASK)
                .addSink(PREFERENCES_SINK, Topics.PREFERENCES, out, out, TASK)
                .addSink(DEAD_LETTERS_SINK, Topics.DEAD_LETTERS, out, out, TASK)
                .addSink(SHARES_SINK, topics.labelerShares(), out, out, TASK)
                .addSink(PROJECT_SHARES_SINK, topics.projectShares(), out, out, TASK)
                .addSource(FROM_THE_START, "labeler-shares-source", TIME, in, in, topics.labelerShares())
                .addSource(FROM_THE_START, "reliabilities-source", TIME, in, in, Topics.RELIABILITIES)
                .addProcessor(RELAY, () -> new ReliabilityRelay(metrics), "reliabilities-source")
                .addSink(RELIABILITY_BROADCAST_SINK, topics.reliabilities(), out, out, ReliabilityRelay.toAll(), RELAY)
                .addSink(RELIABILITY_DEAD_LETTERS_SINK, Topics.DEAD_LETTERS, out, out, RELAY)
                .addProcessor(
                        LABELER,
                        () -> new SummingProcessor<>(LABELERS, LabelerShare.class, steadyMillis),
                        "labeler-shares-source",
                        RELAY)
                .addStateStore(store(stores.apply(LABELERS)), LABELER)
                .addSink("labelers-sink", Topics.LABELERS, out, out, LABELER)
                .addSource(FROM_THE_START, "project-shares-source", TIME, in, in, topics.projectShares())
                .addProcessor(
                        PROJECT,
                        () -> new SummingProcessor<>(PROJECTS, ProjectShare.class, steadyMillis),
                        "project-shares-source")
                .addStateStore(store(stores.apply(PROJECTS)), PROJECT)
                .addSink("projects-sink", Topics.PROJECTS, out, out, PROJECT);
    }

    private static StoreBuilder<KeyValueStore<String, byte[]>> store(KeyValueBytesStoreSupplier supplier) {
        return Stores.keyValueStoreBuilder(supplier, Serdes.String(), Serdes.ByteArray());
    }
}
