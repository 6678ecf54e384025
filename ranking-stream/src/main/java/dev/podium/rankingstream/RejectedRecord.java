package dev.podium.rankingstream;

/** A record that belongs in the dead-letter topic: a stable reason, and a message for a person. */
final class RejectedRecord extends Exception {
    private static final long serialVersionUID = 1L;

    private final String reason;

    RejectedRecord(String reason, String message) {
        super(message);
        this.reason = reason;
    }

    String reason() {
        return reason;
    }
}
