package dev.podium.contracts;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.deser.std.StdDeserializer;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.datatype.jsr310.deser.InstantDeserializer;
import java.io.IOException;
import java.io.Serial;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;

/**
 * Reads times of the one form in which events are written, {@code 2026-01-01T12:00:00.123456Z}, by their digits: general
 * parsing takes longer than the rest of a small event. Every other form is read as {@link InstantDeserializer} reads it.
 */
final class InstantJson extends StdDeserializer<Instant> {
    @Serial
    private static final long serialVersionUID = 1L;

    private static final int SECONDS_PER_DAY = 86_400;
    private static final int SHORTEST = "2026-01-01T12:00:00Z".length();
    private static final int LONGEST = "2026-01-01T12:00:00.123456789Z".length();

    private InstantJson() {
        super(Instant.class);
    }

    static SimpleModule module() {
        return new SimpleModule("podium-instants").addDeserializer(Instant.class, new InstantJson());
    }

    @Override
    public Instant deserialize(JsonParser parser, DeserializationContext context) throws IOException {
        if (parser.hasToken(JsonToken.VALUE_STRING)) {
            Instant instant = canonical(parser.getText());
            if (instant != null) {
                return instant;
            }
        }
        return InstantDeserializer.INSTANT.deserialize(parser, context);
    }

    /** The time, or null where the text has another form, or is no time. */
    @SuppressWarnings("NullAway")
    static Instant canonical(String text) {
        int length = text.length();
        if (length < SHORTEST || length > LONGEST || text.charAt(length - 1) != 'Z') {
            return null;
        }
        boolean separated = text.charAt(4) == '-'
                && text.charAt(7) == '-'
                && text.charAt(10) == 'T'
                && text.charAt(13) == ':'
                && text.charAt(16) == ':'
                && (length == SHORTEST || (text.charAt(19) == '.' && length > SHORTEST + 1));
        if (!separated) {
            return null;
        }
        int year = digits(text, 0, 4);
        int month = digits(text, 5, 7);
        int day = digits(text, 8, 10);
        int hour = digits(text, 11, 13);
        int minute = digits(text, 14, 16);
        int second = digits(text, 17, 19);
        int nanos = length == SHORTEST ? 0 : digits(text, 20, length - 1);
        if ((year | month | day | hour | minute | second | nanos) < 0 || hour > 23 || minute > 59 || second > 59) {
            return null;
        }
        for (int i = length - 1; length > SHORTEST && i < LONGEST - 1; i++) {
            nanos *= 10;
        }
        try {
            return Instant.ofEpochSecond(
                    LocalDate.of(year, month, day).toEpochDay() * SECONDS_PER_DAY
                            + hour * 3600L
                            + minute * 60L
                            + second,
                    nanos);
        } catch (DateTimeException e) {
            return null;
        }
    }

    /** The number, or -1 where something else than a digit is found. */
    private static int digits(String text, int from, int to) {
        int number = 0;
        for (int i = from; i < to; i++) {
            char c = text.charAt(i);
            if (c < '0' || c > '9') {
                return -1;
            }
            number = number * 10 + (c - '0');
        }
        return number;
    }
}
