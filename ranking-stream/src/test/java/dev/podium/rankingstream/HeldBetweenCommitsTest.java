package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.LabelerReliability;
import dev.podium.contracts.LabelerStatistics;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.junit.jupiter.api.Test;

/**
 * What a task holds between commits: some are far from each other, some are followed by another process, and some
 * transactions are aborted, after which the same object begins again with the stores of the last commit.
 */
class HeldBetweenCommitsTest {
    private static final long NOON = Facts.NOON.toEpochMilli();
    private static final List<String> STORES = List.of(
            RankingTopology.TASKS,
            RankingTopology.RANKINGS,
            RankingTopology.PARKED,
            RankingTopology.COUNTED,
            RankingTopology.PENDING,
            RankingTopology.DECISIONS,
            RankingTopology.WEIGHTS,
            RankingTopology.RELIABILITIES,
            RankingTopology.TASKS_OF_LABELERS,
            RankingTopology.WEIGHED_ANEW);

    // Nothing is written there.
    private static final Path FOLDER = Path.of("target", "held-between-commits");

    @Property(tries = 200)
    void commitsOtherProcessesAndAbortedTransactionsChangeNothing(
            @ForAll("scenarios") AnyOrderTest.Scenario scenario, @ForAll @IntRange(min = 1, max = 20) int between)
            throws Exception {
        // Given
        Random random = new Random(scenario.shuffleSeed());
        List<Task> tasks = List.of("x", "y").stream()
                .map(id -> Facts.task(id, scenario.rules(), scenario.texts().toArray(String[]::new)))
                .toList();
        Map<String, List<RankingEvent>> facts = new TreeMap<>();
        tasks.forEach(task -> facts.put(task.taskId(), AnyOrderTest.facts(task.taskId(), "", scenario)));
        List<LabelerReliability> weights = AnyOrderTest.weights("", scenario);
        List<Object> log = new ArrayList<>(tasks);
        facts.values().forEach(log::addAll);
        log.addAll(weights);
        List.copyOf(log).stream().filter(fact -> random.nextInt(3) == 0).forEach(log::add);
        Collections.shuffle(log, random);

        // When
        Member member = new Member(random.nextBoolean());
        int committed = 0;
        for (int i = 0; i < log.size(); i++) {
            member.process(log.get(i), i);
            for (int turns = random.nextInt(3); turns > 0; turns--) {
                member.turn();
            }
            if (random.nextInt(2 * between) == 0) {
                member.abort();
                i = committed - 1;
            } else if ((i + 1) % between == 0) {
                member.commit();
                committed = i + 1;
                if (random.nextBoolean()) {
                    member.anotherProcess();
                }
            }
        }
        member.settle();
        member.commit();

        // Then
        Map<String, Double> weighs = new TreeMap<>();
        weights.forEach(weight -> weighs.put(weight.labelerId(), weight.reliability()));
        List<PlainReference> expected = new ArrayList<>();
        for (Task task : tasks) {
            PlainReference reference = new PlainReference(task, facts.get(task.taskId()), weighs);
            AnyOrderTest.assertSame(reference, member.sets.get(task.taskId()));
            expected.add(reference);
        }
        AnyOrderTest.assertSame(expected, weighs, member.labelers());
        assertFalse(member.isDue(), "something is due after its commit");

        // And another process knows all of it
        member.anotherProcess();
        member.sets.clear();
        member.process(log);
        member.settle();
        assertEquals(Map.of(), member.sets);
    }

    @Test
    void aTaskThatBeginsAgainWithEmptyStoresDoesAllOfItAgain() throws Exception {
        Member member = new Member(false);
        List<Object> log = List.of(
                Facts.task("t"),
                Facts.ranking("t", "ann", 1, "a>b>c"),
                Facts.reliability("ann", 1, 0.5),
                Facts.ranking("t", "bob", 1, "c>b>a"));
        member.process(log);
        member.abort();
        assertEquals(Map.of(), member.sets);

        member.process(log);
        member.settle();
        member.commit();

        assertEquals(0, member.count("repeated"));
        PreferenceSet set = member.sets.get("t");
        assertEquals(
                List.of("ann 0.5", "bob 1.0"),
                set.rankings().stream()
                        .map(used -> used.labelerId() + " " + used.reliability())
                        .toList());
        member.labelers().forEach((labeler, figures) -> assertEquals(1, figures.rankings(), labeler));
        assertEquals(2, member.labelers().size());
    }

