package dev.podium.contracts;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EventJsonTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "null",
                "7",
                "{\"role\":\"user\"}",
                "{\"role\":\" \",\"content\":\"x\"}",
                "{\"role\":\"user\",\"role\":\"system\",\"content\":\"x\"}",
                "{\"role\":\"user\",\"content\":\"x\"",
                "{\"role\":\"user\",\"content\":[]}"
            })
    void whatIsNoValidEventIsRefusedWithAReason(String json) {
        InvalidEventException e =
                assertThrows(InvalidEventException.class, () -> EventJson.read(json.getBytes(UTF_8), Message.class));

        assertTrue(e.getMessage().contains("Message"), e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"NaN", "Infinity", "\"NaN\"", "1e999"})
    void numbersThatAreNoneAreRefused(String number) {
        String json = "{\"tiesAllowed\":true,\"topK\":0,\"overlap\":1,\"minVotes\":" + number + ",\"minMajority\":0}";

        assertThrows(InvalidEventException.class, () -> EventJson.read(json.getBytes(UTF_8), RankingRules.class));
    }

    @Test
    void aNullInAListIsRefused() {
        String json = "{\"r\":8,\"alpha\":16,\"dropout\":0,\"targets\":[null]}";

        assertThrows(InvalidEventException.class, () -> EventJson.read(json.getBytes(UTF_8), RoundConfig.Lora.class));
    }

    @Test
    void equalEventsAreEqualBytes() {
        Map<String, Integer> one = Map.of("a", 1, "b", 2, "c", 3, "d", 4);
        Map<String, Integer> other = Map.of("d", 4, "c", 3, "b", 2, "a", 1);
        RoundConfig.Lora lora = new RoundConfig.Lora(8, 16, 0, Set.of("v_proj", "q_proj", "k_proj"));

        assertArrayEquals(EventJson.write(one), EventJson.write(other));
        assertTrue(EventJson.writeText(lora).contains("[\"k_proj\",\"q_proj\",\"v_proj\"]"));
    }

    /** So a number that is added to an event later has to be an Optional. */
    @Test
    void aMissingNumberIsNotTakenForZero() {
        String json = "{\"tiesAllowed\":true,\"topK\":0,\"overlap\":1,\"minVotes\":1}";

        assertThrows(InvalidEventException.class, () -> EventJson.read(json.getBytes(UTF_8), RankingRules.class));
    }

    @Test
    void anEventReadFromJsonCannotBeChanged() throws Exception {
        RankingEvent.RankingSubmitted ranking = ranking("[[\"a\"]]");

        assertThrows(
                UnsupportedOperationException.class,
                () -> ranking.groups().getFirst().add("b"));
        assertEquals(List.of(), ranking.unacceptable());
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 9, 16, 17, 40})
    void anOutputIsRankedOnceHoweverManyThereAre(int outputs) throws Exception {
        String last = "[\"o" + (outputs - 1) + "\"]";
        String each = IntStream.range(0, outputs)
                .mapToObj(i -> "[\"o" + i + "\"]")
                .collect(Collectors.joining(",", "[", "]"));

        assertEquals(outputs, ranking(each).groups().size());
        for (int twice : List.of(0, (outputs - 1) / 2, outputs - 2)) {
            assertThrows(InvalidEventException.class, () -> ranking(each.replace(last, "[\"o" + twice + "\"]")));
            assertThrows(
                    InvalidEventException.class,
                    () -> ranking(each.replace(last, last.replace("]", ",\"o" + twice + "\"]"))));
        }
    }

    private static RankingEvent.RankingSubmitted ranking(String groups) throws InvalidEventException {
        return (RankingEvent.RankingSubmitted) EventJson.read(
                ("{\"type\":\"RankingSubmitted\",\"eventId\":\"e\",\"projectId\":\"p\",\"taskId\":\"t\",\"labelerId\":\"l\","
                                + "\"revision\":1,\"durationMillis\":0,\"groups\":" + groups
                                + ",\"at\":\"2026-11-01T12:00:00Z\"}")
                        .getBytes(UTF_8),
                RankingEvent.class);
    }
}
