package dev.podium.rankingstream;

import static dev.podium.rankingstream.Facts.ranking;
import static dev.podium.rankingstream.Facts.retraction;
import static dev.podium.rankingstream.Facts.task;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.PreferenceSet.Pair;
import dev.podium.contracts.PreferenceSet.Tie;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.RankingRules;
import dev.podium.contracts.Task;
import dev.podium.contracts.preference.HeldRanking;
import dev.podium.contracts.preference.PreferenceAggregation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;

class PreferenceAggregationTest {
    private static final Task TASK = task("t");

    @Test
    void aStrictRankingOfThreeGivesThreePairsThatWeighOneTogether() {
        PreferenceSet set = aggregate(TASK, ranking("t", "ann", 1, "b>a>c"));

        assertEquals(List.of("a>c", "b>a", "b>c"), directions(set));
        assertTrue(set.decided());
        assertTrue(set.ties().isEmpty());
        assertEquals(1.0, set.pairs().stream().mapToDouble(Pair::weight).sum(), 1e-12);
        assertEquals(1.0 / 3, set.pairs().getFirst().weight(), 1e-12);
    }

    @Test
    void marginIsTheRankGapOverAllPlacesBelowTheFirst() {
        PreferenceSet set = aggregate(TASK, ranking("t", "ann", 1, "b>a>c"));

        assertEquals(0.5, pair(set, "a>c").margin(), 1e-12);
        assertEquals(0.5, pair(set, "b>a").margin(), 1e-12);
        assertEquals(1.0, pair(set, "b>c").margin(), 1e-12);
    }

    @Test
    void probabilityIsTheSmoothedShareOfVotes() {
        PreferenceSet set = aggregate(
                TASK, ranking("t", "ann", 1, "a>b>c"), ranking("t", "bob", 1, "a>b>c"), ranking("t", "cy", 1, "b>a>c"));

        Pair pair = pair(set, "a>b");
        assertEquals(2, pair.votesFor());
        assertEquals(1, pair.votesAgainst());
        assertEquals(2.5 / 4, pair.probability(), 1e-12);
        assertEquals(1.0 / 3 / 2, pair.margin(), 1e-12);
    }

    @Test
    void tiedOutputsYieldNoPair() {
        PreferenceSet set = aggregate(TASK, ranking("t", "ann", 1, "a=b>c"));

        assertEquals(List.of("a>c", "b>c"), directions(set));
        assertEquals(List.of(new Tie("a", "b", 0, 0)), set.ties());
        assertEquals(0.5, pair(set, "a>c").margin(), 1e-12);
    }

    @Test
    void allTiedIsARankingWithoutAPair() {
        PreferenceSet set = aggregate(TASK, ranking("t", "ann", 1, "a=b=c"));

        assertFalse(set.decided());
        assertEquals(3, set.ties().size());
        assertEquals(1, set.rankings().size());
    }

    @Test
    void evenVotesAreATieAndNotACoinFlip() {
        PreferenceSet set = aggregate(TASK, ranking("t", "ann", 1, "a>b>c"), ranking("t", "bob", 1, "b>a>c"));

        assertEquals(List.of("a>c", "b>c"), directions(set));
        assertEquals(List.of(new Tie("a", "b", 1, 1)), set.ties());
    }

    @Test
    void outputsLeftOutAreBelowAllRankedOnesAndTiedWithEachOther() {
        Task four = task("t", RankingRules.DEFAULT, "1", "2", "3", "4");

        PreferenceSet set = aggregate(four, ranking("t", "ann", 1, "c>a"));

        assertEquals(List.of("a>b", "a>d", "c>a", "c>b", "c>d"), directions(set));
        assertEquals(List.of(new Tie("b", "d", 0, 0)), set.ties());
    }

