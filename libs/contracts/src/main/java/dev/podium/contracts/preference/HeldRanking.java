package dev.podium.contracts.preference;

import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What is held of one labeler on one task: the fact that counts, where it stands in the log, and which revisions were
 * seen. It is small, however large the fact was.
 *
 * @param event the highest revision; of a ranking only what a set is made of, and each mark once
 * @param submitted revisions seen that were rankings, sorted
 * @param retracted revisions seen that were retractions, sorted
 */
public record HeldRanking(
        RankingEvent event, int partition, long offset, List<Integer> submitted, List<Integer> retracted) {
    /** Revisions of one labeler on one task that are told apart; what comes later is only compared with the highest. */
    public static final int MAX_REVISIONS = 1000;

    public HeldRanking {
        event = event instanceof RankingSubmitted ranking ? whatCounts(ranking) : event;
        submitted = List.copyOf(submitted);
        retracted = List.copyOf(retracted);
    }

    /** What is held after one fact. */
    public static HeldRanking of(RankingEvent event, int partition, long offset) {
        List<Integer> revision = List.of(event.revision());
        return event instanceof RankingSubmitted
                ? new HeldRanking(event, partition, offset, revision, List.of())
                : new HeldRanking(event, partition, offset, List.of(), revision);
    }

    /**
     * Comment, ratings and the order in which outputs were shown stay in the log of rankings: a row of the store has the
     * rankings of several labelers, and nothing bounds these but the size of a fact.
     */
    private static RankingEvent whatCounts(RankingSubmitted ranking) {
        List<String> marks = ranking.unacceptable();
        boolean repeated = marks.size() > 1 && new HashSet<>(marks).size() < marks.size();
        if (ranking.comment().isEmpty()
                && ranking.ratings().isEmpty()
                && ranking.shownOrder().isEmpty()
                && !repeated) {
            return ranking;
        }
        return new RankingSubmitted(
                ranking.eventId(),
                ranking.projectId(),
                ranking.taskId(),
                ranking.labelerId(),
                ranking.revision(),
                ranking.groups(),
                repeated ? marks.stream().distinct().toList() : marks,
                List.of(),
                ranking.durationMillis(),
                Optional.empty(),
                ranking.at());
    }

    /** Both histories, and of both facts the one that counts; independent of the order. */
    public HeldRanking and(HeldRanking other) {
        HeldRanking counts = orNewer(other);
        return new HeldRanking(
                counts.event,
                counts.partition,
                counts.offset,
                union(submitted, other.submitted),
                union(retracted, other.retracted));
    }

    /**
     * Which of two facts about one (task, labeler) counts: the higher revision; of equal ones the smaller event id, so
     * that the order of arrival never decides; of one event the earlier copy.
     */
    private HeldRanking orNewer(HeldRanking other) {
        int byRevision = Integer.compare(event.revision(), other.event.revision());
        if (byRevision != 0) {
            return byRevision > 0 ? this : other;
        }
        int byEvent = event.eventId().compareTo(other.event.eventId());
        if (byEvent != 0) {
            return byEvent < 0 ? this : other;
        }
        return offset <= other.offset ? this : other;
    }

    private static List<Integer> union(List<Integer> some, List<Integer> others) {
        return Stream.concat(some.stream(), others.stream())
                .distinct()
                .sorted()
                .limit(MAX_REVISIONS)
                .toList();
    }
}
