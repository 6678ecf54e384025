package dev.podium.contracts;

import org.jspecify.annotations.Nullable;

/** A record's bytes are no valid event; the record belongs in {@link Topics#DEAD_LETTERS}. */
public final class InvalidEventException extends Exception {
    private static final long serialVersionUID = 1L;

    public InvalidEventException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
