package dev.podium.feedback.ab;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.Task;
import dev.podium.feedback.rest.Refusal;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.Tuple;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Human A/B tests, from what labelers have said of tasks whose outputs two adapters wrote. Tasks count in the order in
 * which they became complete, so that a look now sees what every earlier look saw, and more.
 */
@Singleton
public class AbTests {
    /** The probability of a wrong verdict when nothing else is asked for. */
    public static final double ALPHA = 0.05;

    private static final int MOST_TASKS = 50_000;

    private final EntityManager entities;

    AbTests(EntityManager entities) {
        this.entities = entities;
    }

    /**
     * How much was ranked in a project: what is submitted, revised or taken back changes it, and while it is the same, so
     * are the project's tests.
     */
    public record Extent(long rankings, Instant newest) {
        private static final Duration ON_ITS_WAY = Duration.ofSeconds(10);

        /** Whether what was written before the newest ranking can be seen as well: it may be committed later. */
        public boolean isSettled(Instant now) {
            return newest.isBefore(now.minus(ON_ITS_WAY));
        }
    }

    /** Must run in a transaction; read from an index alone. */
    public Extent extent(String project) {
        Tuple row = (Tuple) entities.createNativeQuery(
                        "select count(*) as rankings, coalesce(max(submitted_at), cast('epoch' as timestamptz)) as newest"
                                + " from ranking where project_id = :p",
                        Tuple.class)
                .setParameter("p", project)
                .getSingleResult();
        return new Extent(((Number) row.get("rankings")).longValue(), instant(row.get("newest")));
    }

    private static final class Judged {
        private final Task task;
        private final int overlap;
        private final List<RankingSubmitted> rankings = new ArrayList<>();
        private Instant complete = Instant.MAX;

        Judged(Task task, int overlap) {
            this.task = task;
            this.overlap = overlap;
        }

        void add(RankingSubmitted ranking, Instant at) {
            rankings.add(ranking);
            if (rankings.size() == overlap) {
                complete = at;
            }
        }

        boolean isComplete() {
            return rankings.size() >= overlap;
        }
    }

    /**
     * Compares two adapters; must run in a transaction.
     *
     * @param a a version, or {@code base}
     * @param b another
     */
    public AbReport compare(String project, String a, String b, double alpha) {
        if (a.equals(b)) {
            throw Refusal.unprocessable("same_adapter", "An adapter is not compared with itself.");
        }
        if (!(alpha >= 0.0001 && alpha <= 0.5)) {
            throw Refusal.unprocessable("invalid_alpha", "alpha must be between 0.0001 and 0.5.");
        }
        List<Judged> judged = judged(project, a, b);
        List<Judged> complete = judged.stream()
                .filter(Judged::isComplete)
                .sorted(Comparator.comparing((Judged task) -> task.complete).thenComparing(task -> task.task.taskId()))
                .toList();
        BettingSequence sequence = new BettingSequence(alpha);
        long comparisons = 0;
        int wins = 0;
        int losses = 0;
        for (Judged task : complete) {
            Comparison comparison = Comparison.of(task.task, task.rankings, a, b);
            comparisons += comparison.comparisons();
            double score = comparison.score();
            wins += score > 0.5 ? 1 : 0;
            losses += score < 0.5 ? 1 : 0;
            sequence.add(score);
        }
        // One decision for the interval and the test: the interval holds no 1/2 any more.
        AbReport.Verdict verdict = sequence.decidedAt() == 0
                ? AbReport.Verdict.UNDECIDED
                : sequence.upper() + sequence.lower() > 1 ? AbReport.Verdict.A_BETTER : AbReport.Verdict.B_BETTER;
        return new AbReport(
                a,
                b,
                complete.size(),
                judged.size() - complete.size(),
                comparisons,
                wins,
                complete.size() - wins - losses,
                losses,
                complete.isEmpty() ? null : sequence.mean(),
                sequence.lower(),
                sequence.upper(),
                1 - alpha,
                sequence.pValue(),
                sequence.decidedAt(),
                verdict);
    }

    private List<Judged> judged(String project, String a, String b) {
        Map<String, Judged> byTask = new LinkedHashMap<>();
        List<Tuple> tasks = entities.createNativeQuery(
                        "select id, overlap, body from task where project_id = :p"
                                + " and strpos(body, '\"source\":\"sampled\"') > 0 and strpos(body, :a) > 0"
                                + " and strpos(body, :b) > 0 order by id limit " + MOST_TASKS,
                        Tuple.class)
                .setParameter("p", project)
                .setParameter("a", trace(a))
                .setParameter("b", trace(b))
                .getResultList();
        for (Tuple row : tasks) {
            Task task = read((String) row.get("body"), Task.class);
            if (!Comparison.ids(task, a).isEmpty() && !Comparison.ids(task, b).isEmpty()) {
                byTask.put(task.taskId(), new Judged(task, ((Number) row.get("overlap")).intValue()));
            }
        }
        rankings(byTask);
        return List.copyOf(byTask.values());
    }

    /** What stands in the text of a task that an adapter wrote for. */
    private static String trace(String version) {
        return version.equals(Comparison.BASE)
                ? "\"source\":\"sampled\""
                : "\"adapterVersion\":" + EventJson.writeText(version);
    }

    private void rankings(Map<String, Judged> byTask) {
        if (byTask.isEmpty()) {
            return;
        }
        List<Tuple> rows = entities.createNativeQuery(
                        "select task_id, body, submitted_at from ranking where task_id in"
                                + " (select json_array_elements_text(cast(:tasks as json))) and not retracted"
                                + " order by submitted_at, task_id, labeler",
                        Tuple.class)
                .setParameter("tasks", EventJson.writeText(List.copyOf(byTask.keySet())))
                .getResultList();
        for (Tuple row : rows) {
            Judged task = byTask.get((String) row.get("task_id"));
            if (task != null) {
                task.add(read((String) row.get("body"), RankingSubmitted.class), instant(row.get("submitted_at")));
            }
        }
    }

    private static Instant instant(Object value) {
        return value instanceof Instant instant ? instant : ((java.time.OffsetDateTime) value).toInstant();
    }

    /** Versions of which there are outputs beside others' in one task, for the choice on the page. */
    public List<String> candidates(String project) {
        List<String> all = new ArrayList<>();
        for (Object version : entities.createNativeQuery(
                        "select distinct coalesce(o -> 'provenance' ->> 'adapterVersion', 'base') from task t,"
                                + " json_array_elements(t.body::json -> 'outputs') o where t.project_id = :p"
                                + " and strpos(t.body, '\"source\":\"sampled\"') > 0"
                                + " and o -> 'provenance' ->> 'source' = 'sampled' order by 1 limit 200",
                        String.class)
                .setParameter("p", project)
                .getResultList()) {
            all.add((String) version);
        }
        return all;
    }

    private static <T> T read(String body, Class<T> type) {
        try {
            return EventJson.read(body.getBytes(StandardCharsets.UTF_8), type);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a stored row cannot be read", e);
        }
    }
}
