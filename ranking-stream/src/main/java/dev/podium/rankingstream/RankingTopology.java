package dev.podium.rankingstream;

import dev.podium.contracts.Topics;
import java.time.Duration;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.Stores;

/**
 * The topology, a pure function of its configuration.
 *
 * <pre>
 *  rlhf.tasks.v1 ────┐
 *                    ├─▶ task (stores: task-states, parked-rankings) ─┬─▶ rlhf.preferences.v1
 *  rlhf.rankings.v1 ─┘                                                ├─▶ rlhf.dead-letters.v1
 *                                                                     └─▶ labeler-shares (repartition)
 *  labeler-shares ───────▶ labeler (store: labeler-sums) ───────────────▶ rlhf.labelers.v1
 * </pre>
 *
 * Everything is keyed by task id up to the repartition by labeler, so all facts of a task meet in one partition.
 */
final class RankingTopology {
    static final String STATES = "task-states";
    static final String PARKED = "parked-rankings";
    static final String LABELERS = "labeler-sums";
    static final String PREFERENCES_SINK = "preferences-sink";
    static final String DEAD_LETTERS_SINK = "dead-letters-sink";
    static final String SHARES_SINK = "labeler-shares-sink";

    private static final String TASK = "task";
    private static final String LABELER = "labeler";

    private RankingTopology() {}

    /**
     * @param sharesTopic the repartition topic; it must exist with the partition count of the others
     * @param parkTime how long a ranking waits for its task
     */
    static Topology build(String sharesTopic, Duration parkTime) {
        ByteArrayDeserializer in = new ByteArrayDeserializer();
        ByteArraySerializer out = new ByteArraySerializer();
        return new Topology()
                .addSource("tasks-source", in, in, Topics.TASKS)
                .addSource("rankings-source", in, in, Topics.RANKINGS)
                .addProcessor(TASK, () -> new TaskProcessor(parkTime), "tasks-source", "rankings-source")
                .addStateStore(
                        Stores.keyValueStoreBuilder(
                                Stores.persistentKeyValueStore(STATES), Serdes.String(), Serdes.ByteArray()),
                        TASK)
                .addStateStore(
                        Stores.keyValueStoreBuilder(
                                Stores.persistentKeyValueStore(PARKED), Serdes.String(), Serdes.ByteArray()),
                        TASK)
                .addSink(PREFERENCES_SINK, Topics.PREFERENCES, out, out, TASK)
                .addSink(DEAD_LETTERS_SINK, Topics.DEAD_LETTERS, out, out, TASK)
                .addSink(SHARES_SINK, sharesTopic, out, out, TASK)
                .addSource("labeler-shares-source", in, in, sharesTopic)
                .addProcessor(LABELER, LabelerProcessor::new, "labeler-shares-source")
                .addStateStore(
                        Stores.keyValueStoreBuilder(
                                Stores.persistentKeyValueStore(LABELERS), Serdes.String(), Serdes.ByteArray()),
                        LABELER)
                .addSink("labelers-sink", Topics.LABELERS, out, out, LABELER);
    }
}
