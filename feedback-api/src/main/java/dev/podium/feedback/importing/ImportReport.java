package dev.podium.feedback.importing;

import java.util.List;

/**
 * What an import did, or would have done.
 *
 * @param duplicates tasks that were there already
 * @param skipped lines or nodes without anything to rank
 */
public record ImportReport(
        String format, long tasks, long rankings, long duplicates, long skipped, List<LineError> errors) {
    /** What is wrong with a line. */
    public record LineError(long line, String code, String message) {}
}
