package dev.podium.contracts;

import java.util.Collection;

/** Checks of the records' compact constructors; each failure names the field and the remedy. */
final class Require {
    private Require() {}

    static String text(String value, String field) {
        if (value == null || value.isBlank()) {
            throw new IllegalArgumentException(field + " is missing or blank");
        }
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

    static void atMost(Collection<?> values, int limit, String field) {
        that(values.size() <= limit, field + " has " + values.size() + " entries, the limit is " + limit);
    }

    static double finite(double value, String field) {
        that(Double.isFinite(value), field + " must be a finite number, not " + value);
        return value;
    }
}