    @Test
    void noTaskOfAThreadHasRowsToWriteInACommit() throws Exception {
        // Given twelve tasks, each of which looks at what is due at times of its own
        Random random = new Random(1);
        AtomicLong clock = new AtomicLong();
        LongSupplier steadyMillis = clock::get;
        List<Member> members = new ArrayList<>();
        List<Long> looksAt = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            Member member = new Member(clock, steadyMillis, false);
            member.process(List.of(Facts.task("t" + i)));
            member.settle();
            members.add(member);
            looksAt.add(clock.get() + random.nextInt(20));
        }
        for (Member member : members) {
            member.commit();
        }
        long lastOwn = clock.get();
        int asked = 0;
        int own = 0;
        int revision = 0;

        // When they work for a minute, in turns as Kafka Streams takes them
        for (long end = clock.get() + 60_000; clock.get() < end; ) {
            clock.addAndGet(random.nextInt(10) == 0 ? random.nextInt(40) : random.nextInt(8));
            for (int i = 0; i < members.size(); i++) {
                if (random.nextInt(8) == 0) {
                    revision++;
                    members.get(i).process(Facts.ranking("t" + i, "ann", revision, "a>b>c"), revision);
                }
            }
            boolean asks = false;
            for (int i = 0; i < members.size(); i++) {
                if (clock.get() >= looksAt.get(i)) {
                    members.get(i).lookAtDue();
                    looksAt.set(i, looksAt.get(i) + (clock.get() - looksAt.get(i)) / 20 * 20 + 20);
                    asks |= members.get(i).asksForACommit();
                }
            }
            boolean isOwn = clock.get() - lastOwn > 1_000;
            if (asks || isOwn) {
                asked += isOwn ? 0 : 1;
                own += isOwn ? 1 : 0;

                // Then
                for (Member member : members) {
                    assertFalse(member.writesInItsCommit(), "after " + clock + " ms");
                }
                clock.addAndGet(random.nextInt(40));
                lastOwn = isOwn ? clock.get() : lastOwn;
            }
        }
        assertTrue(asked > 150 && own > 50, asked + " and " + own);
    }

    @Provide
    Arbitrary<AnyOrderTest.Scenario> scenarios() {
        return new AnyOrderTest().scenarios();
    }

    /** One task of a stream, and what has become of what it has sent; both as of a commit, once there is one. */
    private static final class Member {
        private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
        private final AtomicLong clock;
        private final LongSupplier steadyMillis;
        private final Map<String, KeyValueStore<String, byte[]>> stores = new LinkedHashMap<>();
        private final Map<String, Map<String, byte[]>> committed = new HashMap<>();
        private final Map<String, PreferenceSet> sets = new TreeMap<>();
        private final Map<String, LabelerShare> labelers = new TreeMap<>();
        private final List<LabelerReliability> relayed = new ArrayList<>();
        private final BeforeCommit beforeCommit =
                BeforeCommit.builder(RankingTopology.BEFORE_COMMIT).build();
        private final MockProcessorContext<byte[], byte[]> context;
        private TaskProcessor task;
        private int punctuatorsOfOthers;

        Member(boolean worksOffALog) {
            this(new AtomicLong(), worksOffALog);
        }

        private Member(AtomicLong clock, boolean worksOffALog) {
            this(clock, clock::get, worksOffALog);
        }

        /** @param steadyMillis shows the clock, the same of all tasks of a thread */
        Member(AtomicLong clock, LongSupplier steadyMillis, boolean worksOffALog) {
            this.clock = clock;
            this.steadyMillis = steadyMillis;
            Properties settings = new Properties();
            settings.put("application.id", "test");
            settings.put("bootstrap.servers", "none:1");
            settings.put("commit.interval.ms", "1000");
            context = new MockProcessorContext<>(settings, new TaskId(0, 0), FOLDER.toFile());
            context.setCurrentSystemTimeMs(worksOffALog ? NOON + 60_000 : NOON);
            for (String name : STORES) {
                KeyValueStore<String, byte[]> store = Stores.keyValueStoreBuilder(
                                Stores.inMemoryKeyValueStore(name), Serdes.String(), Serdes.ByteArray())
                        .withLoggingDisabled()
                        .build();
                store.init(context.getStateStoreContext(), store);
                stores.put(name, store);
            }
            beforeCommit.init(context.getStateStoreContext(), beforeCommit);
            anotherProcess();
        }

        void process(List<Object> log) {
            for (int i = 0; i < log.size(); i++) {
                process(log.get(i), i);
            }
        }

        void process(Object fact, long offset) {
            switch (fact) {
                case Task each -> process(Topics.TASKS, offset, each.taskId(), each);
                case RankingEvent each -> process(Topics.RANKINGS, offset, each.taskId(), each);
                case LabelerReliability each -> {
                    relayed.add(each);
                    process("reliabilities", offset, LabelerStatistics.key(each.projectId(), each.labelerId()), each);
                }
                default -> throw new IllegalArgumentException(fact.toString());
            }
        }

        private void process(String topic, long offset, String key, Object event) {
            context.setRecordMetadata(topic, 0, offset);
            task.process(new Record<>(key.getBytes(UTF_8), EventJson.write(event), NOON));
        }

        /** What has to be done at its time is done. */
        void turn() {
            clock.addAndGet(TaskProcessor.SETS_EVERY.toMillis());
            context.scheduledPunctuators().stream()
                    .skip(punctuatorsOfOthers)
                    .forEach(each -> each.getPunctuator().punctuate(NOON));
        }

        void lookAtDue() {
            context.scheduledPunctuators().stream()
                    .filter(each -> each.getInterval().equals(TaskProcessor.SETS_EVERY))
                    .forEach(each -> each.getPunctuator().punctuate(NOON));
        }

        boolean asksForACommit() {
            boolean asks = context.committed();
            context.resetCommit();
            return asks;
        }

        boolean writesInItsCommit() {
            Map<String, Map<String, byte[]>> before = new HashMap<>();
            stores.forEach((name, store) -> before.put(name, rows(store)));
            beforeCommit.flushCache();
            context.resetForwards();
            return stores.entrySet().stream()
                    .anyMatch(store -> !rows(store.getValue()).equals(before.get(store.getKey())));
        }

        void settle() {
            for (int i = 0; i < 100; i++) {
                turn();
            }
        }

        void commit() throws InvalidEventException {
            beforeCommit.flushCache();
            for (var forward : context.forwarded(RankingTopology.PREFERENCES_SINK)) {
                PreferenceSet set = EventJson.read(forward.record().value(), PreferenceSet.class);
                sets.put(set.taskId(), set);
            }
            for (var forward : context.forwarded(RankingTopology.SHARES_SINK)) {
                add(EventJson.read(forward.record().value(), LabelerShare.class));
            }
            assertEquals(List.of(), context.forwarded(RankingTopology.DEAD_LETTERS_SINK));
            context.resetForwards();
            relayed.forEach(weight -> add(LabelerShare.of(weight)));
            relayed.clear();
            stores.forEach((name, store) -> committed.put(name, rows(store)));
        }

        private void add(LabelerShare share) {
            labelers.merge(share.key(), share, LabelerShare::plus);
        }

        /** What was not committed is gone, and the same object begins again. */
        void abort() {
            begin();
        }

        /** It begins with what is committed. */
        void anotherProcess() {
            task = new TaskProcessor(Duration.ofMinutes(10), new StreamMetrics(meters), steadyMillis);
            begin();
        }

        private void begin() {
            relayed.clear();
            context.resetForwards();
            stores.forEach((name, store) -> {
                rows(store).keySet().forEach(store::delete);
                committed.getOrDefault(name, Map.of()).forEach(store::put);
            });
            punctuatorsOfOthers = context.scheduledPunctuators().size();
            task.init(context);
        }

        private static Map<String, byte[]> rows(KeyValueStore<String, byte[]> store) {
            Map<String, byte[]> rows = new HashMap<>();
            try (KeyValueIterator<String, byte[]> all = store.all()) {
                while (all.hasNext()) {
                    KeyValue<String, byte[]> row = all.next();
                    rows.put(row.key, row.value);
                }
            }
            return rows;
        }

        boolean isDue() {
            return !committed.get(RankingTopology.PENDING).isEmpty();
        }

        double count(String outcome) {
            return meters.counter(StreamMetrics.RECORDS, "outcome", outcome).count();
        }

        Map<String, LabelerStatistics> labelers() {
            Map<String, LabelerStatistics> figures = new TreeMap<>();
            labelers.values().forEach(share -> {
                LabelerStatistics each = share.figures();
                figures.put(each.labelerId(), each);
            });
            return figures;
        }
    }
}