    @Test
    void aPairNeedsTheVotesThatTheRulesAskFor() {
        Task task = task("t", new RankingRules(true, 0, 3, 2, 0), "1", "2");

        assertFalse(aggregate(task, ranking("t", "ann", 1, "a>b")).decided());
        assertTrue(aggregate(task, ranking("t", "ann", 1, "a>b"), ranking("t", "bob", 1, "a>b"))
                .decided());
    }

    @Test
    void aPairNeedsTheMajorityThatTheRulesAskFor() {
        Task task = task("t", new RankingRules(true, 0, 3, 1, 0.5), "1", "2");
        RankingEvent[] twoToOne = {
            ranking("t", "ann", 1, "a>b"), ranking("t", "bob", 1, "a>b"), ranking("t", "cy", 1, "b>a")
        };

        PreferenceSet set = aggregate(task, twoToOne);

        assertEquals(List.of(new Tie("a", "b", 2, 1)), set.ties());
        assertTrue(aggregate(task, ranking("t", "ann", 1, "a>b")).decided());
    }

    @Test
    void aMajorityThatIsExactlyReachedDecides() {
        Task task = task("t", new RankingRules(true, 0, 4, 1, 0.5), "1", "2");

        PreferenceSet set = aggregate(
                task,
                ranking("t", "ann", 1, "a>b"),
                ranking("t", "bob", 1, "a>b"),
                ranking("t", "cy", 1, "a>b"),
                ranking("t", "dan", 1, "b>a"));

        assertEquals(List.of("a>b"), directions(set));
    }

    @Test
    void reliabilityWeighsVotesAndIsRecorded() {
        PreferenceSet set = aggregate(
                TASK,
                labeler -> labeler.equals("ann") ? 0.25 : 1.0,
                ranking("t", "ann", 1, "a>b>c"),
                ranking("t", "bob", 1, "b>a>c"));

        assertEquals(1.0, pair(set, "b>a").votesFor());
        assertEquals(0.25, pair(set, "b>a").votesAgainst());
        assertEquals(0.25, set.rankings().getFirst().reliability());
    }

    @Test
    void equalTextsAreOneOutputUnderTheSmallestId() {
        // é as one code point and as two, and a blank at the end.
        Task task = task("t", RankingRules.DEFAULT, "caf\u00e9", "tea", "cafe\u0301 ");

        PreferenceSet set = aggregate(task, ranking("t", "ann", 1, "c>b>a"));

        assertEquals(List.of("a>b"), directions(set));
        assertEquals(1.0, set.pairs().getFirst().margin(), 1e-12);
        assertEquals(1.0, set.pairs().getFirst().weight(), 1e-12);
    }

    @Test
    void aTaskOfOneTextOnlyIsNeverDecided() {
        Task task = task("t", RankingRules.DEFAULT, "same", " same");

        PreferenceSet set = aggregate(task, ranking("t", "ann", 1, "a>b"));

        assertFalse(set.decided());
        assertTrue(set.ties().isEmpty());
    }

    @Test
    void aCycleOfMajoritiesIsFlagged() {
        PreferenceSet set = aggregate(
                TASK, ranking("t", "ann", 1, "a>b>c"), ranking("t", "bob", 1, "b>c>a"), ranking("t", "cy", 1, "c>a>b"));

        assertEquals(List.of("a>b", "b>c", "c>a"), directions(set));
        assertTrue(set.cycle());
        assertFalse(aggregate(TASK, ranking("t", "ann", 1, "a>b>c")).cycle());
    }

    @Test
    void aMarginAgainstTheDecisionIsNone() {
        Task task = task("t", RankingRules.DEFAULT, "1", "2", "3", "4");

        // Two prefer a to b by one place, one prefers b to a by three.
        PreferenceSet set = aggregate(
                task,
                ranking("t", "ann", 1, "a>b>c>d"),
                ranking("t", "bob", 1, "a>b>c>d"),
                ranking("t", "cy", 1, "b>c>d>a"));

        assertEquals(0.0, pair(set, "a>b").margin());
    }

