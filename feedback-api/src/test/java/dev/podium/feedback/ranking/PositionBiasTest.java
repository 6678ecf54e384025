package dev.podium.feedback.ranking;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.feedback.ranking.PositionBias.Group;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PositionBiasTest {
    @Test
    void withOneNumberOfOutputsItIsTheBinomialTest() {
        // By hand: 2 (1 + 10) / 2^10, and 1 / 3^3.
        assertEquals(22.0 / 1024, PositionBias.pValue(List.of(new Group(2, 10, 9))), 1e-12);
        assertEquals(1.0 / 27, PositionBias.pValue(List.of(new Group(3, 3, 3))), 1e-12);
        // Exact fractions, summed over what is no likelier, as R's binom.test(45, 100, 1/3) and (20, 100, 1/3) do.
        assertEquals(0.01476966385238897, PositionBias.pValue(List.of(new Group(3, 100, 45))), 1e-10);
        assertEquals(0.0040357908860573985, PositionBias.pValue(List.of(new Group(3, 100, 20))), 1e-10);
    }

    @Test
    void tasksWithDifferentNumbersOfOutputsAreTestedTogether() {
        // 0, 1, 2 first places have probabilities 1/3, 1/2, 1/6.
        assertEquals(1.0 / 6, PositionBias.pValue(List.of(new Group(2, 1, 1), new Group(3, 1, 1))), 1e-12);
        assertEquals(0.5, PositionBias.pValue(List.of(new Group(2, 1, 0), new Group(3, 1, 0))), 1e-12);
    }

    @Test
    void nothingIsSaidOfNothingAndOfWhatChanceExplains() {
        assertEquals(1, PositionBias.pValue(List.of()));
        assertEquals(1, PositionBias.pValue(List.of(new Group(4, 100, 25))), 1e-9);
    }

    @Test
    void largeCountsGoOnWhereTheExactTestEnds() {
        double exact = PositionBias.pValue(List.of(new Group(4, 5_000, 1_320)));
        double approximate = PositionBias.pValue(List.of(new Group(4, 5_001, 1_320)));
        assertEquals(exact, approximate, 0.05 * exact);
        assertTrue(PositionBias.pValue(List.of(new Group(4, 1_000_000, 300_000))) < 1e-300);
    }

    @Test
    void amongAHundredLabelersOneLuckyStreakIsNoAccusation() {
        PositionBias.Row lucky = PositionBias.row("ann", List.of(new int[] {3, 1, 9}, new int[] {3, 2, 1}));
        List<PositionBias.Row> rows = new ArrayList<>(List.of(lucky));
        for (int i = 0; i < 99; i++) {
            rows.add(PositionBias.row("fair-" + i, List.of(new int[] {3, 1, 4}, new int[] {3, 3, 8})));
        }

        PositionBias.Row among = PositionBias.holm(rows).getFirst();

        assertTrue(lucky.biased() && !among.biased(), lucky.pValue() + " and " + among.adjusted());
        assertEquals("ann", among.labeler());
        assertEquals(List.of(9, 1, 0), among.winsByPosition());
        assertEquals(1.0 / 3, among.expected(), 1e-12);
    }
}
