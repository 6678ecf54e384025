package dev.podium.contracts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.time.Instant;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class InstantJsonTest {
    private static final JsonMapper GENERAL =
            JsonMapper.builder().addModule(new JavaTimeModule()).build();

    @Test
    void whatIsWrittenIsReadByItsDigits() {
        Random random = new Random(1);
        LongStream seconds = LongStream.concat(
                LongStream.of(0, -1, 951_782_400, 951_868_799, 4_107_542_399L, -62_167_219_200L, 253_402_300_799L),
                random.longs(2_000, -62_167_219_200L, 253_402_300_799L));
        int[] nanos = {0, 1, 100, 123_000, 120_000_000, 999_999_999};
        seconds.forEach(second -> {
            for (int nano : nanos) {
                Instant instant = Instant.ofEpochSecond(second, nano);
                assertEquals(instant, InstantJson.canonical(instant.toString()), instant.toString());
            }
        });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "2026-01-01T12:00:00.1Z",
                "2026-01-01T12:00:00.000000001Z",
                "2026-02-29T12:00:00Z",
                "2026-13-01T12:00:00Z",
                "2026-01-01T24:00:00Z",
                "2026-01-01T25:00:00Z",
                "2026-06-30T23:59:60Z",
                "2026-01-01T12:00:00.Z",
                "2026-01-01T12:00:00.1234567890Z",
                "2026-01-01T12:00:00+02:00",
                "2026-01-01t12:00:00Z",
                "2026-01-01T12:00Z",
                "2026-01-01T12:00:0\u0660Z",
                "+12026-01-01T12:00:00Z",
                "-0001-01-01T12:00:00Z",
                "1767268800",
                "soon",
                ""
            })
    void otherFormsAreReadAndRefusedAsBefore(String text) {
        String json = "\"" + text + "\"";
        assertEquals(
                outcome(() -> GENERAL.readValue(json, Instant.class)),
                outcome(() -> EventJson.mapper().readValue(json, Instant.class)));
    }

    @Test
    void aTimeThatIsNoneIsNotRead() {
        assertNull(InstantJson.canonical("2026-02-30T12:00:00Z"));
    }

    private interface Reading {
        Instant read() throws Exception;
    }

    private static String outcome(Reading reading) {
        try {
            return String.valueOf(reading.read());
        } catch (Exception e) {
            return "refused";
        }
    }
}
