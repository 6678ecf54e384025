package dev.podium.rankingstream;

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
        Instant at)
        implements Share<LabelerShare> {
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
                held.event().at());
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
                at);
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
                at.isAfter(o.at) ? at : o.at);
    }

    @Override
    public boolean isNothing() {
        return rankings == 0
                && corrections == 0
                && retractions == 0
                && pairsCompared == 0
                && pairsAgreed == 0
                && durations == 0
                && durationMillis == 0;
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
                TaskProcessor.RELIABILITY,
                durations == 0 ? Optional.empty() : Optional.of((double) durationMillis / durations),
                at);
    }
}
