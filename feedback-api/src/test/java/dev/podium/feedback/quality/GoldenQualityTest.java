package dev.podium.feedback.quality;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/** Values made by published libraries; the script is {@code src/test/python/make_golden.py}. */
class GoldenQualityTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @Test
    void kendallsTauBIsThatOfScipy() throws Exception {
        for (JsonNode each : golden("tau")) {
            assertEquals(
                    each.path("tau_b").asDouble(),
                    Agreement.tauB(doubles(each.path("x")), doubles(each.path("y"))),
                    1e-12);
        }
    }

    @Test
    void kendallsWWithTiesIsThatOfScipysFriedmanTest() throws Exception {
        for (JsonNode each : golden("w")) {
            assertEquals(each.path("w").asDouble(), Agreement.kendallW(matrix(each.path("ranks"))), 1e-12);
        }
    }

    @Test
    void krippendorffsAlphaWithMissingLabelersIsThatOfTheLibrary() throws Exception {
        for (JsonNode each : golden("alpha")) {
            List<double[]> units = List.of(matrix(each.path("units")));
            assertEquals(each.path("alpha").asDouble(), Agreement.alpha(units), 1e-9);
        }
    }

    @Test
    void reliabilityByEmIsTheMaximumThatAnOptimiserFinds() throws Exception {
        JsonNode crowd = golden("crowd");
        List<CrowdBradleyTerry.Vote> votes = new ArrayList<>();
        crowd.path("votes")
                .forEach(v -> votes.add(new CrowdBradleyTerry.Vote(
                        v.get(0).asInt(),
                        v.get(1).asInt(),
                        v.get(2).asInt(),
                        v.get(3).asInt())));
        int[] outputs = new int[crowd.path("tasks").asInt()];
        Arrays.fill(outputs, crowd.path("outputs").asInt());
        CrowdBradleyTerry.Estimate estimate =
                CrowdBradleyTerry.estimate(votes, crowd.path("labelers").asInt(), outputs);
        assertArrayEquals(doubles(crowd.path("eta")), estimate.eta(), 1e-4);
    }

    @Test
    void whoVotesByChanceComesToWeighLittleAndWhoLiesNothing() {
        SplittableRandom random = new SplittableRandom(5);
        List<CrowdBradleyTerry.Vote> votes = new ArrayList<>();
        int tasks = 100;
        for (int task = 0; task < tasks; task++) {
            for (int labeler = 0; labeler < 6; labeler++) {
                double honest = labeler == 5 ? 0.05 : labeler == 4 ? 0.5 : 0.95;
                for (int i = 0; i < 3; i++) {
                    for (int j = i + 1; j < 3; j++) {
                        boolean right = random.nextDouble() < honest;
                        votes.add(new CrowdBradleyTerry.Vote(labeler, task, right ? i : j, right ? j : i));
                    }
                }
            }
        }
        int[] outputs = IntStream.generate(() -> 3).limit(tasks).toArray();
        CrowdBradleyTerry.Estimate estimate = CrowdBradleyTerry.estimate(votes, 6, outputs);
        for (int labeler = 0; labeler < 4; labeler++) {
            assertTrue(estimate.weight(labeler) > 0.8, "honest: " + estimate.weight(labeler));
        }
        assertTrue(estimate.weight(4) < 0.25, "by chance: " + estimate.weight(4));
        assertEquals(0, estimate.weight(5));
    }

    @Test
    void agreementComesWithItsNumberAndTheSameIntervalEachTime() {
        List<double[][]> tasks = new ArrayList<>();
        SplittableRandom random = new SplittableRandom(3);
        for (int task = 0; task < 40; task++) {
            double[][] ranks = new double[2 + task % 2][];
            for (int labeler = 0; labeler < ranks.length; labeler++) {
                ranks[labeler] = random.nextInt(4) == 0 ? new double[] {2, 1, 3} : new double[] {1, 2, 3};
            }
            tasks.add(ranks);
        }
        tasks.add(new double[][] {{1, 2, 3}});
        Agreement.Report report = Agreement.report(tasks);
        assertEquals(40, report.alpha().n());
        assertEquals(40, report.w().n());
        for (Agreement.Figure figure : List.of(report.alpha(), report.tauB(), report.w())) {
            assertTrue(figure.low() < figure.value() && figure.value() < figure.high(), figure.toString());
        }
        assertEquals(report, Agreement.report(tasks));
    }

    @Test
    void hasteIsFlaggedWithItsNumbersAndOrdinaryWorkIsNot() {
        SplittableRandom random = new SplittableRandom(1);
        List<String> patterns = List.of("1 2 3", "1 3 2", "2 1 3", "2 3 1", "3 1 2", "3 2 1");
        List<Haste.Seen> ordinary = new ArrayList<>();
        List<Haste.Seen> hasty = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            ordinary.add(new Haste.Seen(patterns.get(random.nextInt(6)), 3, 20_000 + random.nextInt(9_000), 500));
            hasty.add(new Haste.Seen(i % 8 == 0 ? "2 1 3" : "1 2 3", 3, 1_500, 500));
        }
        double usual = Haste.pace(ordinary);
        assertEquals(List.of(), Haste.flags(ordinary, usual));
        assertEquals(
                List.of("speeder", "straight_liner"),
                Haste.flags(hasty, usual).stream().map(Haste.Flag::code).toList());
        assertEquals(List.of(), Haste.flags(hasty.subList(0, Haste.ENOUGH - 1), usual));
    }

    @Test
    void theSamePlacesAgainAndAgainAreSeenAmongTopPlacesAndTiesToo() {
        SplittableRandom random = new SplittableRandom(2);
        List<String> topTwoOfFour = new ArrayList<>();
        for (int first = 0; first < 4; first++) {
            for (int second = 0; second < 4; second++) {
                if (first != second) {
                    int[] places = {3, 3, 3, 3};
                    places[first] = 1;
                    places[second] = 2;
                    topTwoOfFour.add(places[0] + " " + places[1] + " " + places[2] + " " + places[3]);
                }
            }
        }
        List<Haste.Seen> ordinary = new ArrayList<>();
        List<Haste.Seen> lazy = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            ordinary.add(new Haste.Seen(topTwoOfFour.get(random.nextInt(12)), 4, 0, 500));
            // A third of the work is all tied; the rest is far more often the same than 1 in 12.
            lazy.add(new Haste.Seen(
                    i % 3 == 0 ? "1 1 1 1" : i % 3 == 1 ? "1 2 3 3" : topTwoOfFour.get(random.nextInt(12)), 4, 0, 500));
        }
        assertEquals(List.of(), Haste.flags(ordinary, 0));
        assertEquals(
                List.of("straight_liner"),
                Haste.flags(lazy, 0).stream().map(Haste.Flag::code).toList());
    }

    @Test
    void aKnownAnswerIsHeldAgainstWhatALabelerCouldPlace() {
        List<List<String>> answer = List.of(List.of("a"), List.of("b"), List.of("c"), List.of("d"), List.of("e"));
        List<List<String>> topTwo = List.of(List.of("a"), List.of("b"), List.of("c", "d", "e"));
        assertEquals(1, GoldTasks.score(answer, topTwo, 2));
        assertEquals(0.7, GoldTasks.score(answer, topTwo, 0), 1e-12);
        assertEquals(
                6.0 / 7,
                GoldTasks.score(answer, List.of(List.of("b"), List.of("a"), List.of("c", "d", "e")), 2),
                1e-12);
    }

    private static JsonNode golden(String name) throws IOException {
        try (InputStream in = GoldenQualityTest.class.getResourceAsStream("/golden/quality.json")) {
            return JSON.readTree(in).path(name);
        }
    }

    private static double[] doubles(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .mapToDouble(JsonNode::asDouble)
                .toArray();
    }

    private static double[][] matrix(JsonNode rows) {
        return StreamSupport.stream(rows.spliterator(), false)
                .map(GoldenQualityTest::doubles)
                .toArray(double[][]::new);
    }
}
