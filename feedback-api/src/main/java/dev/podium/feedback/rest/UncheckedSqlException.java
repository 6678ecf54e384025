package dev.podium.feedback.rest;

import java.sql.SQLException;

/** A failure of the database on its way to {@link Problems}, which tells the kinds apart by the cause. */
public final class UncheckedSqlException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Wraps a failure. */
    public UncheckedSqlException(SQLException cause) {
        super(cause);
    }
}
