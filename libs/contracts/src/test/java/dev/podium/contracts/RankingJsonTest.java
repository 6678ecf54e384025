package dev.podium.contracts;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The quick way to read a ranking says what the mapper says, or nothing. */
class RankingJsonTest {
    private static final Random RANDOM = new Random(7);

    @Test
    void whatIsWrittenIsReadQuicklyAndIsTheSame() {
        for (int i = 0; i < 500; i++) {
            RankingSubmitted ranking = ranking();
            assertEquals(ranking, assertNotNullRanking(EventJson.write(ranking)));
        }
    }

    @Test
    void ofBytesThatWereChangedItSaysWhatTheMapperSaysOrNothing() {
        int answers = 0;
        for (int i = 0; i < 50_000; i++) {
            byte[] json = changed(EventJson.write(ranking()));
            RankingEvent quick = RankingJson.read(json);
            if (quick != null) {
                answers++;
                assertEquals(mapped(json), quick, () -> new String(json, UTF_8));
            }
        }
        assertEquals(true, answers > 1_000, answers + " answers");
    }

    @Test
    void ofEscapesAndOtherLettersItSaysNothing() {
        String json = EventJson.writeText(ranking());
        for (String other : List.of("Zo\u00eb", "\\u0041", "a\\\"b", "a\tb")) {
            String changed = json.replaceFirst(
                    "\"labelerId\":\"[^\"]*\"",
                    "\"labelerId\":\"" + java.util.regex.Matcher.quoteReplacement(other) + "\"");
            assertNull(RankingJson.read(changed.getBytes(UTF_8)), changed);
        }
    }

    private static RankingEvent assertNotNullRanking(byte[] json) {
        RankingEvent quick = RankingJson.read(json);
        assertNotNull(quick, () -> new String(json, UTF_8));
        return quick;
    }

    /** The mapper's answer, or its class of refusal. */
    private static Object mapped(byte[] json) {
        try {
            return EventJson.mapper().readValue(json, RankingEvent.class);
        } catch (JsonProcessingException e) {
            return e;
        } catch (java.io.IOException e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] changed(byte[] json) {
        byte[] changed = json.clone();
        int at = RANDOM.nextInt(json.length);
        switch (RANDOM.nextInt(4)) {
            case 0 -> changed[at] = (byte) "{}[]\":,0 \\ax9-".charAt(RANDOM.nextInt(14));
            case 1 -> changed = java.util.Arrays.copyOf(json, at);
            case 2 -> {
                // A piece twice.
                int to = Math.min(json.length, at + RANDOM.nextInt(40));
                changed = java.util.Arrays.copyOf(json, json.length + to - at);
                System.arraycopy(json, at, changed, to, json.length - at);
            }
            default -> {
                // A piece less.
                int to = Math.min(json.length, at + RANDOM.nextInt(40));
                System.arraycopy(json, to, changed, at, json.length - to);
                changed = java.util.Arrays.copyOf(changed, json.length - (to - at));
            }
        }
        return changed;
    }

    private static RankingSubmitted ranking() {
        int outputs = 1 + RANDOM.nextInt(9);
        List<List<String>> groups = new ArrayList<>();
        for (int i = 0; i < outputs; i++) {
            String id = "o" + i;
            if (!groups.isEmpty() && RANDOM.nextInt(3) == 0) {
                groups.set(groups.size() - 1, List.of(groups.getLast().getFirst(), id));
            } else if (RANDOM.nextInt(5) > 0) {
                groups.add(List.of(id));
            }
        }
        return new RankingSubmitted(
                "event-" + RANDOM.nextLong(),
                "project " + RANDOM.nextInt(3),
                "task-" + RANDOM.nextLong(),
                "labeler-" + RANDOM.nextInt(100),
                1 + RANDOM.nextInt(Integer.MAX_VALUE - 1),
                groups,
                RANDOM.nextBoolean() ? List.of() : List.of("o0"),
                RANDOM.nextBoolean() ? List.of() : List.of("o1", "o0"),
                RANDOM.nextInt(4) == 0 ? 0 : RANDOM.nextLong(1L << 40),
                Optional.empty(),
                Instant.ofEpochSecond(
                        RANDOM.nextLong(4_000_000_000L), RANDOM.nextBoolean() ? 0 : RANDOM.nextInt(1_000_000_000)));
    }
}
