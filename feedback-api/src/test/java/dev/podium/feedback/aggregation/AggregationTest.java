package dev.podium.feedback.aggregation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class AggregationTest {
    private static final double RIDGE = 0.1;

    @Test
    void clearVotesGiveOneOrderByEveryMethod() {
        VoteMatrix votes = votes("a>b>c", "a>b>c", "b>a>c");
        for (Aggregation method : Aggregation.values()) {
            Aggregate order = method.of(votes, RIDGE);
            assertEquals(List.of(List.of("a"), List.of("b"), List.of("c")), order.groups(), method.word());
            assertEquals(List.of(), order.cycles());
            assertTrue(order.unique());
        }
    }

    @Test
    void aCycleOfMajoritiesIsShownAndNotCutAnywhere() {
        VoteMatrix votes = votes("a>b>c>d", "b>c>a>d", "c>a>b>d");
        for (Aggregation method : Aggregation.values()) {
            Aggregate order = method.of(votes, RIDGE);
            assertEquals(List.of(List.of("a", "b", "c")), order.cycles(), method.word());
            assertEquals(List.of(List.of("a", "b", "c"), List.of("d")), order.groups(), method.word());
        }
        assertFalse(Aggregation.KEMENY.of(votes, RIDGE).unique());
    }

    @Test
    void aTieIsNotDecidedByTheOrderOfIds() {
        VoteMatrix votes = votes("a>b=c", "a>c>b", "a>b>c");
        for (Aggregation method : Aggregation.values()) {
            assertEquals(
                    List.of(List.of("a"), List.of("b", "c")),
                    method.of(votes, RIDGE).groups(),
                    method.word());
        }
    }

    @Test
    void kemenysOrderIsTheBestOfAllPermutationsAndSaysWhatTheBestOnesShare() {
        SplittableRandom random = new SplittableRandom(11);
        for (int outputs = 2; outputs <= 6; outputs++) {
            List<int[]> permutations = permutations(outputs);
            for (int trial = 0; trial < 40; trial++) {
                double[][] above = new double[outputs][outputs];
                for (int i = 0; i < outputs; i++) {
                    for (int j = 0; j < outputs; j++) {
                        above[i][j] = i == j ? 0 : random.nextInt(4);
                    }
                }
                double least = permutations.stream()
                        .mapToDouble(p -> against(p, above))
                        .min()
                        .orElseThrow();
                List<int[]> best = permutations.stream()
                        .filter(p -> against(p, above) == least)
                        .toList();
                Kemeny.Optimum optimum = Kemeny.solve(above);
                assertEquals(least, optimum.distance(), 1e-9);
                assertEquals(best.size() == 1, optimum.unique());
                // Of two outputs in different places, every best order has the first one first.
                for (int g = 0; g < optimum.groups().size(); g++) {
                    for (int h = g + 1; h < optimum.groups().size(); h++) {
                        for (int i : optimum.groups().get(g)) {
                            for (int j : optimum.groups().get(h)) {
                                assertTrue(best.stream().allMatch(p -> position(p, i) < position(p, j)));
                            }
                        }
                    }
                }
                if (optimum.unique()) {
                    assertEquals(outputs, optimum.groups().size());
                }
            }
        }
    }

    @Test
    void nineOutputsAreSolvedExactly() {
        double[][] above = new double[9][9];
        for (int i = 0; i < 9; i++) {
            for (int j = i + 1; j < 9; j++) {
                above[8 - i][8 - j] = 2;
                above[8 - j][8 - i] = 1;
            }
        }
        assertEquals(
                IntStream.range(0, 9).mapToObj(i -> List.of(8 - i)).toList(),
                Kemeny.solve(above).groups());
    }

    @Test
    void bradleyTerryWithTiesAndRidgeIsTheMinimumThatScipyFinds() throws Exception {
        try (InputStream in = AggregationTest.class.getResourceAsStream("/golden/quality.json")) {
            for (JsonNode each : new ObjectMapper().readTree(in).path("bradley_terry")) {
                double[] scores = BradleyTerry.fit(
                                matrix(each.path("above")),
                                matrix(each.path("tied")),
                                each.path("ridge").asDouble())
                        .scores();
                assertArrayEquals(row(each.path("scores")), scores, 1e-5);
                assertEquals(
                        0,
                        IntStream.range(0, scores.length)
                                .mapToDouble(i -> scores[i])
                                .sum(),
                        1e-9);
            }
        }
    }

    @Test
    void oneVoteDoesNotMakeAScoreInfinite() {
        double[] scores = BradleyTerry.fit(new double[][] {{0, 1}, {0, 0}}, new double[][] {{0, 0}, {0, 0}}, RIDGE)
                .scores();
        assertTrue(scores[0] > 0 && scores[0] < 3, "score " + scores[0]);
    }

    /** Ballots such as {@code "a>b=c"}, decided by simple majority. */
    private static VoteMatrix votes(String... ballots) {
        List<String> ids = ballots[0]
                .chars()
                .filter(Character::isLetter)
                .mapToObj(Character::toString)
                .sorted()
                .toList();
        int k = ids.size();
        double[][] above = new double[k][k];
        double[][] tied = new double[k][k];
        boolean[][] beats = new boolean[k][k];
        for (String ballot : ballots) {
            int[] place = new int[k];
            String[] groups = ballot.split(">");
            for (int g = 0; g < groups.length; g++) {
                for (String id : groups[g].split("=")) {
                    place[ids.indexOf(id)] = g;
                }
            }
            for (int i = 0; i < k; i++) {
                for (int j = 0; j < k; j++) {
                    above[i][j] += place[i] < place[j] ? 1 : 0;
                    tied[i][j] += i != j && place[i] == place[j] ? 1 : 0;
                }
            }
        }
        for (int i = 0; i < k; i++) {
            for (int j = 0; j < k; j++) {
                beats[i][j] = above[i][j] > above[j][i];
            }
        }
        return new VoteMatrix(ids, above, tied, beats);
    }

    private static double against(int[] order, double[][] above) {
        double votes = 0;
        for (int i = 0; i < order.length; i++) {
            for (int j = i + 1; j < order.length; j++) {
                votes += above[order[j]][order[i]];
            }
        }
        return votes;
    }

    private static int position(int[] order, int output) {
        return IntStream.range(0, order.length)
                .filter(i -> order[i] == output)
                .findFirst()
                .orElseThrow();
    }

    private static List<int[]> permutations(int n) {
        List<int[]> all = new ArrayList<>();
        permute(new int[n], 0, new boolean[n], all);
        return all;
    }

    private static void permute(int[] order, int at, boolean[] used, List<int[]> all) {
        if (at == order.length) {
            all.add(order.clone());
            return;
        }
        for (int i = 0; i < order.length; i++) {
            if (!used[i]) {
                used[i] = true;
                order[at] = i;
                permute(order, at + 1, used, all);
                used[i] = false;
            }
        }
    }

    private static double[] row(JsonNode array) {
        return IntStream.range(0, array.size())
                .mapToDouble(i -> array.get(i).asDouble())
                .toArray();
    }

    private static double[][] matrix(JsonNode rows) {
        return IntStream.range(0, rows.size()).mapToObj(i -> row(rows.get(i))).toArray(double[][]::new);
    }
}
