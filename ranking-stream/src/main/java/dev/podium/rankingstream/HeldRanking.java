package dev.podium.rankingstream;

import dev.podium.contracts.RankingEvent;

/** A labeler's highest revision on a task, and where it stands in the log. */
record HeldRanking(RankingEvent event, int partition, long offset) {
    /**
     * Which of two facts about one (task, labeler) counts: the higher revision; of equal ones the smaller event id, so
     * that the order of arrival never decides; of one event the earlier copy.
     */
    HeldRanking orNewer(HeldRanking other) {
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
}
