package dev.podium.feedback.ranking;

import dev.podium.feedback.rest.Refusal;
import java.time.Instant;
import java.time.format.DateTimeParseException;

/** Instants in addresses. */
final class Instants {
    private Instants() {}

    /** The instant, or a 400 that names the parameter. */
    static Instant of(String parameter, String text) {
        try {
            return Instant.parse(text);
        } catch (DateTimeParseException e) {
            throw new Refusal(
                    400,
                    "invalid_instant",
                    parameter + " must be an instant such as 2026-11-01T00:00:00Z, not what was sent.");
        }
    }
}
