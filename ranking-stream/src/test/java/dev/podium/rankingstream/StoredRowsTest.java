package dev.podium.rankingstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.Criterion;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.RankingRules;
import dev.podium.contracts.Task;
import dev.podium.contracts.preference.HeldAdjudication;
import dev.podium.contracts.preference.HeldRanking;
import dev.podium.contracts.preference.PreferenceAggregation;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the stream holds of a task comes back from its rows, and what it publishes is what the contract says. */
class StoredRowsTest {
    private static final List<String> TEXTS =
            List.of("one", "two", "", " one\t", "\u00e9", "e\u0301", "\"\\\n", "\ud83d\ude00", "\ud800");
    private static final Random RANDOM = new Random(3);

    private final TopologyHarness stream = new TopologyHarness();

    @AfterEach
    void stop() {
        stream.close();
    }

    @Test
    void aTaskComesBackFromItsRow() {
        for (int i = 0; i < 300; i++) {
            Task task = task("t" + i);
            KnownTask read = KnownTask.read(KnownTask.of(task).row(new RowWriter()));
            assertEquals(task, read.task());
            assertTrue(read.saysTheSameAs(KnownTask.of(task)));
            assertEquals(KnownTask.of(task).distinct().ids(), read.distinct().ids());
            assertEquals(task, KnownTask.read(EventJson.write(task)).task(), "as an earlier version stored it");
        }
    }

    @Test
    void rankingsComeBackFromAPage() {
        for (int i = 0; i < 300; i++) {
            Task task = task("t");
            List<HeldRanking> page = new ArrayList<>();
            for (int labeler = RANDOM.nextInt(8); labeler >= 0; labeler--) {
                page.add(held(task, "labeler \u00e4" + labeler));
            }
            assertEquals(
                    page,
                    RankingsPage.read(
                            RankingsPage.write(new RowWriter(), task.projectId(), "t", page), task.projectId(), "t"));
        }
    }

    @Test
    void aPageOfTheLargestRankingsIsSmall() {
        List<Integer> revisions = IntStream.range(0, HeldRanking.MAX_REVISIONS)
                .map(i -> Integer.MAX_VALUE - i)
                .boxed()
                .toList();
        String longest = "\1".repeat(RankingEvent.MAX_COMMENT_LENGTH);
        List<String> many = Collections.nCopies(500_000, "a");
        Map<String, Map<String, Integer>> ratings = IntStream.range(0, 100_000)
                .boxed()
                .collect(Collectors.toMap(i -> "rated-" + i, i -> Map.of("tone", 1)));
        for (RankingEvent event : List.of(
                large(many, List.of(), Optional.empty(), Map.of()),
                large(List.of(), many, Optional.empty(), Map.of()),
                large(List.of(), List.of(), Optional.of(longest), ratings),
                new RankingEvent.RankingRetracted(
                        "e".repeat(200), "p", "t", "\"".repeat(200), 1, Optional.of(longest), Facts.NOON))) {
            HeldRanking held = HeldRanking.of(event, 0, 0);
            HeldRanking largest = new HeldRanking(held.event(), 0, Long.MAX_VALUE, revisions, revisions);
            byte[] page = RankingsPage.write(new RowWriter(), "p", "t", Collections.nCopies(8, largest));
            assertTrue(page.length < 1024 * 1024, page.length + " bytes");
            assertEquals(Collections.nCopies(8, largest), RankingsPage.read(page, "p", "t"));
        }
    }

    private static RankingSubmitted large(
            List<String> unacceptable,
            List<String> shownOrder,
            Optional<String> comment,
            Map<String, Map<String, Integer>> ratings) {
        return new RankingSubmitted(
                "e".repeat(200),
                "p",
                "t",
                "l".repeat(200),
                1,
                Facts.groups("a>b>c"),
                unacceptable,
                shownOrder,
                Long.MAX_VALUE,
                comment,
                ratings,
                Facts.NOON);
    }

