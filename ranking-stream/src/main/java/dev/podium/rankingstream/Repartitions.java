package dev.podium.rankingstream;

import java.util.List;

/**
 * The stream's own topics, through which what follows from a task reaches the key of a sum, and a labeler's weight all
 * tasks.
 *
 * @param labelerShares key = project/labeler
 * @param projectShares key = project
 * @param reliabilities key = project/labeler, each record in every partition
 */
record Repartitions(String labelerShares, String projectShares, String reliabilities) {
    /** The names belong to one application id. */
    static Repartitions of(String applicationId) {
        return new Repartitions(
                applicationId + "-labeler-shares",
                applicationId + "-project-shares",
                applicationId + "-reliability-broadcast");
    }

    List<String> all() {
        return List.of(labelerShares, projectShares, reliabilities);
    }
}
