package dev.podium.rankingstream;

import java.util.Set;

/** A record that belongs in the dead-letter topic: a stable reason, and a message for a person. */
final class RejectedRecord extends Exception {
    /** All reasons that there are; each is counted from the start. */
    static final Set<String> REASONS = Set.of(
            "invalid_json",
            "null_key",
            "null_value",
            "outputs_changed",
            "too_large",
            "too_many_labelers",
            "unknown_output",
            "unknown_task",
            "unknown_version",
            "wrong_key",
            "wrong_project");

    private static final long serialVersionUID = 1L;

    private final String reason;

    RejectedRecord(String reason, String message) {
        super(message);
        // Tests find one that is missing; in production a record must not stop the stream for it.
        assert REASONS.contains(reason) : reason + " is not in REASONS";
        this.reason = reason;
    }

    String reason() {
        return reason;
    }
}