    @Test
    void rankingsThatWereStoredWithMoreAreReadAsIfTheyHadCome() throws Exception {
        RankingSubmitted plain = Facts.ranking("t", "ann", 1, "a>b=c");
        RankingSubmitted sent = new RankingSubmitted(
                plain.eventId(),
                plain.projectId(),
                "t",
                "ann",
                1,
                plain.groups(),
                List.of("c", "b", "c"),
                List.of("b", "a", "c"),
                1_500,
                Optional.empty(),
                plain.at());
        HeldRanking held = HeldRanking.of(sent, 3, 7);
        byte[] page = new RowWriter()
                .begin((byte) 1)
                .put(1L)
                .put((byte) 0)
                .put(3L)
                .put(7L)
                .putNumbers(List.of(1))
                .putNumbers(List.of())
                .put(plain.eventId())
                .put("ann")
                .put(1L)
                .put(2L)
                .put(List.of("a"))
                .put(List.of("b", "c"))
                .put(List.of("c", "b", "c"))
                .put(List.of("b", "a", "c"))
                .put(1_500L)
                .put(plain.at())
                .row();
        String json = EventJson.writeText(held)
                .replace("\"shownOrder\":[]", "\"shownOrder\":[\"b\",\"a\",\"c\"]")
                .replace("[\"c\",\"b\"]", "[\"c\",\"b\",\"c\"]");

        assertEquals(List.of(held), RankingsPage.read(page, Facts.PROJECT, "t"));
        assertTrue(json.contains("[\"b\",\"a\",\"c\"]") && json.contains("[\"c\",\"b\",\"c\"]"), json);
        assertEquals(held, EventJson.read(TopologyHarness.bytes(json), HeldRanking.class));
        assertEquals(List.of("c", "b"), ((RankingSubmitted) held.event()).unacceptable());
    }

    @Test
    void aSetIsPublishedByteForByteAsTheContractWritesIt() {
        SetJson json = new SetJson();
        for (int i = 0; i < 1_000; i++) {
            Task task = task("t" + i);
            Map<String, HeldRanking> all = new TreeMap<>();
            Map<String, Double> weights = new HashMap<>();
            for (int labeler = RANDOM.nextInt(6); labeler >= 0; labeler--) {
                all.put("l\"" + labeler, held(task, "l\"" + labeler));
                weights.put("l\"" + labeler, RANDOM.nextBoolean() ? 1.0 : RANDOM.nextDouble());
            }
            Optional<HeldAdjudication> decision = RANDOM.nextInt(5) > 0
                    ? Optional.empty()
                    : Optional.of(new HeldAdjudication(Facts.decision(task.taskId(), 1, "a>b"), 0, i));
            PreferenceSet set = PreferenceAggregation.aggregate(task, all.values(), weights::get, decision);
            KnownTask known = KnownTask.read(KnownTask.of(task).row(new RowWriter()));
            TaskState state = TaskState.of(known, all, weights, decision);
            assertEquals(
                    EventJson.writeText(set),
                    new String(
                            json.write(
                                    known,
                                    state.set().orElseThrow(),
                                    set.updatedAt().toString()),
                            java.nio.charset.StandardCharsets.UTF_8));
        }
    }

    @Test
    void theStateOfATaskIsReadAsItWasWrittenWhateverCameInWhichOrder() {
        // Given many labelers, of whom an earlier version has stored two
        Task task = Facts.task("t");
        KeyValueStore<String, byte[]> rankings = stream.store(RankingTopology.RANKINGS);
        stream.store(RankingTopology.TASKS).put("t", EventJson.write(task));
        for (String labeler : List.of("l3", "l30")) {
            rankings.put(
                    "t\0" + labeler, EventJson.write(HeldRanking.of(Facts.ranking("t", labeler, 1, "a>b>c"), 0, 0)));
        }
        TaskStore store = store();
        TaskState state = store.read("t");
        assertEquals(2, state.byLabeler().size());

        // When they rank, correct and take back, and rows are written now and then
        for (int i = 0; i < 200; i++) {
            String labeler = "l" + RANDOM.nextInt(40);
            int revision = 1 + RANDOM.nextInt(5);
            RankingEvent event = RANDOM.nextInt(6) == 0
                    ? Facts.retraction("t", labeler, revision)
                    : Facts.ranking("t", labeler, revision, RANDOM.nextBoolean() ? "a>b>c" : "c>b");
            TaskState after = state.with(HeldRanking.of(event, 0, i));
            if (i > 50 && RANDOM.nextInt(20) == 0) {
                after = after.with(new HeldAdjudication(Facts.decision("t", i, "b>a"), 0, i));
            }
            if (!after.saysTheSameAs(state)) {
                store.change(state, after);
            }
            state = after;
            if (RANDOM.nextInt(7) == 0) {
                store.write();
                store = RANDOM.nextBoolean() ? store() : store;
                assertEquals(state.byLabeler(), store.read("t").byLabeler());
                assertEquals(state.decision(), store.read("t").decision());
            }
        }

        // Then another process reads the same, from pages alone
        store.write();
        assertEquals(state.byLabeler(), store().read("t").byLabeler());
        assertTrue(state.decision().isPresent());
        assertEquals(state.decision(), store().read("t").decision());
        assertEquals(state.set(), store().look("t").set());
        List<String> keys = new ArrayList<>();
        try (KeyValueIterator<String, byte[]> rows = rankings.all()) {
            while (rows.hasNext()) {
                KeyValue<String, byte[]> row = rows.next();
                keys.add(row.key);
            }
        }
        assertEquals(5, keys.stream().filter(key -> key.startsWith("t\0\0")).count(), keys::toString);
    }

