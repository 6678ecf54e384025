package dev.podium.rankingstream;

import static dev.podium.rankingstream.Facts.ranking;
import static dev.podium.rankingstream.Facts.retraction;
import static dev.podium.rankingstream.Facts.task;
import static dev.podium.rankingstream.TopologyHarness.bytes;
import static dev.podium.rankingstream.TopologyHarness.header;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.DeadLetterHeaders;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.LabelerStatistics;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.ProjectTotals;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.RankingRules;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RankingTopologyTest {
    private TopologyHarness stream;

    @BeforeEach
    void start() {
        stream = new TopologyHarness();
    }

    @AfterEach
    void stop() {
        stream.close();
    }

    // ---- sets

    @Test
    void aTaskAloneHasNoSet() {
        stream.task(task("t"));

        assertTrue(stream.sets().isEmpty());
    }

    @Test
    void aRankingGivesASetWithPromptAndOutputs() {
        stream.task(task("t"));

        stream.ranking(ranking("t", "ann", 1, "a>b>c"));

        PreferenceSet set = stream.newestSet();
        assertEquals(3, set.pairs().size());
        assertEquals(task("t").prompt(), set.prompt());
        assertEquals(task("t").outputs(), set.outputs());
        assertEquals(Optional.of("podium-nano"), set.baseModel());
    }

    @Test
    void aSetIsKeyedByTaskAndIsACloudEvent() {
        stream.task(task("t"));
        RecordHeaders headers =
                CloudEvents.headers("e1", "/test", "dev.podium.RankingSubmitted.v1", "t", Facts.NOON, "00-abc-def-01");

        stream.rawRanking(bytes("t"), EventJson.write(ranking("t", "ann", 1, "a>b>c")), headers);

        TestRecord<byte[], byte[]> set = stream.rawSets().getFirst();
        assertArrayEquals(bytes("t"), set.key());
        assertEquals("dev.podium.PreferenceSet.v1", header(set, CloudEvents.TYPE));
        assertEquals("/ranking-stream", header(set, CloudEvents.SOURCE));
        assertEquals("t", header(set, CloudEvents.SUBJECT));
        assertEquals("1.0", header(set, CloudEvents.SPEC_VERSION));
        assertEquals("00-abc-def-01", header(set, CloudEvents.TRACE_PARENT));
        assertFalse(header(set, CloudEvents.ID).isEmpty());
    }

    @Test
    void aCorrectionReplacesTheRanking() {
        stream.task(task("t"));
        stream.ranking(ranking("t", "ann", 1, "a>b>c"));

        stream.ranking(ranking("t", "ann", 2, "c>b>a"));

        PreferenceSet set = stream.newestSet();
        assertEquals("b", set.pairs().getFirst().chosen());
        assertEquals(1, set.rankings().size());
        assertEquals(2, set.rankings().getFirst().revision());
    }

    @Test
    void anOlderRevisionAfterANewerOneChangesNoSet() {
        stream.task(task("t"));
        stream.ranking(ranking("t", "ann", 2, "c>b>a"));
        stream.sets();

        stream.ranking(ranking("t", "ann", 1, "a>b>c"));

        assertTrue(stream.sets().isEmpty());
    }

    @Test
    void aReplayedEventChangesNothingAndIsCounted() {
        stream.task(task("t"));
        stream.ranking(ranking("t", "ann", 1, "a>b>c"));
        stream.sets();
        stream.labelers();

        stream.ranking(ranking("t", "ann", 1, "a>b>c"));

        assertTrue(stream.sets().isEmpty());
        assertTrue(stream.labelers().isEmpty());
        assertEquals(1, stream.count(StreamMetrics.RECORDS, "outcome", "repeated"));
    }

    @Test
    void ofTwoCopiesTheEarlierPlaceInTheLogIsNamed() {
        stream.task(task("t"));
        stream.ranking(ranking("other", "ann", 1, "a>b>c"));
        stream.ranking(ranking("t", "ann", 1, "a>b>c"));
        stream.ranking(ranking("t", "ann", 1, "a>b>c"));
        stream.ranking(ranking("t", "bob", 1, "a>b>c"));

        PreferenceSet set = stream.newestSet();

        assertEquals(1, set.rankings().getFirst().offset());
        assertEquals(3, set.rankings().getLast().offset());
        assertEquals(Topics.RANKINGS, set.rankings().getFirst().topic());
    }

    @Test
    void aRetractionTakesTheRankingBack() {
        stream.task(task("t"));
        stream.ranking(ranking("t", "ann", 1, "a>b>c"));
        stream.ranking(ranking("t", "bob", 1, "a>b>c"));

        stream.ranking(retraction("t", "ann", 2));

        PreferenceSet set = stream.newestSet();
        assertEquals(1, set.rankings().size());
        assertEquals(1.0, set.pairs().getFirst().votesFor());
    }

    @Test
    void aTaskWithAllRankingsRetractedHasAnUndecidedSet() {
        stream.task(task("t"));
        stream.ranking(ranking("t", "ann", 1, "a>b>c"));

        stream.ranking(retraction("t", "ann", 2));

        PreferenceSet set = stream.newestSet();
        assertFalse(set.decided());
        assertTrue(set.rankings().isEmpty());
    }

    @Test
    void aRetractionOfARankingNeverSeenIsHarmless() {
        stream.task(task("t"));

        stream.ranking(retraction("t", "ann", 2));
        stream.ranking(ranking("t", "bob", 1, "a>b>c"));

        assertEquals(1, stream.newestSet().rankings().size());
        assertTrue(stream.deadLetters().isEmpty());
    }

    @Test
    void aRankingAfterARetractionCountsAgain() {
        stream.task(task("t"));
        stream.ranking(ranking("t", "ann", 1, "a>b>c"));
        stream.ranking(retraction("t", "ann", 2));

        stream.ranking(ranking("t", "ann", 3, "a>b>c"));

        assertTrue(stream.newestSet().decided());
    }

    @Test
    void newRulesOfATaskRecomputeItsSet() {
        stream.task(task("t"));
        stream.ranking(ranking("t", "ann", 1, "a>b>c"));
        assertTrue(stream.newestSet().decided());

        stream.task(task("t", new RankingRules(true, 0, 2, 2, 0), "one", "two", "three"));

        assertFalse(stream.newestSet().decided());
    }

    @Test
    void theSameTaskPublishedAgainChangesNothing() {
        stream.task(task("t"));
        stream.ranking(ranking("t", "ann", 1, "a>b>c"));
        stream.sets();

        stream.task(task("t"));

        assertTrue(stream.sets().isEmpty());
    }

    @Test
    void tasksDoNotMixEvenWhenOneIdBeginsWithAnother() {
        stream.task(task("t"));
        stream.task(task("tx"));
        stream.ranking(ranking("tx", "ann", 1, "a>b>c"));

        stream.ranking(ranking("t", "bob", 1, "a>b>c"));

        PreferenceSet set = stream.newestSet();
        assertEquals(1, set.rankings().size());
        assertEquals("bob", set.rankings().getFirst().labelerId());
    }

    // ---- parking

    @Test
    void aRankingBeforeItsTaskWaitsForIt() {
        stream.ranking(ranking("t", "ann", 1, "a>b>c"));
        stream.ranking(ranking("t", "bob", 1, "a>b>c"));
        stream.pass(TopologyHarness.PARK.minusSeconds(1));
        assertTrue(stream.sets().isEmpty());

        stream.task(task("t"));

        PreferenceSet set = stream.newestSet();
        assertEquals(2, set.rankings().size());
        assertEquals(0, set.rankings().getFirst().offset());
        assertEquals(1, set.rankings().getLast().offset());
        stream.pass(TopologyHarness.PARK.multipliedBy(2));
        assertTrue(stream.deadLetters().isEmpty());
    }

    @Test
    void aRankingWhoseTaskDoesNotComeBecomesADeadLetterAsItCame() {
        RankingSubmitted ranking = ranking("t", "ann", 1, "a>b>c");
        RecordHeaders headers = new RecordHeaders();
        headers.add("x-test", new byte[] {(byte) 0xFF, 0});
        stream.rawRanking(bytes("t"), EventJson.write(ranking), headers);

        stream.pass(TopologyHarness.PARK.plusMinutes(1));

        TestRecord<byte[], byte[]> letter = stream.onlyDeadLetter();
        assertEquals("unknown_task", header(letter, DeadLetterHeaders.REASON));
        assertArrayEquals(bytes("t"), letter.key());
        assertArrayEquals(EventJson.write(ranking), letter.value());
        assertArrayEquals(
                new byte[] {(byte) 0xFF, 0},
                letter.headers().lastHeader("x-test").value());
        assertEquals("0", header(letter, DeadLetterHeaders.OFFSET));
    }

    @Test
    void onlyWhatHasWaitedLongEnoughIsGivenUp() {
        stream.ranking(ranking("t", "ann", 1, "a>b>c"));
        stream.pass(TopologyHarness.PARK.dividedBy(2));
        stream.ranking(ranking("t", "bob", 1, "a>b>c"));

        stream.pass(TopologyHarness.PARK.dividedBy(2).plusMinutes(1));

        assertEquals(1, stream.deadLetters().size());
        stream.task(task("t"));
        assertEquals("bob", stream.newestSet().rankings().getFirst().labelerId());
    }

    @Test
    void aReplayOfADeadLetterCountsOnceItsTaskIsKnown() {
        stream.ranking(ranking("t", "ann", 1, "a>b>c"));
        stream.pass(TopologyHarness.PARK.plusMinutes(1));
        TestRecord<byte[], byte[]> letter = stream.onlyDeadLetter();
        stream.task(task("t"));

        stream.rawRanking(letter.key(), letter.value(), letter.headers());

        assertTrue(stream.newestSet().decided());
    }

    @Test
    void aWaitingRankingThatDoesNotFitItsTaskBecomesADeadLetter() {
        stream.ranking(ranking("t", "ann", 1, "a>b>z"));
        stream.ranking(ranking("t", "bob", 1, "a>b>c"));

        stream.task(task("t"));

        assertEquals("unknown_output", header(stream.onlyDeadLetter(), DeadLetterHeaders.REASON));
        assertEquals(1, stream.newestSet().rankings().size());
    }

    @Test
    void aClockSetForwardGivesNoRankingUp() {
        stream.ranking(ranking("t", "ann", 1, "a>b>c"));

        stream.setClockForward(TopologyHarness.PARK.multipliedBy(10));
        stream.task(task("t"));

        assertTrue(stream.newestSet().decided());
        assertTrue(stream.deadLetters().isEmpty());
    }

    // ---- project totals

    @Test
    void totalsFollowEveryChange() {
        stream.task(task("t"));
        stream.task(task("u"));
        assertEquals(2, stream.totals().tasks());

        stream.ranking(ranking("t", "ann", 1, "a>b>c"));
        stream.ranking(ranking("t", "bob", 1, "a>b>c"));
        ProjectTotals ranked = stream.totals();
        stream.ranking(retraction("t", "ann", 2));
        stream.ranking(retraction("t", "bob", 2));
        ProjectTotals retracted = stream.totals();

        assertEquals(
                List.of(2L, 1L, 1L, 2L, 3L),
                List.of(
                        ranked.tasks(),
                        ranked.rankedTasks(),
                        ranked.decidedTasks(),
                        ranked.rankings(),
                        ranked.pairs()));
        assertEquals(
                List.of(2L, 0L, 0L, 0L, 0L),
                List.of(
                        retracted.tasks(),
                        retracted.rankedTasks(),
                        retracted.decidedTasks(),
                        retracted.rankings(),
                        retracted.pairs()));
    }

    @Test
    void manyChangesInOneBeatAreOneRecordOfFigures() {
        stream.task(task("t"));
        stream.task(task("u"));
        stream.labelers();
        // Two looks at what is due have passed since the last beat that nothing followed.
        stream.pass(SummingProcessor.BEAT.minus(TaskProcessor.SETS_EVERY.multipliedBy(2)));
        stream.ranking(ranking("t", "ann", 1, "a>b>c"));
        stream.ranking(ranking("u", "ann", 1, "a>b>c"));
        stream.ranking(ranking("u", "ann", 2, "c>b>a"));

        assertEquals(2, stream.labelers().get("ann").rankings());
        assertEquals(1, stream.labelerRecords());
    }

    // ---- dead letters

    @ParameterizedTest
    @ValueSource(strings = {"\"+300000000-01-01T00:00:00Z\"", "\"-0001-12-31T23:59:59Z\"", "10000000000000000"})
    void aTimeThatFitsNowhereIsADeadLetterAndTheStreamGoesOn(String at) {
        stream.task(task("t"));
        String json = EventJson.writeText(ranking("t", "ann", 1, "a>b>c"));
        stream.rawRanking("t", json.replaceFirst("\"at\":\"[^\"]*\"", "\"at\":" + at));
        assertEquals("invalid_json", TopologyHarness.header(stream.onlyDeadLetter(), "podium_dlt_reason"));
        stream.ranking(ranking("t", "bob", 1, "a>b>c"));
        assertEquals(1, stream.totals().rankings());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "not json",
                "",
                "null",
                "[]",
                "{\"type\":\"RankingSubmitted\"}",
                "{\"type\":\"Unheard\",\"taskId\":\"t\"}",
                "{\"taskId\":\"t\"}",
                "{\"type\":\"RankingSubmitted\",\"eventId\":\"e\",\"projectId\":\"support\",\"taskId\":\"t\","
                        + "\"labelerId\":\"ann\",\"durationMillis\":0,\"revision\":1,\"groups\":[null],\"at\":\"2026-11-01T12:00:00Z\"}",
                "{\"type\":\"RankingSubmitted\",\"eventId\":\"e\",\"projectId\":\"support\",\"taskId\":\"t\","
                        + "\"labelerId\":\"ann\",\"durationMillis\":0,\"revision\":1,\"groups\":[[\"a\",null]],\"at\":\"2026-11-01T12:00:00Z\"}",
                "{\"type\":\"RankingSubmitted\",\"eventId\":\"e\",\"projectId\":\"support\",\"taskId\":\"t\","
                        + "\"labelerId\":\"ann\",\"durationMillis\":0,\"revision\":1,\"groups\":[[\"a\"],[\"a\"]],\"at\":\"2026-11-01T12:00:00Z\"}",
                "{\"type\":\"RankingSubmitted\",\"eventId\":\"e\",\"projectId\":\"support\",\"taskId\":\"t\","
                        + "\"labelerId\":\"ann\",\"revision\":1,\"durationMillis\":0,\"revision\":2,\"groups\":[[\"a\"]],\"at\":\"2026-11-01T12:00:00Z\"}",
                "{\"type\":\"RankingSubmitted\",\"eventId\":\"e\",\"projectId\":\"support\",\"taskId\":\"t\","
                        + "\"labelerId\":\"ann\",\"durationMillis\":0,\"revision\":0,\"groups\":[[\"a\"]],\"at\":\"2026-11-01T12:00:00Z\"}"
            })
    void poisonGoesToTheDeadLettersAndTheStreamGoesOn(String poison) {
        stream.task(task("t"));

        stream.rawRanking("t", poison);

        TestRecord<byte[], byte[]> letter = stream.onlyDeadLetter();
        assertEquals("invalid_json", header(letter, DeadLetterHeaders.REASON));
        assertArrayEquals(bytes(poison), letter.value());
        assertGoesOn();
    }

    @Test
    void bytesThatAreNoTextGoToTheDeadLetters() {
        stream.rawRanking(bytes("t"), new byte[] {0, 1, (byte) 0xFF, (byte) 0xFE}, new RecordHeaders());

        assertArrayEquals(
                new byte[] {0, 1, (byte) 0xFF, (byte) 0xFE},
                stream.onlyDeadLetter().value());
        assertGoesOn();
    }

    @Test
    void poisonInTheTasksGoesToTheDeadLettersToo() {
        stream.rawTask(bytes("t"), bytes("{"), new RecordHeaders());

        TestRecord<byte[], byte[]> letter = stream.onlyDeadLetter();
        assertEquals("invalid_json", header(letter, DeadLetterHeaders.REASON));
        assertEquals(Topics.TASKS, header(letter, DeadLetterHeaders.TOPIC));
        assertGoesOn();
    }

    @Test
    void aTaskWithOneOutputGoesToTheDeadLetters() {
        String one = EventJson.writeText(task("t", RankingRules.DEFAULT, "one", "two"))
                .replaceFirst(",\\{\"id\":\"b\"[^}]*\\{[^}]*\\}[^}]*\\}", "");

        stream.rawTask(bytes("t"), bytes(one), new RecordHeaders());

        assertEquals("invalid_json", header(stream.onlyDeadLetter(), DeadLetterHeaders.REASON));
    }

    @Test
    void aLoneSurrogateInAnIdGoesToTheDeadLetters() {
        stream.task(task("t"));
        String json = EventJson.writeText(ranking("t", "ann", 1, "a>b>c")).replace("\"ann\"", "\"\\ud800\"");

        stream.rawRanking("t", json);

        assertEquals("invalid_json", header(stream.onlyDeadLetter(), DeadLetterHeaders.REASON));
        assertGoesOn();
    }

    @Test
    void aLoneSurrogateInACommentDoesNoHarm() {
        stream.task(task("t"));
        String json = EventJson.writeText(ranking("t", "ann", 1, "a>b>c"))
                .replace("\"eventId\"", "\"comment\":\"\\ud800\",\"eventId\"");

        stream.rawRanking("t", json);

        assertTrue(stream.newestSet().decided());
        assertGoesOn();
    }

    @Test
    void aRankingInAnotherUnicodeEncodingWaitsUnharmed() {
        byte[] utf16 = EventJson.writeText(ranking("t", "ann", 1, "a>b>c")).getBytes(StandardCharsets.UTF_16BE);
        stream.rawRanking(bytes("t"), utf16, new RecordHeaders());

        stream.task(task("t"));

        assertTrue(stream.newestSet().decided());
    }

    @ParameterizedTest
    @ValueSource(strings = {"t\\u0000x", "t\\nx"})
    void aControlCharacterInAnIdGoesToTheDeadLetters(String id) {
        String json = new String(EventJson.write(ranking("t", "ann", 1, "a>b>c")), StandardCharsets.UTF_8)
                .replace("\"ann\"", "\"" + id + "\"");

        stream.rawRanking("t", json);

        assertEquals("invalid_json", header(stream.onlyDeadLetter(), DeadLetterHeaders.REASON));
    }

    @Test
    void anIdOrACommentWithoutEndGoesToTheDeadLetters() {
        String json = new String(EventJson.write(ranking("t", "ann", 1, "a>b>c")), StandardCharsets.UTF_8);

        stream.rawRanking("t", json.replace("\"ann\"", "\"" + "a".repeat(201) + "\""));
        stream.rawRanking("t", json.replaceFirst("\\{", "{\"comment\":\"" + "c".repeat(10_001) + "\","));

        assertEquals(2, stream.deadLetters().size());
    }

    @Test
    void outputsThatAreRankedKeepTheirTexts() {
        stream.task(task("t"));

        stream.task(task("t", RankingRules.DEFAULT, "one", "two", "another three"));

        assertEquals("outputs_changed", header(stream.onlyDeadLetter(), DeadLetterHeaders.REASON));
    }

    @Test
    void aTaskWithTenOutputsGoesToTheDeadLetters() {
        String json = new String(
                EventJson.write(task("t", RankingRules.DEFAULT, "1", "2", "3", "4", "5", "6", "7", "8", "9")),
                StandardCharsets.UTF_8);
        String tenth = "{\"id\":\"z\",\"text\":\"10\",\"provenance\":{\"source\":\"imported\"},\"tokenIds\":[]}";

        stream.rawTask(
                bytes("t"), bytes(json.replace("\"outputs\":[", "\"outputs\":[" + tenth + ",")), new RecordHeaders());

        assertEquals("invalid_json", header(stream.onlyDeadLetter(), DeadLetterHeaders.REASON));
    }

    @Test
    void anUnknownMajorVersionGoesToTheDeadLettersWithItsHeaders() {
        stream.task(task("t"));
        RecordHeaders headers =
                CloudEvents.headers("e1", "/test", "dev.podium.RankingSubmitted.v2", "t", Facts.NOON, null);

        stream.rawRanking(bytes("t"), bytes("{\"whatever\":1}"), headers);

        TestRecord<byte[], byte[]> letter = stream.onlyDeadLetter();
        assertEquals("unknown_version", header(letter, DeadLetterHeaders.REASON));
        assertEquals("dev.podium.RankingSubmitted.v2", header(letter, CloudEvents.TYPE));
        assertEquals("e1", header(letter, CloudEvents.ID));
        assertEquals(Topics.RANKINGS, header(letter, DeadLetterHeaders.TOPIC));
        assertEquals("0", header(letter, DeadLetterHeaders.PARTITION));
        assertEquals("0", header(letter, DeadLetterHeaders.OFFSET));
        assertNotEquals("", header(letter, DeadLetterHeaders.MESSAGE));
    }

    @Test
    void aNullKeyGoesToTheDeadLetters() {
        stream.rawRanking(null, EventJson.write(ranking("t", "ann", 1, "a>b>c")), new RecordHeaders());

        TestRecord<byte[], byte[]> letter = stream.onlyDeadLetter();
        assertEquals("null_key", header(letter, DeadLetterHeaders.REASON));
        assertNull(letter.key());
        assertGoesOn();
    }

    @Test
    void aNullValueGoesToTheDeadLetters() {
        stream.rawRanking(bytes("t"), null, new RecordHeaders());

        assertEquals("null_value", header(stream.onlyDeadLetter(), DeadLetterHeaders.REASON));
        assertGoesOn();
    }

    @Test
    void aKeyOtherThanTheTaskIdGoesToTheDeadLetters() {
        stream.task(task("t"));

        stream.rawRanking("u", EventJson.writeText(ranking("t", "ann", 1, "a>b>c")));

        assertEquals("wrong_key", header(stream.onlyDeadLetter(), DeadLetterHeaders.REASON));
        assertTrue(stream.sets().isEmpty());
    }

    @Test
    void aRankingOfAnUnknownOutputGoesToTheDeadLetters() {
        stream.task(task("t"));

        stream.ranking(ranking("t", "ann", 1, "a>b>z"));

        assertEquals("unknown_output", header(stream.onlyDeadLetter(), DeadLetterHeaders.REASON));
        assertTrue(stream.sets().isEmpty());
    }

    @Test
    void aRankingOfAnotherProjectGoesToTheDeadLetters() {
        stream.task(task("t"));

        stream.rawRanking(
                "t",
                EventJson.writeText(ranking("t", "ann", 1, "a>b>c"))
                        .replace("\"projectId\":\"support\"", "\"projectId\":\"other\""));

        assertEquals("wrong_project", header(stream.onlyDeadLetter(), DeadLetterHeaders.REASON));
    }

    @Test
    void aTaskThatChangesItsOutputsGoesToTheDeadLettersAndTheOldOneStays() {
        stream.task(task("t"));
        stream.ranking(ranking("t", "ann", 1, "a>b>c"));
        stream.sets();

        stream.task(task("t", RankingRules.DEFAULT, "one", "two"));
        stream.ranking(ranking("t", "bob", 1, "a>b>c"));

        assertEquals("outputs_changed", header(stream.onlyDeadLetter(), DeadLetterHeaders.REASON));
        assertEquals(2, stream.newestSet().rankings().size());
    }

    @Test
    void aValueOverTheLimitGoesToTheDeadLetters() {
        stream.task(task("t"));
        String json = EventJson.writeText(ranking("t", "ann", 1, "a>b>c"))
                .replace("\"eventId\"", "\"comment\":\"" + "x".repeat(RecordParser.MAX_VALUE_BYTES) + "\",\"eventId\"");

        stream.rawRanking("t", json);

        assertEquals("too_large", header(stream.onlyDeadLetter(), DeadLetterHeaders.REASON));
        assertGoesOn();
    }

    @Test
    void ofAValueThatNoTopicTakesTheDeadLetterNamesTheOrigin() {
        stream.rawRanking(bytes("t"), new byte[DeadLetters.MAX_VALUE_BYTES + 1], new RecordHeaders());

        TestRecord<byte[], byte[]> letter = stream.onlyDeadLetter();
        assertEquals(0, letter.value().length);
        assertArrayEquals(bytes("t"), letter.key());
        assertTrue(header(letter, DeadLetterHeaders.MESSAGE).contains("read it at the origin"));
        assertEquals("0", header(letter, DeadLetterHeaders.OFFSET));
    }

    @Test
    void deadLettersAreCountedByReason() {
        stream.rawRanking("t", "poison");

        assertEquals(1, stream.count(StreamMetrics.DEAD_LETTERS, "reason", "invalid_json"));
    }

    // ---- labelers

    @Test
    void aLabelersFiguresFollowCorrectionsAndRetractions() {
        stream.task(task("t"));
        stream.task(task("u"));
        stream.ranking(ranking("t", "ann", 1, "a>b>c"));
        stream.ranking(ranking("u", "ann", 1, "a>b>c"));
        stream.ranking(ranking("t", "ann", 2, "c>b>a"));
        stream.ranking(retraction("u", "ann", 2));

        LabelerStatistics ann = stream.labelers().get("ann");

        assertEquals(1, ann.rankings());
        assertEquals(1, ann.corrections());
        assertEquals(1, ann.retractions());
        assertEquals(3, ann.pairsCompared());
        assertEquals(3, ann.pairsAgreed());
        assertEquals(1.0, ann.reliability());
        assertEquals(Optional.empty(), ann.meanDurationMillis());
    }

    @Test
    void agreementIsMeasuredAgainstTheDecidedPairs() {
        stream.task(task("t"));
        stream.ranking(ranking("t", "ann", 1, "a>b>c"));
        stream.ranking(ranking("t", "bob", 1, "a>b>c"));
        stream.ranking(ranking("t", "cy", 1, "b>a>c"));

        Map<String, LabelerStatistics> labelers = stream.labelers();

        assertEquals(3, labelers.get("ann").pairsAgreed());
        assertEquals(3, labelers.get("cy").pairsCompared());
        assertEquals(2, labelers.get("cy").pairsAgreed());
    }

    @Test
    void agreementCountsEqualTextsAsOneOutput() {
        Task task = task("t", RankingRules.DEFAULT, "same", "other", "same");
        stream.task(task);

        stream.ranking(ranking("t", "ann", 1, "c>b>a"));

        LabelerStatistics ann = stream.labelers().get("ann");
        assertEquals(1, ann.pairsCompared());
        assertEquals(1, ann.pairsAgreed());
    }

    @Test
    void theMeanDurationIsOfTheRankingsThatCount() {
        stream.task(task("t"));
        stream.task(task("u"));
        stream.ranking(timed(ranking("t", "ann", 1, "a>b>c"), 9_000));
        stream.ranking(timed(ranking("t", "ann", 2, "a>b>c"), 1_000));
        stream.ranking(timed(ranking("u", "ann", 1, "a>b>c"), 2_000));

        assertEquals(Optional.of(1_500.0), stream.labelers().get("ann").meanDurationMillis());
    }

    private static RankingSubmitted timed(RankingSubmitted r, long durationMillis) {
        return new RankingSubmitted(
                r.eventId(),
                r.projectId(),
                r.taskId(),
                r.labelerId(),
                r.revision(),
                r.groups(),
                List.of(),
                List.of(),
                durationMillis,
                Optional.empty(),
                r.at());
    }

    private void assertGoesOn() {
        stream.task(task("after"));
        stream.ranking(ranking("after", "ann", 1, "a>b>c"));
        assertTrue(stream.newestSet().decided());
        stream.pass(Duration.ofHours(1));
        assertTrue(stream.deadLetters().isEmpty());
    }

    @Test
    void aLabelersWeightMakesTheirSetsAnewAndNoOthers() {
        // Given
        stream.task(Facts.task("t1"));
        stream.task(Facts.task("t2"));
        stream.ranking(Facts.ranking("t1", "ann", 1, "a>b>c"));
        stream.ranking(Facts.ranking("t1", "bob", 1, "c>b>a"));
        stream.ranking(Facts.ranking("t2", "bob", 1, "a>b>c"));
        stream.sets();

        // When
        stream.reliability(Facts.reliability("ann", 1, 0.25));

        // Then
        PreferenceSet set = stream.newestSet();
        assertEquals("t1", set.taskId());
        assertEquals(
                List.of(0.25, 1.0),
                set.rankings().stream()
                        .map(PreferenceSet.RankingUsed::reliability)
                        .toList());
        assertEquals(
                List.of("b>a", "c>a", "c>b"),
                set.pairs().stream().map(p -> p.chosen() + ">" + p.rejected()).toList());
        assertEquals(0.25, stream.labelers().get("ann").reliability());
        // A ranking that comes later has the weight at once; an older weight and a repeat change nothing.
        stream.ranking(Facts.ranking("t2", "ann", 1, "c>b>a"));
        assertEquals(0.25, stream.newestSet().rankings().getFirst().reliability());
        stream.reliability(Facts.reliability("ann", 1, 0.25));
        assertEquals(List.of(), stream.sets());
    }

    @Test
    void aLabelerOfThousandsOfTasksIsWeighedAnewBitByBit() {
        // Given
        int tasks = 1200;
        stream.tasks(
                IntStream.range(0, tasks).mapToObj(i -> Facts.task("t" + i)).toList());
        stream.together(IntStream.range(0, tasks)
                .mapToObj(i -> Facts.ranking("t" + i, "ann", 1, "a>b>c"))
                .toList());
        stream.pass(Duration.ofSeconds(1));
        stream.sets();

        // When
        stream.reliability(Facts.reliability("ann", 1, 0.5));
        int atOnce = stream.sets().size();
        stream.pass(Duration.ofSeconds(1));
        stream.pass(Duration.ofSeconds(1));
        stream.pass(Duration.ofSeconds(1));

        // Then
        assertTrue(atOnce < tasks, atOnce + " sets in one transaction");
        assertEquals(tasks - atOnce, stream.sets().size());
    }

    @Test
    void aWeightThatCannotBeReadIsADeadLetter() {
        stream.rawReliability("support/ann", "{\"reliability\":-1}");
        assertEquals("invalid_json", TopologyHarness.header(stream.onlyDeadLetter(), "podium_dlt_reason"));
    }

    @Test
    void aDecisionCountsInPlaceOfTheVotesUntilItIsTakenBack() {
        // Given
        stream.task(Facts.task("t"));
        stream.ranking(Facts.ranking("t", "ann", 1, "a>b>c"));
        stream.ranking(Facts.ranking("t", "bob", 1, "c>b>a"));
        PreferenceSet open = stream.newestSet();
        assertFalse(open.decided());

        // When
        stream.adjudication(Facts.decision("t", 1, "b>a=c"));

        // Then
        PreferenceSet decided = stream.newestSet();
        assertEquals(
                List.of("b>a 1.0:0.0", "b>c 1.0:0.0"),
                decided.pairs().stream()
                        .map(p -> p.chosen() + ">" + p.rejected() + " " + p.votesFor() + ":" + p.votesAgainst())
                        .toList());
        assertEquals(
                List.of("ann 0.0", "bob 0.0", "olga 1.0"),
                decided.rankings().stream()
                        .map(r -> r.labelerId() + " " + r.reliability())
                        .toList());
        assertEquals(Topics.ADJUDICATIONS, decided.rankings().getLast().topic());
        // A ranking that comes later changes nothing of it; a repeat publishes nothing.
        stream.ranking(Facts.ranking("t", "cy", 1, "c>b>a"));
        assertEquals(decided.pairs(), stream.newestSet().pairs());
        stream.adjudication(Facts.decision("t", 1, "b>a=c"));
        assertEquals(List.of(), stream.sets());
        stream.adjudication(Facts.decision("t", 2, ""));
        assertEquals(
                List.of("b>a", "c>a", "c>b"),
                stream.newestSet().pairs().stream()
                        .map(p -> p.chosen() + ">" + p.rejected())
                        .toList());
    }

    @Test
    void rankingsThatComeNearEachOtherAreOneSetWithTheNewestState() {
        stream.task(Facts.task("t"));
        List<RankingEvent> near = List.of(
                Facts.ranking("t", "ann", 1, "a>b>c"),
                Facts.ranking("t", "bob", 1, "a>b>c"),
                Facts.ranking("t", "ann", 2, "b>a>c"));

        stream.together(near);

        List<PreferenceSet> sets = stream.sets();
        assertEquals(1, sets.size());
        assertEquals(
                List.of(2, 1),
                sets.getFirst().rankings().stream().map(used -> used.revision()).toList());
    }

    @Test
    void aSetThatIsDueIsPublishedAlsoWhereTheClockDoesNotMove() {
        stream.task(Facts.task("t"));
        stream.withoutTheWallClock(Facts.ranking("t", "ann", 1, "a>b>c"), Duration.ofSeconds(1));
        stream.withoutTheWallClock(Facts.ranking("t", "bob", 1, "a>b>c"), Duration.ofSeconds(1));

        assertEquals(1, stream.newestSet().rankings().size());
    }

    @Test
    void aDecisionMayComeBeforeItsTaskAndOneOfOtherOutputsIsADeadLetter() {
        stream.adjudication(Facts.decision("t", 1, "c>a>b"));
        stream.ranking(Facts.ranking("t", "ann", 1, "a>b>c"));
        stream.task(Facts.task("t"));
        assertEquals("c", stream.newestSet().pairs().getLast().chosen());
        stream.adjudication(Facts.decision("t", 2, "x>a"));
        assertEquals("unknown_output", TopologyHarness.header(stream.onlyDeadLetter(), "podium_dlt_reason"));
    }

    @Test
    void aDecisionThatDoesNotFitItsTaskDoesNotHideAnEarlierOne() {
        stream.adjudication(Facts.decision("t", 1, "c>a>b"));
        stream.adjudication(Facts.decision("t", 2, "x>a"));
        stream.ranking(Facts.ranking("t", "ann", 1, "a>b>c"));

        stream.task(Facts.task("t"));

        assertEquals("unknown_output", header(stream.onlyDeadLetter(), "podium_dlt_reason"));
        assertEquals("c", stream.newestSet().pairs().getLast().chosen());
    }

    @Test
    void aDecisionWhoseTaskDoesNotComeBecomesADeadLetterOfItsTopic() {
        // At the same place in its log as a ranking that waits, too.
        stream.adjudication(Facts.decision("t", 1, "c>a>b"));
        stream.ranking(Facts.ranking("t", "ann", 1, "a>b>c"));

        stream.pass(TopologyHarness.PARK.plusMinutes(1));

        assertEquals(
                Map.of(Topics.ADJUDICATIONS, "unknown_task", Topics.RANKINGS, "unknown_task"),
                stream.deadLetters().stream()
                        .collect(Collectors.toMap(
                                letter -> header(letter, DeadLetterHeaders.TOPIC),
                                letter -> header(letter, DeadLetterHeaders.REASON))));
    }
}