    @Test
    void unacceptableIsCountedPerOutputAndIsNoTie() {
        RankingSubmitted plain = ranking("t", "ann", 1, "a>b>c");
        RankingSubmitted marked = new RankingSubmitted(
                plain.eventId(),
                plain.projectId(),
                plain.taskId(),
                plain.labelerId(),
                plain.revision(),
                plain.groups(),
                List.of("b", "c"),
                List.of(),
                0,
                plain.comment(),
                plain.at());

        PreferenceSet set = aggregate(TASK, marked, ranking("t", "bob", 1, "a>b>c"));

        assertEquals(Map.of("b", 1, "c", 1), set.unacceptable());
        assertEquals(3, set.pairs().size());
    }

    @Test
    void aRetractedRankingDoesNotCount() {
        PreferenceSet set = aggregate(TASK, retraction("t", "ann", 2));

        assertFalse(set.decided());
        assertTrue(set.pairs().isEmpty());
        assertTrue(set.ties().isEmpty());
        assertTrue(set.rankings().isEmpty());
        assertEquals(Facts.NOON.plusSeconds(2), set.updatedAt());
    }

    @Test
    void rankingsAreNamedWithTheirPlaceInTheLog() {
        PreferenceSet set = aggregate(TASK, ranking("t", "bob", 1, "a>b>c"), ranking("t", "ann", 3, "a>b>c"));

        assertEquals(
                List.of("ann", "bob"),
                set.rankings().stream().map(used -> used.labelerId()).toList());
        assertEquals("rlhf.rankings.v1", set.rankings().getFirst().topic());
        assertEquals(3, set.rankings().getFirst().revision());
        assertEquals(1, set.rankings().getFirst().offset());
    }

    @Test
    void everyLabelersOwnOrderIsKeptWithWhatWasLeftOutLast() {
        Task four = task("t", RankingRules.DEFAULT, "one", "two", "three", " two");

        PreferenceSet set = aggregate(four, ranking("t", "bob", 1, "a=b=d>c"), ranking("t", "ann", 1, "d>a"));

        assertEquals(
                List.of(List.of("b"), List.of("a"), List.of("c")),
                set.rankings().getFirst().groups());
        assertEquals(
                List.of(List.of("a", "b"), List.of("c")),
                set.rankings().getLast().groups());
    }

    @Test
    void whatIsKnownOfThePromptGoesIntoTheSet() {
        Task plain = TASK;
        Task known = new Task(
                plain.projectId(),
                plain.taskId(),
                plain.prompt(),
                plain.outputs(),
                plain.rules(),
                plain.baseModel(),
                plain.sampleRoundId(),
                plain.createdAt(),
                Optional.of("billing"),
                Optional.of(new Task.Selection(Task.Selection.UNIFORM, 0.5)));

        PreferenceSet set = aggregate(known, ranking("t", "ann", 1, "a>b>c"));

        assertEquals(known.group(), set.group());
        assertEquals(known.selection(), set.selection());
    }

    private static PreferenceSet aggregate(Task task, RankingEvent... events) {
        return aggregate(task, labeler -> 1.0, events);
    }

    private static PreferenceSet aggregate(Task task, ToDoubleFunction<String> reliability, RankingEvent... events) {
        List<HeldRanking> held = new ArrayList<>();
        for (RankingEvent event : events) {
            held.add(HeldRanking.of(event, 0, held.size()));
        }
        return PreferenceAggregation.aggregate(task, held, reliability);
    }

    private static List<String> directions(PreferenceSet set) {
        return set.pairs().stream()
                .map(pair -> pair.chosen() + ">" + pair.rejected())
                .toList();
    }

    private static Pair pair(PreferenceSet set, String direction) {
        return set.pairs().stream()
                .filter(pair -> direction.equals(pair.chosen() + ">" + pair.rejected()))
                .findFirst()
                .orElseThrow();
    }
}