    @Test
    void whatIsHeldIsInTheStoresWhenItIsCommitted() {
        stream.task(Facts.task("t"));
        stream.withoutTheWallClock(Facts.ranking("t", "ann", 1, "a>b>c"), java.time.Duration.ZERO);

        // The driver commits after each record; the set waits for the clock.
        assertEquals(List.of(), stream.sets());
        assertEquals(1, stream.store(RankingTopology.PENDING).approximateNumEntries());
        assertEquals(
                Map.of("ann", HeldRanking.of(Facts.ranking("t", "ann", 1, "a>b>c"), 0, 0)),
                store().read("t").byLabeler());
        assertTrue(stream.store(RankingTopology.TASKS_OF_LABELERS).get("support/ann\0t") != null);
    }

    @Test
    void theFirstDecisionOfAllIsFoundWhenItsTaskIsHeldNoLonger() {
        // Given a store that has no decision when it begins
        stream.store(RankingTopology.TASKS)
                .put("t", KnownTask.of(Facts.task("t")).row(new RowWriter()));
        TaskStore store = store();
        TaskState state = store.read("t");
        HeldAdjudication decision = new HeldAdjudication(Facts.decision("t", 1, "b>a"), 0, 0);

        // When one comes, and then other tasks that are more than is held
        store.change(state, state.with(decision));
        store.write();
        for (int i = 0; i < 30; i++) {
            Task large = large("large" + i, 100_000);
            stream.store(RankingTopology.TASKS)
                    .put(large.taskId(), KnownTask.of(large).row(new RowWriter()));
            store.read(large.taskId());
        }

        assertEquals(Optional.of(decision), store.look("t").decision());
        assertEquals(Optional.of(decision), store.read("t").decision());
    }

    @Test
    void rankingsThatComeTogetherAreOneRow() {
        Task task = Facts.task("t");
        stream.store(RankingTopology.TASKS).put("t", KnownTask.of(task).row(new RowWriter()));
        TaskStore store = store();
        TaskState state = store.read("t");
        for (String labeler : List.of("ann", "bob", "cy")) {
            TaskState after = state.with(HeldRanking.of(Facts.ranking("t", labeler, 1, "a>b>c"), 0, 0));
            store.change(state, after);
            state = after;
        }
        assertEquals(0, stream.store(RankingTopology.RANKINGS).approximateNumEntries());
        store.write();
        assertEquals(1, stream.store(RankingTopology.RANKINGS).approximateNumEntries());
        assertEquals(state.byLabeler(), store().read("t").byLabeler());
    }

    @Test
    void aLabelersTasksAreAllMetWhetherTheyCameTogetherOrNot() {
        // Given
        KeyValueStore<String, byte[]> index = stream.store(RankingTopology.TASKS_OF_LABELERS);
        Reliabilities reliabilities = reliabilities();
        reliabilities.complete();
        List<String> ranked = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            String task = "t" + RANDOM.nextLong();
            ranked.add(task);
            reliabilities.ranked("support/ann", task);
            reliabilities.ranked("support/ann" + i % 3, "other");
            if (i == 10 || i == 400 || RANDOM.nextInt(10) == 0 && i < 200) {
                reliabilities.write();
            }
        }
        reliabilities.take(Facts.reliability("ann", 1, 0.5));

        // When the line is worked off by processes that take turns
        List<String> met = new ArrayList<>();
        List<Reliabilities.Due> some;
        do {
            some = reliabilities.takeDue(30);
            some.forEach(due -> met.add(due.taskId()));
            reliabilities = reliabilities();
        } while (!some.isEmpty());

