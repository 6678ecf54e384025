package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.ProjectTotals;
import dev.podium.contracts.Task;
import dev.podium.contracts.preference.HeldRanking;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What one process has left due is known to the next one, whichever version it was. */
class DueSetsTest {
    private static final Task TASK = Facts.task("t");

    private final TopologyHarness stream = new TopologyHarness();
    private final KeyValueStore<String, byte[]> rows = stream.store(RankingTopology.PENDING);

    @AfterEach
    void stop() {
        stream.close();
    }

    @Test
    void theNextProcessKnowsWhatTheSumsHaveOfATaskThatIsDue() {
        // Given what ann has said is in the sums, and what bob and cyd have said is not
        TaskState ann = state().with(held("ann", "a>b>c"));
        DueSets left = new DueSets(rows);
        left.add(ann, ann.with(held("bob", "c>b>a")), true, 1, Optional.empty());
        left.add(
                ann.with(held("bob", "c>b>a")),
                ann.with(held("bob", "c>b>a")).with(held("cyd", "a>c>b")),
                true,
                2,
                Optional.empty());
        left.keep();

        // When
        DueSets.Due due = new DueSets(rows).take().getFirst();

        // Then
        TaskState now = ann.with(held("bob", "c>b>a")).with(held("cyd", "a>c>b"));
        assertNull(due.published());
        Sums<LabelerShare> labelers = new Sums<>();
        Sums<ProjectShare> projects = new Sums<>();
        Contribution.of(now, true).addTo(labelers, projects, due.counted().orElseThrow(), 1, Optional.empty());
        Map<String, LabelerShare> sent = sent(labelers, LabelerShare.class);
        assertEquals(
                Map.of(key("ann"), 0L, key("bob"), 1L, key("cyd"), 1L),
                Map.of(
                        key("ann"), rankings(sent, "ann"),
                        key("bob"), rankings(sent, "bob"),
                        key("cyd"), rankings(sent, "cyd")));
        ProjectTotals more =
                sent(projects, ProjectShare.class).get(TASK.projectId()).figures();
        assertEquals(List.of(0L, 0L, 2L), List.of(more.tasks(), more.rankedTasks(), more.rankings()));
        assertFalse(rows.all().hasNext(), "something is due twice");
    }

    @Test
    void aTaskThatNobodyHasCountedIsCountedWhole() {
        DueSets left = new DueSets(rows);
        left.add(
                new TaskState(Optional.empty(), Map.of(), Map.of(), Optional.empty()),
                state(),
                true,
                1,
                Optional.empty());
        left.keep();
        DueSets.Due due = new DueSets(rows).take().getFirst();
        Sums<ProjectShare> projects = new Sums<>();
        Contribution.of(state(), true)
                .addTo(new Sums<>(), projects, due.counted().orElseThrow(), 1, Optional.empty());
        assertEquals(1, sent(projects, ProjectShare.class).get(TASK.projectId()).tasks());
    }

    @Test
    void whatAnEarlierVersionHasLeftIsSentOnceAsItIs() {
        // Given a set that is due, and differences of a beat, as they were kept before
        PreferenceSetOf set = new PreferenceSetOf(state().with(held("ann", "a>b>c")));
        rows.put("set/t", new byte[] {1});
        rows.put("labeler/" + key("ann"), EventJson.write(set.labeler()));
        rows.put("project/" + TASK.projectId(), EventJson.write(set.project()));

        // When
        DueSets sets = new DueSets(rows);
        Sums<LabelerShare> labelers = new Sums<>();
        Sums<ProjectShare> projects = new Sums<>();
        for (int time = 0; time < 2; time++) {
            sets.takeLeftovers("labeler/", LabelerShare.class, labelers);
            sets.takeLeftovers("project/", ProjectShare.class, projects);
        }

        // Then
        assertEquals(Map.of(key("ann"), set.labeler()), sent(labelers, LabelerShare.class));
        assertEquals(Map.of(TASK.projectId(), set.project()), sent(projects, ProjectShare.class));
        DueSets.Due due = sets.take().getFirst();
        assertEquals("t", due.taskId());
        assertEquals(Optional.empty(), due.counted());
        try (KeyValueIterator<String, byte[]> all = rows.all()) {
            assertFalse(all.hasNext(), "something is due twice");
        }
    }

    @Test
    void aRankingThatMeetsTheMarkOfAnEarlierVersionIsInTheSums() {
        // Given ann's ranking is in the sums, its set is due, and the process is another version
        rows.put("set/t", new byte[] {1});
        TaskState ann = state().with(held("ann", "a>b>c"));
        DueSets sets = new DueSets(rows);

        // When bob's comes before the first look, and the process ends once more
        sets.add(ann, ann.with(held("bob", "c>b>a")), true, 1, Optional.empty());
        sets.keep();
        DueSets.Due due = new DueSets(rows).take().getFirst();

        // Then
        Sums<LabelerShare> labelers = new Sums<>();
        Contribution.of(ann.with(held("bob", "c>b>a")), true)
                .addTo(labelers, new Sums<>(), due.counted().orElseThrow(), 1, Optional.empty());
        Map<String, LabelerShare> sent = sent(labelers, LabelerShare.class);
        assertEquals(List.of(0L, 1L), List.of(rankings(sent, "ann"), rankings(sent, "bob")));
    }

    @Test
    void rankingsOfWhatIsDueCountForItsSize() {
        DueSets sets = new DueSets(rows);
        int tasks = 0;
        while (!sets.isFull()) {
            Task task = Facts.task("t" + tasks++);
            TaskState before = new TaskState(Optional.of(task), Map.of(), Map.of(), Optional.empty());
            for (int l = 0; l < 200; l++) {
                TaskState after = before.with(HeldRanking.of(Facts.ranking(task.taskId(), "l" + l, 1, "a>b>c"), 0, 0));
                sets.add(before, after, true, 1, Optional.empty());
                before = after;
            }
        }
        assertTrue(tasks < 50, tasks + " tasks of 200 labelers");
        sets.take();
        assertFalse(sets.isFull());
    }

    private record PreferenceSetOf(TaskState state) {
        LabelerShare labeler() {
            return Contribution.of(state, true).labelers().getFirst();
        }

        ProjectShare project() {
            return Contribution.of(state, true).project().orElseThrow();
        }
    }

    private static TaskState state() {
        return new TaskState(Optional.of(TASK), Map.of(), Map.of(), Optional.empty());
    }

    private static HeldRanking held(String labeler, String order) {
        return HeldRanking.of(Facts.ranking("t", labeler, 1, order), 0, 0);
    }

    private static String key(String labeler) {
        return TASK.projectId() + "/" + labeler;
    }

    /** Zero where nothing is sent, or where it changes nothing. */
    private static long rankings(Map<String, LabelerShare> sent, String labeler) {
        LabelerShare share = sent.get(key(labeler));
        return share == null ? 0 : share.rankings();
    }

    private static <S extends Share<S>> Map<String, S> sent(Sums<S> sums, Class<S> type) {
        Map<String, S> byKey = new TreeMap<>();
        for (Record<byte[], byte[]> record : sums.records()) {
            try {
                byKey.put(new String(record.key(), UTF_8), EventJson.read(record.value(), type));
            } catch (dev.podium.contracts.InvalidEventException e) {
                throw new AssertionError(e);
            }
        }
        return byKey;
    }
}
