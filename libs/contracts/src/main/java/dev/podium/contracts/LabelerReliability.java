package dev.podium.contracts;

import java.time.Instant;
import java.util.Optional;

/**
 * How much a labeler's votes weigh in a project from now on: a fact of its own, published by an explicit act. Value of
 * {@link Topics#RELIABILITIES}; key = project/labeler. Of several the one with the highest sequence counts; a labeler
 * without one counts 1.
 *
 * @param reliability vote weight, 0 (does not count) to {@link #MAX}
 * @param source {@code estimated}, or {@code operator} where somebody has set it by hand
 * @param sequence grows with each act of a project
 * @param by who has published it
 * @param reason in the publisher's words
 */
public record LabelerReliability(
        String projectId,
        String labelerId,
        double reliability,
        String source,
        long sequence,
        String by,
        Optional<String> reason,
        Instant at) {
    /** Weight of a labeler of whom nothing was published. */
    public static final double DEFAULT = 1.0;

    /** Largest weight. */
    public static final double MAX = 10.0;

    /** A value of {@code source}. */
    public static final String ESTIMATED = "estimated";

    /** A value of {@code source}. */
    public static final String OPERATOR = "operator";

    public LabelerReliability {
        Require.id(projectId, "projectId");
        Require.id(labelerId, "labelerId");
        Require.finite(reliability, "reliability");
        Require.that(reliability >= 0 && reliability <= MAX, "reliability must be between 0 and " + MAX);
        Require.text(source, "source");
        Require.that(sequence >= 1, "sequence must be 1 or more");
        Require.text(by, "by");
        reason = Require.atMost(RankingEvent.MAX_COMMENT_LENGTH, reason == null ? Optional.empty() : reason, "reason");
        Require.time(at, "at");
    }

    /** Whether this counts where the other was known; the same for any order in which they come. */
    public boolean supersedes(LabelerReliability other) {
        if (sequence != other.sequence) {
            return sequence > other.sequence;
        }
        int later = at.compareTo(other.at);
        return later != 0 ? later > 0 : reliability < other.reliability;
    }
}