        // Then
        Collections.sort(ranked);
        Collections.sort(met);
        assertEquals(ranked, met);
        assertTrue(index.approximateNumEntries() < 200, index.approximateNumEntries() + " rows");
    }

    private Reliabilities reliabilities() {
        return new Reliabilities(
                stream.store(RankingTopology.RELIABILITIES),
                stream.store(RankingTopology.TASKS_OF_LABELERS),
                stream.store(RankingTopology.WEIGHED_ANEW));
    }

    private TaskStore store() {
        return new TaskStore(
                stream.store(RankingTopology.TASKS),
                stream.store(RankingTopology.RANKINGS),
                stream.store(RankingTopology.WEIGHTS),
                stream.store(RankingTopology.DECISIONS));
    }

    private static Task large(String id, int characters) {
        Task small = Facts.task(id);
        return new Task(
                small.projectId(),
                id,
                List.of(Message.user("x".repeat(characters))),
                small.outputs(),
                small.rules(),
                small.baseModel(),
                small.sampleRoundId(),
                small.createdAt(),
                small.group(),
                small.selection());
    }

    private static Task task(String id) {
        List<Output> outputs = new ArrayList<>();
        int size = 2 + RANDOM.nextInt(4);
        for (int i = 0; i < size; i++) {
            outputs.add(new Output(
                    Character.toString('a' + i),
                    TEXTS.get(RANDOM.nextInt(TEXTS.size())),
                    Output.Provenance.imported(),
                    RANDOM.nextBoolean() ? List.of() : List.of(1, 2)));
        }
        Collections.shuffle(outputs, RANDOM);
        return new Task(
                Facts.PROJECT,
                id,
                List.of(Message.user(TEXTS.get(RANDOM.nextInt(TEXTS.size()))), Message.assistant("a")),
                outputs,
                RANDOM.nextBoolean()
                        ? RankingRules.DEFAULT
                        : new RankingRules(
                                RANDOM.nextBoolean(),
                                RANDOM.nextInt(3),
                                1 + RANDOM.nextInt(5),
                                RANDOM.nextBoolean() ? 1 : 1.5,
                                RANDOM.nextDouble(),
                                RANDOM.nextBoolean()
                                        ? List.of()
                                        : List.of(new Criterion("tone", "Tone", "How it sounds", 5, true))),
                RANDOM.nextBoolean()
                        ? Optional.empty()
                        : Optional.of("base \u00fc" + TEXTS.get(RANDOM.nextInt(TEXTS.size()))),
                RANDOM.nextBoolean() ? Optional.empty() : Optional.of(TEXTS.get(RANDOM.nextInt(TEXTS.size()))),
                Instant.ofEpochSecond(RANDOM.nextLong(-1_000_000_000L, 4_000_000_000L), RANDOM.nextInt(1_000_000_000)),
                RANDOM.nextBoolean() ? Optional.empty() : Optional.of("g\"1"),
                RANDOM.nextBoolean()
                        ? Optional.empty()
                        : Optional.of(new Task.Selection(Task.Selection.UNIFORM, RANDOM.nextDouble())));
    }

    private static HeldRanking held(Task task, String labeler) {
        int revision = 1 + RANDOM.nextInt(3);
        if (RANDOM.nextInt(8) == 0) {
            return HeldRanking.of(Facts.retraction(task.taskId(), labeler, revision), 1, 5);
        }
        List<String> ids =
                new ArrayList<>(task.outputs().stream().map(Output::id).toList());
        Collections.shuffle(ids, RANDOM);
        List<List<String>> groups = new ArrayList<>();
        for (String id : ids) {
            if (!groups.isEmpty() && groups.getLast().size() == 1 && RANDOM.nextInt(3) == 0) {
                groups.set(groups.size() - 1, List.of(groups.getLast().getFirst(), id));
            } else if (RANDOM.nextInt(5) > 0) {
                groups.add(List.of(id));
            }
        }
        RankingSubmitted plain = Facts.ranking(task.taskId(), labeler, revision, "");
        HeldRanking held = HeldRanking.of(
                new RankingSubmitted(
                        plain.eventId(),
                        plain.projectId(),
                        plain.taskId(),
                        labeler,
                        revision,
                        groups,
                        RANDOM.nextBoolean() ? List.of() : List.of(ids.getFirst()),
                        ids,
                        RANDOM.nextInt(3) == 0 ? 0 : RANDOM.nextInt(100_000),
                        Optional.empty(),
                        plain.at()),
                RANDOM.nextInt(12),
                RANDOM.nextLong(1L << 40));
        return RANDOM.nextBoolean()
                ? held
                : held.and(HeldRanking.of(Facts.retraction(task.taskId(), labeler, 1 + RANDOM.nextInt(4)), 1, 5));
    }
}
