package dev.podium.rankingstream;

import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.PreferenceSet.Pair;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What one task adds to a labeler's figures. Differences of shares travel to the labeler's key and are summed there, so
 * that a correction takes back exactly what it replaces.
 */
record LabelerShare(
        long rankings,
        long corrections,
        long retractions,
        long pairsCompared,
        long pairsAgreed,
        long durations,
        long durationMillis,
        Instant at) {
    static final LabelerShare NONE = new LabelerShare(0, 0, 0, 0, 0, 0, 0, Instant.EPOCH);

    static LabelerShare of(HeldRanking held, PreferenceSet set) {
        int revisions = held.event().revision();
        if (!(held.event() instanceof RankingSubmitted ranking)) {
            return new LabelerShare(
                    0, Math.max(0, revisions - 2), 1, 0, 0, 0, 0, held.event().at());
        }
        Map<String, Integer> places = new HashMap<>();
        List<List<String>> groups = ranking.groups();
        for (int i = 0; i < groups.size(); i++) {
            for (String id : groups.get(i)) {
                places.put(id, i);
            }
        }
        long compared = 0;
        long agreed = 0;
        for (Pair pair : set.pairs()) {
            int chosen = places.getOrDefault(pair.chosen(), groups.size());
            int rejected = places.getOrDefault(pair.rejected(), groups.size());
            if (chosen != rejected) {
                compared++;
                agreed += chosen < rejected ? 1 : 0;
            }
        }
        return new LabelerShare(
                1,
                revisions - 1,
                0,
                compared,
                agreed,
                ranking.durationMillis() > 0 ? 1 : 0,
                ranking.durationMillis(),
                ranking.at());
    }

    LabelerShare minus(LabelerShare o) {
        return new LabelerShare(
                rankings - o.rankings,
                corrections - o.corrections,
                retractions - o.retractions,
                pairsCompared - o.pairsCompared,
                pairsAgreed - o.pairsAgreed,
                durations - o.durations,
                durationMillis - o.durationMillis,
                at);
    }

    LabelerShare plus(LabelerShare o) {
        return new LabelerShare(
                rankings + o.rankings,
                corrections + o.corrections,
                retractions + o.retractions,
                pairsCompared + o.pairsCompared,
                pairsAgreed + o.pairsAgreed,
                durations + o.durations,
                durationMillis + o.durationMillis,
                at.isAfter(o.at) ? at : o.at);
    }

    boolean isNothing() {
        return rankings == 0
                && corrections == 0
                && retractions == 0
                && pairsCompared == 0
                && pairsAgreed == 0
                && durations == 0
                && durationMillis == 0;
    }
}
