package dev.podium.local.check;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** A checker that finds nothing wrong with anything would go unnoticed. */
class ReferenceSetTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String TASK = """
            {"outputs":[{"id":"a","text":"one"},{"id":"b","text":"two"},{"id":"c","text":" two "}],
             "rules":{"minVotes":1,"minMajority":0.0}}""";
    // Two labelers disagree about one and two; the second counts two and a half times.
    private static final String SET = """
            {"pairs":[{"chosen":"b","rejected":"a","weight":1.0,"votesFor":2.5,"votesAgainst":1.0,"margin":0.0,
                       "probability":0.6666666667}],
             "rankings":[{"labelerId":"ann","revision":2,"eventId":"e1","reliability":1.0},
                         {"labelerId":"bob","revision":1,"eventId":"e2","reliability":2.5}],
             "unacceptable":{"b":1},"decided":true}""";

    private static final List<Accepted> RANKINGS = List.of(
            new Accepted("t", "ann", 2, "e1", false, List.of(List.of("a"), List.of("b"), List.of("c")), List.of("c")),
            new Accepted("t", "bob", 1, "e2", false, List.of(List.of("c"), List.of("a"), List.of("b")), List.of()),
            new Accepted("t", "cat", 3, "e3", true, List.of(), List.of()));

    @Test
    void aSetThatFollowsFromRankingsAndWeightsIsRight() throws Exception {
        assertEquals(expected(Map.of("bob", 2.5)), ReferenceSet.of(JSON.readTree(SET)));
    }

    @Test
    void aSetThatSaysAnythingElseIsWrong() throws Exception {
        Set<String> expected = expected(Map.of("bob", 2.5));
        for (String damage : List.of(
                "\"votesFor\":2.5>\"votesFor\":2.0",
                "\"votesAgainst\":1.0>\"votesAgainst\":0.0",
                "\"weight\":1.0>\"weight\":0.5",
                "\"margin\":0.0>\"margin\":0.1",
                "\"chosen\":\"b\">\"chosen\":\"c\"",
                "\"revision\":2>\"revision\":1",
                "\"eventId\":\"e2\">\"eventId\":\"e3\"",
                "\"reliability\":2.5>\"reliability\":1.0",
                "{\"b\":1}>{\"b\":2}",
                "\"decided\":true>\"decided\":false")) {
            String[] ends = damage.split(">");
            JsonNode damaged = JSON.readTree(SET.replace(ends[0], ends[1]));
            assertNotEquals(expected, ReferenceSet.of(damaged), "not noticed: " + damage);
        }
        assertNotEquals(expected, expected(Map.of()), "a weight that nobody applied is not noticed");
    }

    @Test
    void aLabelerWhoseVotesWeighNothingSeparatesNoPair() throws Exception {
        Set<String> statements = expected(Map.of("ann", 0.0, "bob", 0.0));

        assertEquals(
                Set.of(
                        "tie a=b 0.000000 0.000000",
                        "used ann 2 e1 0.000000",
                        "used bob 1 e2 0.000000",
                        "unacceptable b 1",
                        "decided false"),
                statements);
    }

    private static Set<String> expected(Map<String, Double> weights) throws Exception {
        return new ReferenceSet(JSON.readTree(TASK), RANKINGS, weights).statements();
    }
}
