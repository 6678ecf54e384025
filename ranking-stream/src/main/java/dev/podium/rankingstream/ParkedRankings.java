package dev.podium.rankingstream;

import java.util.List;

/** Rankings whose task has not arrived; they wait for a bounded time. */
record ParkedRankings(List<Parked> records) {
    /** @param value the raw bytes as text; what could be parsed is text */
    record Parked(String value, int partition, long offset, long sinceMillis) {}

    ParkedRankings {
        records = List.copyOf(records);
    }
}
