package dev.podium.contracts;

import java.time.Instant;
import java.util.Optional;

/**
 * What is known of one labeler in one project. Value of {@link Topics#LABELERS}; key = project/labeler.
 *
 * @param rankings rankings that count now (retracted ones are not)
 * @param pairsAgreed pairs on which this labeler agrees with the decided direction, of {@code pairsCompared}
 * @param reliability vote weight, as published last ({@link LabelerReliability}); 1.0 before that
 * @param meanDurationMillis absent where no duration is known
 */
public record LabelerStatistics(
        String projectId,
        String labelerId,
        long rankings,
        long corrections,
        long retractions,
        long pairsCompared,
        long pairsAgreed,
        double reliability,
        Optional<Double> meanDurationMillis,
        Instant updatedAt) {
    public LabelerStatistics {
        Require.text(projectId, "projectId");
        Require.text(labelerId, "labelerId");
        Require.finite(reliability, "reliability");
        meanDurationMillis = meanDurationMillis == null ? Optional.empty() : meanDurationMillis;
        Require.present(updatedAt, "updatedAt");
    }

    public static String key(String projectId, String labelerId) {
        return projectId + "/" + labelerId;
    }
}
