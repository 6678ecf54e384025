package dev.podium.contracts;

import java.time.Instant;
import java.util.Optional;

/** Checks of the records' compact constructors; each failure names the field and the remedy. */
final class Require {
    static final int MAX_ID_BYTES = 200;

    private static final Instant EARLIEST = Instant.parse("0000-01-01T00:00:00Z");
    private static final Instant LATEST = Instant.parse("9999-12-31T23:59:59.999999999Z");

    private Require() {}

    static String text(String value, String field) {
        if (value == null || value.isBlank()) {
            throw new IllegalArgumentException(field + " is missing or blank");
        }
        return value;
    }

    /** An id becomes part of keys of records and rows: short, one line, and with bytes of its own. */
    static String id(String value, String field) {
        if (isPlain(value)) {
            return value;
        }
        text(value, field);
        // Every event has several: no message is made, and no bytes, as long as nothing is wrong.
        int bytes = 0;
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (Character.isISOControl(c)) {
                throw new IllegalArgumentException(field + " has a control character");
            }
            if (Character.isSurrogate(c)) {
                boolean pair = Character.isHighSurrogate(c)
                        && i + 1 < value.length()
                        && Character.isLowSurrogate(value.charAt(i + 1));
                if (!pair) {
                    throw new IllegalArgumentException(field + " is no valid Unicode");
                }
                i++;
                bytes += 4;
            } else {
                bytes += c < 0x80 ? 1 : c < 0x800 ? 2 : 3;
            }
        }
        if (bytes > MAX_ID_BYTES) {
            throw new IllegalArgumentException(field + " has " + bytes + " bytes, the limit is " + MAX_ID_BYTES);
        }
        return value;
    }

    /** Letters, digits and marks of ASCII without a blank, as nearly all ids are: at a glance. */
    private static boolean isPlain(String value) {
        if (value == null || value.isEmpty() || value.length() > MAX_ID_BYTES) {
            return false;
        }
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c <= ' ' || c >= 0x7F) {
                return false;
            }
        }
        return true;
    }

    static Optional<String> atMost(int limit, Optional<String> value, String field) {
        if (value.isPresent() && value.get().length() > limit) {
            throw new IllegalArgumentException(field + " is longer than " + limit + " characters; shorten it");
        }
        return value;
    }

    static <T> T present(T value, String field) {
        if (value == null) {
            throw new IllegalArgumentException(field + " is missing");
        }
        return value;
    }

    /** A time that fits wherever times are kept: a database, milliseconds, four digits of a year. */
    static Instant time(Instant value, String field) {
        present(value, field);
        if (value.isBefore(EARLIEST) || value.isAfter(LATEST)) {
            throw new IllegalArgumentException(field + " must lie in the years 0 to 9999");
        }
        return value;
    }

    static void that(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }

    static double finite(double value, String field) {
        if (!Double.isFinite(value)) {
            throw new IllegalArgumentException(field + " must be a finite number, not " + value);
        }
        return value;
    }
}
