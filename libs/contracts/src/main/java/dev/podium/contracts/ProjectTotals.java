package dev.podium.contracts;

import java.time.Instant;

/**
 * What is known of one project. Value of {@link Topics#PROJECTS}; key = project id.
 *
 * @param tasks tasks that were published
 * @param rankedTasks of them, those with at least one ranking that counts
 * @param decidedTasks of them, those with at least one decided pair
 * @param cyclicTasks of them, those whose decided pairs contain a cycle
 * @param rankings rankings that count now
 * @param pairs decided pairs
 * @param ties pairs of outputs that the votes do not separate
 */
public record ProjectTotals(
        String projectId,
        long tasks,
        long rankedTasks,
        long decidedTasks,
        long cyclicTasks,
        long rankings,
        long pairs,
        long ties,
        Instant updatedAt) {
    public ProjectTotals {
        Require.text(projectId, "projectId");
        Require.present(updatedAt, "updatedAt");
    }
}
