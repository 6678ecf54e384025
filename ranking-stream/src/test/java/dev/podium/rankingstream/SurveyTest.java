package dev.podium.rankingstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.ProjectTotals;
import dev.podium.contracts.preference.HeldRanking;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What an earlier version has left is made up for while work goes on. */
class SurveyTest {
    // Whoever looks at the clock has spent what a slice may take.
    private final TopologyHarness stream = new TopologyHarness(Duration.ofMillis(50));

    @AfterEach
    void stop() {
        stream.close();
    }

    @Test
    void totalsAndWeightsAreThoseOfAStreamThatKnewThemFromTheStart() {
        // Given the tasks t1 to t6 with a ranking each, and neither totals nor an index
        for (int i = 1; i <= 6; i++) {
            wasThere("t" + i);
        }

        // When a slice is one task, and changes come before it, behind it, and where it is
        stream.ranking(Facts.ranking("t1", "bob", 1, "c>b>a"));
        assertTrue(stream.store(RankingTopology.COUNTED).get("counted") == null, "all was counted at once");
        stream.reliability(Facts.reliability("ann", 1, 0.5));
        stream.task(Facts.task("t0"));
        stream.task(Facts.task("t9"));
        stream.ranking(Facts.ranking("t6", "bob", 1, "c>b>a"));
        stream.ranking(Facts.ranking("t2", "ann", 2, "c>b>a"));
        for (int i = 0; i < 20; i++) {
            stream.pass(Duration.ofMillis(Survey.EVERY_MILLIS));
        }

        // Then
        ProjectTotals totals = stream.totals();
        assertEquals(
                List.of(8L, 6L, 8L),
                List.of(totals.tasks(), totals.rankedTasks(), totals.rankings()),
                totals::toString);
        Set<String> weighed = new HashSet<>();
        stream.sets()
                .forEach(set -> set.rankings().stream()
                        .filter(used -> used.labelerId().equals("ann") && used.reliability() == 0.5)
                        .forEach(used -> weighed.add(set.taskId())));
        assertEquals(Set.of("t1", "t2", "t3", "t4", "t5", "t6"), weighed);
    }

    @Test
    void aWalkGoesOnWhereAnotherProcessHasLeftIt() {
        List<String> ids = List.of("a", "b", "b\u00e4", "c", "z", "\u00e4");
        ids.forEach(this::wasThere);
        TaskStore tasks = new TaskStore(
                stream.store(RankingTopology.TASKS),
                stream.store(RankingTopology.RANKINGS),
                stream.store(RankingTopology.WEIGHTS),
                stream.store(RankingTopology.DECISIONS));
        List<String> met = new ArrayList<>();
        boolean through = false;
        for (int process = 0; !through; process++) {
            TaskWalk walk = new TaskWalk("walk", stream.store(RankingTopology.COUNTED));
            for (int i = 0; i < ids.size(); i++) {
                assertEquals(i < process, walk.hasPassed(ids.get(i)), ids.get(i) + " in process " + process);
            }
            through =
                    walk.goOn(tasks, state -> met.add(state.task().orElseThrow().taskId()), () -> true);
        }

        assertEquals(ids, met);
        assertFalse(new TaskWalk("walk", stream.store(RankingTopology.COUNTED)).hasPassed("a"));
    }

    private void wasThere(String task) {
        stream.store(RankingTopology.TASKS).put(task, EventJson.write(Facts.task(task)));
        stream.store(RankingTopology.RANKINGS)
                .put(task + "\0ann", EventJson.write(HeldRanking.of(Facts.ranking(task, "ann", 1, "a>b>c"), 0, 0)));
    }
}
