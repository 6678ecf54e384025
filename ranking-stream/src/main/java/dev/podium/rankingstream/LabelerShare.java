package dev.podium.rankingstream;

import dev.podium.contracts.LabelerReliability;
import dev.podium.contracts.LabelerStatistics;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.PreferenceSet.Pair;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.preference.DistinctOutputs;
import dev.podium.contracts.preference.HeldRanking;
import java.time.Instant;
import java.util.Optional;

/**
 * What one task adds to a labeler's figures.
 *
 * @param rankings 1 where the labeler's ranking counts, 0 where it is retracted
 * @param corrections rankings submitted after the first
 * @param pairsCompared decided pairs that this labeler's ranking separates
 * @param pairsAgreed of them, those decided as this labeler ranked them
 * @param durations rankings with a known duration
 * @param weight of the labeler's votes, where it was published: no sum, the newest counts
 */
record LabelerShare(
        String projectId,
        String labelerId,
        long rankings,
        long corrections,
        long retractions,
        long pairsCompared,
        long pairsAgreed,
        long durations,
        long durationMillis,
        Instant at,
        Optional<LabelerReliability> weight)
        implements Share<LabelerShare> {
    LabelerShare {
        // Sums of earlier versions have none.
        weight = weight == null ? Optional.empty() : weight;
    }

    /** A weight alone; it adds to nothing else. */
    static LabelerShare of(LabelerReliability weight) {
        return new LabelerShare(
                weight.projectId(), weight.labelerId(), 0, 0, 0, 0, 0, 0, 0, weight.at(), Optional.of(weight));
    }

    static LabelerShare of(HeldRanking held, PreferenceSet set, DistinctOutputs outputs) {
        long compared = 0;
        long agreed = 0;
        long durationMillis = 0;
        boolean counts = held.event() instanceof RankingSubmitted;
        if (held.event() instanceof RankingSubmitted ranking) {
            int[] ranks = outputs.ranks(ranking);
            for (Pair pair : set.pairs()) {
                int chosen = ranks[outputs.index(pair.chosen())];
                int rejected = ranks[outputs.index(pair.rejected())];
                compared += chosen != rejected ? 1 : 0;
                agreed += chosen < rejected ? 1 : 0;
            }
            durationMillis = ranking.durationMillis();
        }
        return new LabelerShare(
                set.projectId(),
                held.event().labelerId(),
                counts ? 1 : 0,
                Math.max(0, held.submitted().size() - 1),
                held.retracted().size(),
                compared,
                agreed,
                durationMillis > 0 ? 1 : 0,
                durationMillis,
                held.event().at(),
                Optional.empty());
    }

    @Override
    public LabelerShare minus(LabelerShare o) {
        return new LabelerShare(
                projectId,
                labelerId,
                rankings - o.rankings,
                corrections - o.corrections,
                retractions - o.retractions,
                pairsCompared - o.pairsCompared,
                pairsAgreed - o.pairsAgreed,
                durations - o.durations,
                durationMillis - o.durationMillis,
                at,
                weight);
    }

    @Override
    public LabelerShare plus(LabelerShare o) {
        return new LabelerShare(
                projectId,
                labelerId,
                rankings + o.rankings,
                corrections + o.corrections,
                retractions + o.retractions,
                pairsCompared + o.pairsCompared,
                pairsAgreed + o.pairsAgreed,
                durations + o.durations,
                durationMillis + o.durationMillis,
                at.isAfter(o.at) ? at : o.at,
                newer(weight, o.weight));
    }

    private static Optional<LabelerReliability> newer(
            Optional<LabelerReliability> some, Optional<LabelerReliability> other) {
        boolean otherCounts =
                other.isPresent() && (some.isEmpty() || other.get().supersedes(some.get()));
        return otherCounts ? other : some;
    }

    @Override
    public boolean isNothing() {
        return rankings == 0
                && corrections == 0
                && retractions == 0
                && pairsCompared == 0
                && pairsAgreed == 0
                && durations == 0
                && durationMillis == 0
                && weight.isEmpty();
    }

    @Override
    public String key() {
        return LabelerStatistics.key(projectId, labelerId);
    }

    @Override
    public LabelerStatistics figures() {
        return new LabelerStatistics(
                projectId,
                labelerId,
                rankings,
                corrections,
                retractions,
                pairsCompared,
                pairsAgreed,
                weight.map(LabelerReliability::reliability).orElse(LabelerReliability.DEFAULT),
                durations == 0 ? Optional.empty() : Optional.of((double) durationMillis / durations),
                at);
    }
}
