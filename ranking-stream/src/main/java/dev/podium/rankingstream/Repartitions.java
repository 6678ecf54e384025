package dev.podium.rankingstream;

import java.util.List;

/**
 * The stream's own topics, through which what follows from a task reaches the key of a sum.
 *
 * @param labelerShares key = project/labeler
 * @param projectShares key = project
 */
record Repartitions(String labelerShares, String projectShares) {
    /** The names belong to one application id. */
    static Repartitions of(String applicationId) {
        return new Repartitions(applicationId + "-labeler-shares", applicationId + "-project-shares");
    }

    List<String> all() {
        return List.of(labelerShares, projectShares);
    }
}
