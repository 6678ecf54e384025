package dev.podium.feedback.quality;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.Tuple;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** The newest rankings of a project, task by task: what agreement, reliability and haste are reckoned from. */
@Singleton
class RecentRankings {
    /** Rankings that are looked at; older ones say little of how people work now. */
    static final int MOST = 20_000;

    private final EntityManager entities;

    RecentRankings(EntityManager entities) {
        this.entities = entities;
    }

    /**
     * One task.
     *
     * @param labelers indexes into {@link Recent#labelers}
     * @param ranks of each labeler, in the order of {@code outputs}
     */
    @SuppressWarnings("ArrayRecordComponent")
    record OfTask(String taskId, List<String> outputs, int[] labelers, double[][] ranks) {}

    /** All of them; {@code seen} is by labeler. */
    record Recent(List<String> labelers, List<OfTask> tasks, Map<String, List<Haste.Seen>> seen) {}

    private record Ranked(RankingSubmitted event, int characters) {}

    Recent of(String project) {
        List<Tuple> rows = entities.createNativeQuery(
                        "select r.body, length(t.body) from ranking r join task t on t.id = r.task_id"
                                // Everybody answers gold tasks: they would drown all others.
                                + " where r.project_id = :p and not r.retracted and not t.gold order by r.submitted_at"
                                + " desc limit "
                                + MOST,
                        Tuple.class)
                .setParameter("p", project)
                .getResultList();
        Map<String, List<Ranked>> byTask = new LinkedHashMap<>();
        TreeSet<String> labelers = new TreeSet<>();
        for (Tuple row : rows) {
            RankingSubmitted event = read(row.get(0, String.class));
            labelers.add(event.labelerId());
            byTask.computeIfAbsent(event.taskId(), t -> new ArrayList<>())
                    .add(new Ranked(event, row.get(1, Integer.class)));
        }
        List<String> names = List.copyOf(labelers);
        List<OfTask> tasks = new ArrayList<>();
        Map<String, List<Haste.Seen>> seen = new LinkedHashMap<>();
        byTask.forEach((task, rankings) -> {
            TreeSet<String> outputs = new TreeSet<>();
            rankings.forEach(ranked -> {
                ranked.event().groups().forEach(outputs::addAll);
                outputs.addAll(ranked.event().shownOrder());
            });
            List<String> ids = List.copyOf(outputs);
            int[] who = new int[rankings.size()];
            double[][] ranks = new double[rankings.size()][];
            for (int r = 0; r < who.length; r++) {
                RankingSubmitted event = rankings.get(r).event();
                who[r] = names.indexOf(event.labelerId());
                ranks[r] = Agreement.ranks(event.groups(), ids);
                if (!event.shownOrder().isEmpty()) {
                    seen.computeIfAbsent(event.labelerId(), l -> new ArrayList<>())
                            .add(seen(event, rankings.get(r).characters()));
                }
            }
            tasks.add(new OfTask(task, ids, who, ranks));
        });
        return new Recent(names, tasks, seen);
    }

    private static Haste.Seen seen(RankingSubmitted event, int characters) {
        StringBuilder places = new StringBuilder();
        for (String id : event.shownOrder()) {
            int place = 1;
            while (place <= event.groups().size()
                    && !event.groups().get(place - 1).contains(id)) {
                place++;
            }
            places.append(places.isEmpty() ? "" : " ").append(place);
        }
        return new Haste.Seen(places.toString(), event.shownOrder().size(), event.durationMillis(), characters);
    }

    private static RankingSubmitted read(String body) {
        try {
            return EventJson.read(body.getBytes(StandardCharsets.UTF_8), RankingSubmitted.class);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a stored ranking cannot be read", e);
        }
    }
}
