package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.LabelerReliability;
import dev.podium.contracts.LabelerStatistics;
import dev.podium.contracts.Topics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.Stores;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** When tasks ask Kafka Streams for a commit. */
class CommitRequestsTest {
    private static final long NOON = Facts.NOON.toEpochMilli();

    private final AtomicLong clock = new AtomicLong();
    private final LongSupplier steadyMillis = clock::get;
    private final StreamMetrics metrics = new StreamMetrics(new SimpleMeterRegistry());
    private final BeforeCommit beforeCommit =
            BeforeCommit.builder(RankingTopology.BEFORE_COMMIT).build();
    private MockProcessorContext<byte[], byte[]> context;

    @TempDir
    Path folder;

    @BeforeEach
    void aContext() {
        context = context("200");
    }

    @Test
    void aTaskWithoutRecordsAsksForNoCommit() {
        TaskProcessor task = task();

        assertEquals(0, asked(100));

        process(task, Topics.TASKS, "t", Facts.task("t"));
        assertEquals(1, asked(100), "and then for one");
    }

    @Test
    void liveRecordsAreCommittedFiveTimesASecondAlsoAtAnIntervalOfThatLength() {
        TaskProcessor task = task();
        process(task, Topics.TASKS, "t", Facts.task("t"));
        asked(20);
        int asked = 0;
        for (int i = 1; i <= 100; i++) {
            process(task, Topics.RANKINGS, "t", Facts.ranking("t", "ann", i, "a>b>c"));
            asked += asked(1);
        }

        assertTrue(asked >= 8 && asked <= 10, asked + " in two seconds");
    }

    @Test
    void whereACommitTakesLongerThanTheTimeBetweenTwoThereIsTimeForWork() {
        TaskProcessor task = task();
        process(task, Topics.TASKS, "t", Facts.task("t"));
        for (int i = 0; !turn(); i++) {
            assertTrue(i < 100);
        }
        clock.addAndGet(250);

        process(task, Topics.RANKINGS, "t", Facts.ranking("t", "ann", 1, "a>b>c"));

        assertEquals(0, asked(9), "in the first 180 ms");
        assertEquals(1, asked(2), "in the first 220 ms");
    }

    @Test
    void recordsOfALogThatIsWorkedOffAreCommittedAtKafkaStreamsOwnInterval() {
        TaskProcessor task = task();
        context.setCurrentSystemTimeMs(NOON + 60_000);
        process(task, Topics.TASKS, "t", Facts.task("t"));

        assertEquals(0, asked(100));
    }

    @Test
    void weightsAreRelayedWithoutACommitForEach() {
        ReliabilityRelay relay = new ReliabilityRelay(metrics);
        relay.init(context);
        context.setRecordMetadata(Topics.RELIABILITIES, 0, 0);
        for (int i = 0; i < 100; i++) {
            LabelerReliability weight = Facts.reliability("l" + i, 1, 0.5);
            String key = LabelerStatistics.key(weight.projectId(), weight.labelerId());
            relay.process(new Record<>(key.getBytes(UTF_8), EventJson.write(weight), 0));
        }

        assertFalse(context.committed());
        assertEquals(200, context.forwarded().size());
    }

    @Test
    void figuresThatChangeSoonAfterACommitWaitForTheNextOneAndNoLonger() {
        // Given a commit
        SummingProcessor<LabelerShare> sums = sums();
        clock.set(200);
        sums.process(share("ann"));
        assertTrue(turn());

        // When a figure changes, and nothing follows
        clock.addAndGet(100);
        sums.process(share("ann"));
        assertFalse(turn());
        assertEquals(2, context.forwarded().size());

        // Then it is committed in time
        clock.addAndGet(100);
        assertTrue(turn());
        clock.addAndGet(300);
        assertFalse(turn());
    }

    @Test
    void sumsOfOneThreadAskForItsCommitsTogether() {
        SummingProcessor<LabelerShare> first = sums();
        MockProcessorContext<byte[], byte[]> firstContext = context;
        context = context("1000");
        SummingProcessor<LabelerShare> second = sums();
        MockProcessorContext<byte[], byte[]> secondContext = context;
        int asked = 0;
        for (int beat = 0; beat < 20; beat++) {
            first.process(share("ann"));
            context = firstContext;
            asked += turn() ? 1 : 0;
            clock.addAndGet(30);
            second.process(share("bob"));
            context = secondContext;
            asked += turn() ? 1 : 0;
            clock.addAndGet(70);
        }

        assertTrue(asked >= 6 && asked <= 10, asked + " in two seconds");
    }

    private MockProcessorContext<byte[], byte[]> context(String interval) {
        Properties settings = new Properties();
        settings.put("application.id", "test");
        settings.put("bootstrap.servers", "none:1");
        settings.put("commit.interval.ms", interval);
        MockProcessorContext<byte[], byte[]> made =
                new MockProcessorContext<>(settings, new TaskId(0, 0), folder.toFile());
        made.setCurrentSystemTimeMs(NOON);
        return made;
    }

    private TaskProcessor task() {
        for (String store : List.of(
                RankingTopology.TASKS,
                RankingTopology.RANKINGS,
                RankingTopology.PARKED,
                RankingTopology.COUNTED,
                RankingTopology.PENDING,
                RankingTopology.DECISIONS,
                RankingTopology.WEIGHTS,
                RankingTopology.RELIABILITIES,
                RankingTopology.TASKS_OF_LABELERS,
                RankingTopology.WEIGHED_ANEW)) {
            store(store);
        }
        beforeCommit.init(context.getStateStoreContext(), beforeCommit);
        TaskProcessor task = new TaskProcessor(Duration.ofMinutes(10), metrics, steadyMillis);
        task.init(context);
        // An empty store is surveyed at once.
        asked(60);
        return task;
    }

    private SummingProcessor<LabelerShare> sums() {
        store(RankingTopology.LABELERS);
        SummingProcessor<LabelerShare> sums =
                new SummingProcessor<>(RankingTopology.LABELERS, LabelerShare.class, steadyMillis);
        sums.init(context);
        return sums;
    }

    private void store(String name) {
        var store = Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(name), Serdes.String(), Serdes.ByteArray())
                .withLoggingDisabled()
                .build();
        store.init(context.getStateStoreContext(), store);
    }

    private static Record<byte[], byte[]> share(String labeler) {
        LabelerShare share = LabelerShare.of(Facts.reliability(labeler, 1, 0.5));
        return new Record<>(share.key().getBytes(UTF_8), EventJson.write(share), NOON);
    }

    private void process(TaskProcessor task, String topic, String key, Object event) {
        context.setRecordMetadata(topic, 0, 0);
        task.process(new Record<>(key.getBytes(UTF_8), EventJson.write(event), NOON));
    }

    /** How many commits are asked for in some turns of 20 ms. */
    private int asked(int turns) {
        int asked = 0;
        for (int i = 0; i < turns; i++) {
            clock.addAndGet(20);
            asked += turn() ? 1 : 0;
        }
        return asked;
    }

    /** What has to be done at its time is done; whether a commit was asked for, which is done then. */
    private boolean turn() {
        context.scheduledPunctuators().forEach(each -> each.getPunctuator().punctuate(NOON));
        boolean committed = context.committed();
        if (committed) {
            context.resetCommit();
            beforeCommit.flushCache();
        }
        return committed;
    }
}
