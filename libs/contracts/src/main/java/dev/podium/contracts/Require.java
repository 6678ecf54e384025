package dev.podium.contracts;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Optional;

/** Checks of the records' compact constructors; each failure names the field and the remedy. */
final class Require {
    static final int MAX_ID_BYTES = 200;

    private Require() {}

    static String text(String value, String field) {
        if (value == null || value.isBlank()) {
            throw new IllegalArgumentException(field + " is missing or blank");
        }
        return value;
    }

    /** An id becomes part of keys of records and rows: short, one line, and with bytes of its own. */
    static String id(String value, String field) {
        text(value, field);
        that(UTF_8.newEncoder().canEncode(value), field + " is no valid Unicode");
        int bytes = value.getBytes(UTF_8).length;
        that(bytes <= MAX_ID_BYTES, field + " has " + bytes + " bytes, the limit is " + MAX_ID_BYTES);
        that(value.chars().noneMatch(Character::isISOControl), field + " has a control character");
        return value;
    }

    static Optional<String> atMost(int limit, Optional<String> value, String field) {
        that(
                value.map(String::length).orElse(0) <= limit,
                field + " is longer than " + limit + " characters; shorten it");
        return value;
    }

    static <T> T present(T value, String field) {
        if (value == null) {
            throw new IllegalArgumentException(field + " is missing");
        }
        return value;
    }

    static void that(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }

    static double finite(double value, String field) {
        that(Double.isFinite(value), field + " must be a finite number, not " + value);
        return value;
    }
}
