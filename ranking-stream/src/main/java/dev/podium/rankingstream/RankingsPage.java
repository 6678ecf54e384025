package dev.podium.rankingstream;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.preference.HeldRanking;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A row with the rankings of some labelers of one task. Rankings are written field by field, whatever else there is as
 * JSON.
 */
final class RankingsPage {
    private static final byte VERSION = 1;
    private static final byte FIELDS = 0;
    private static final byte JSON = 1;

    private RankingsPage() {}

    static byte[] write(RowWriter row, String projectId, String taskId, List<HeldRanking> rankings) {
        row.begin(VERSION).put((long) rankings.size());
        for (HeldRanking held : rankings) {
            if (held.event() instanceof RankingSubmitted ranking
                    && ranking.comment().isEmpty()
                    && ranking.ratings().isEmpty()
                    && ranking.taskId().equals(taskId)
                    && ranking.projectId().equals(projectId)) {
                row.put(FIELDS)
                        .put((long) held.partition())
                        .put(held.offset())
                        .putNumbers(held.submitted())
                        .putNumbers(held.retracted())
                        .put(ranking.eventId())
                        .put(ranking.labelerId())
                        .put((long) ranking.revision())
                        .put((long) ranking.groups().size());
                for (List<String> group : ranking.groups()) {
                    row.put(group);
                }
                // The order in which outputs were shown, which earlier versions kept, is empty.
                row.put(ranking.unacceptable())
                        .put(ranking.shownOrder())
                        .put(ranking.durationMillis())
                        .put(ranking.at());
            } else {
                row.put(JSON).put(EventJson.write(held));
            }
        }
        return row.row();
    }

    static List<HeldRanking> read(byte[] page, String projectId, String taskId) {
        RowReader row = new RowReader(page, VERSION);
        int size = row.readInt();
        List<HeldRanking> rankings = new ArrayList<>(size);
        for (int i = 0; i < size; i++) {
            rankings.add(row.readByte() == FIELDS ? fields(row, projectId, taskId) : json(row.readBytes()));
        }
        return rankings;
    }

    private static HeldRanking fields(RowReader row, String projectId, String taskId) {
        int partition = row.readInt();
        long offset = row.readNumber();
        List<Integer> submitted = row.readNumbers();
        List<Integer> retracted = row.readNumbers();
        String eventId = row.readText();
        String labelerId = row.readText();
        int revision = row.readInt();
        List<List<String>> groups = new ArrayList<>();
        for (int left = row.readInt(); left > 0; left--) {
            groups.add(row.readTexts());
        }
        RankingSubmitted ranking = new RankingSubmitted(
                eventId,
                projectId,
                taskId,
                labelerId,
                revision,
                groups,
                row.readTexts(),
                row.readTexts(),
                row.readNumber(),
                Optional.empty(),
                Map.of(),
                row.readInstant());
        return new HeldRanking(ranking, partition, offset, submitted, retracted);
    }

    private static HeldRanking json(byte[] json) {
        try {
            return EventJson.read(json, HeldRanking.class);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a row of the state cannot be read", e);
        }
    }
}
