package dev.podium.contracts;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

/**
 * A project's rules for rankings and their aggregation.
 *
 * @param topK how many places a labeler must fill; 0 = all outputs
 * @param overlap how many labelers rank each task
 * @param minVotes votes a pair needs before it is decided
 * @param minMajority |n_ij - n_ji| / (n_ij + n_ji) that a pair needs to be decided; below it is a tie
 * @param criteria what each output is rated by besides its place; empty for none
 */
public record RankingRules(
        boolean tiesAllowed,
        int topK,
        int overlap,
        double minVotes,
        double minMajority,
        @JsonInclude(JsonInclude.Include.NON_EMPTY) List<Criterion> criteria) {
    /** Most criteria a project may have; more than this nobody rates with care. */
    public static final int MAX_CRITERIA = 8;

    public static final RankingRules DEFAULT = new RankingRules(true, 0, 1, 1, 0);

    public RankingRules {
        Require.that(topK >= 0 && topK <= 9, "rules.topK must be between 0 (all) and 9");
        Require.that(overlap >= 1 && overlap <= 100, "rules.overlap must be between 1 and 100");
        Require.that(minVotes > 0 && Double.isFinite(minVotes), "rules.minVotes must be above 0");
        Require.that(minMajority >= 0 && minMajority <= 1, "rules.minMajority must be between 0 and 1");
        criteria = criteria == null ? List.of() : List.copyOf(criteria);
        Require.that(criteria.size() <= MAX_CRITERIA, "rules.criteria has more than " + MAX_CRITERIA + " entries");
        Require.that(
                criteria.stream().map(Criterion::id).distinct().count() == criteria.size(),
                "rules.criteria has an id twice");
    }

    /** Rules without criteria. */
    public RankingRules(boolean tiesAllowed, int topK, int overlap, double minVotes, double minMajority) {
        this(tiesAllowed, topK, overlap, minVotes, minMajority, List.of());
    }
}
