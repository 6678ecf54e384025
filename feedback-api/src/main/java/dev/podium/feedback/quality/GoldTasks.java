package dev.podium.feedback.quality;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.Output;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.Task;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.task.TaskRow;
import dev.podium.feedback.task.Tasks;
import dev.podium.feedback.task.Walks;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.LockModeType;
import jakarta.persistence.Tuple;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Tasks with a known answer. They look like any other and have a place for everybody; who answers too many of them
 * wrongly is paused, until an operator lets them go on. All of it must run in a transaction.
 */
@Singleton
public class GoldTasks {
    private static final int UNLIMITED = Integer.MAX_VALUE;

    private final EntityManager entities;
    private final LabelerStates states;
    private final Walks walks;

    GoldTasks(EntityManager entities, LabelerStates states, Walks walks) {
        this.entities = entities;
        this.states = states;
        this.walks = walks;
    }

    /** A known answer, as stored. */
    record Answer(List<List<String>> groups) {}

    /** A gold task in a list; the prompt is its last message, cut. */
    public record Listed(
            String taskId,
            String prompt,
            List<List<String>> groups,
            String addedBy,
            long answers,
            @Nullable Double score) {}

    /** Makes a task one with a known answer, or changes the answer. Earlier rankings of it are scored as well. */
    void put(String project, String taskId, List<List<String>> groups, String by) {
        TaskRow row = locked(project, taskId);
        Task task = row.task();
        check(task, groups);
        entities.createNativeQuery("update task set gold = true, overlap = :unlimited where id = :id")
                .setParameter("unlimited", UNLIMITED)
                .setParameter("id", taskId)
                .executeUpdate();
        entities.createNativeQuery("insert into gold_answer (task_id, project_id, body, added_by, added_at)"
                        + " values (:id, :p, :body, :by, :at) on conflict (task_id) do update set"
                        + " body = excluded.body, added_by = excluded.added_by, added_at = excluded.added_at")
                .setParameter("id", taskId)
                .setParameter("p", project)
                .setParameter("body", EventJson.writeText(new Answer(groups)))
                .setParameter("by", by)
                .setParameter("at", Clock.systemUTC().instant())
                .executeUpdate();
        for (Object body : entities.createNativeQuery(
                        "select body from ranking where task_id = :id and not retracted", String.class)
                .setParameter("id", taskId)
                .getResultList()) {
            RankingSubmitted ranking = read((String) body, RankingSubmitted.class);
            store(ranking, score(groups, ranking.groups(), task.rules().topK()));
        }
    }

    private static void check(Task task, List<List<String>> groups) {
        Set<String> known =
                new HashSet<>(task.outputs().stream().map(Output::id).toList());
        List<String> named = groups.stream().flatMap(List::stream).toList();
        if (!known.equals(new HashSet<>(named)) || named.size() != known.size()) {
            throw Refusal.unprocessable(
                    "incomplete_ranking", "A known answer names each of the task's outputs once: " + known + ".");
        }
        if (groups.stream().anyMatch(List::isEmpty) || groups.size() < 2) {
            throw Refusal.unprocessable("empty_answer", "A known answer must put some output above another.");
        }
    }

    /** Makes it an ordinary task again; what was answered stays counted. */
    void remove(String project, String taskId) {
        TaskRow row = locked(project, taskId);
        int removed = entities.createNativeQuery("delete from gold_answer where task_id = :id")
                .setParameter("id", taskId)
                .executeUpdate();
        if (removed == 0) {
            throw Refusal.notFound("Gold task " + taskId);
        }
        entities.createNativeQuery("update task set gold = false, overlap = :overlap where id = :id")
                .setParameter("overlap", row.task().rules().overlap())
                .setParameter("id", taskId)
                .executeUpdate();
        walks.forget(project);
    }

    private static TaskRow locked(String project, String taskId) {
        TaskRow row = TaskRow.findById(taskId, LockModeType.PESSIMISTIC_WRITE);
        if (row == null || !row.projectId.equals(project)) {
            throw Refusal.notFound("Task " + taskId);
        }
        return row;
    }

    List<Listed> list(String project) {
        List<Listed> all = new ArrayList<>();
        for (Tuple row : tuples(
                "select g.task_id, g.body, g.added_by, r.n, r.score, t.body from gold_answer g"
                        + " join task t on t.id = g.task_id left join (select task_id, count(*) as n, avg(score) as"
                        + " score from gold_result where project_id = :p group by task_id) r"
                        + " on r.task_id = g.task_id where g.project_id = :p order by g.task_id",
                project)) {
            all.add(new Listed(
                    row.get(0, String.class),
                    Tasks.shortened(read(row.get(5, String.class), Task.class)),
                    read(row.get(1, String.class), Answer.class).groups(),
                    row.get(2, String.class),
                    row.get(3, Long.class) == null ? 0 : row.get(3, Long.class),
                    row.get(4, Double.class)));
        }
        return all;
    }

    private List<Tuple> tuples(String sql, String project) {
        return entities.createNativeQuery(sql, Tuple.class)
                .setParameter("p", project)
                .getResultList();
    }

    /** A labeler has ranked a gold task: scores it, and pauses who is below the project's threshold. */
    public void answered(RankingSubmitted ranking, WorkRules.Values rules) {
        List<?> answer = entities.createNativeQuery("select body from gold_answer where task_id = :id", String.class)
                .setParameter("id", ranking.taskId())
                .getResultList();
        if (answer.isEmpty()) {
            return;
        }
        TaskRow row = TaskRow.findById(ranking.taskId());
        int topK = row == null ? 0 : row.task().rules().topK();
        store(ranking, score(read((String) answer.getFirst(), Answer.class).groups(), ranking.groups(), topK));
        Tuple all = (Tuple) entities.createNativeQuery(
                        "select count(*), avg(r.score) from gold_result r where r.project_id = :p and r.labeler = :l"
                                + " and r.answered_at > coalesce((select s.gold_since from labeler_state s"
                                + " where s.project_id = :p and s.labeler = :l), '-infinity')",
                        Tuple.class)
                .setParameter("p", ranking.projectId())
                .setParameter("l", ranking.labelerId())
                .getSingleResult();
        long n = all.get(0, Long.class);
        if (n >= rules.goldTasksBeforePause() && all.get(1, Double.class) < rules.goldThreshold()) {
            states.pause(
                    ranking.projectId(),
                    ranking.labelerId(),
                    LabelerStates.GOLD,
                    String.format(
                            Locale.ROOT,
                            "of your last %d tasks with a known answer %.0f%% of the pairs are in the agreed order,"
                                    + " %.0f%% are needed",
                            n,
                            100 * all.get(1, Double.class),
                            100 * rules.goldThreshold()));
        }
    }

    private void store(RankingSubmitted ranking, double score) {
        entities.createNativeQuery("insert into gold_result (task_id, labeler, project_id, score, answered_at)"
                        + " values (:t, :l, :p, :score, :at) on conflict (task_id, labeler) do update set"
                        + " score = excluded.score, answered_at = excluded.answered_at")
                .setParameter("t", ranking.taskId())
                .setParameter("l", ranking.labelerId())
                .setParameter("p", ranking.projectId())
                .setParameter("score", score)
                .setParameter("at", ranking.at())
                .executeUpdate();
    }

    /**
     * The share of pairs that the answer orders and the ranking orders in the same way.
     *
     * @param topK how many outputs the labeler could place, 0 for all: of pairs below them nothing is known
     */
    static double score(List<List<String>> answer, List<List<String>> ranking, int topK) {
        Map<String, Integer> places = new HashMap<>();
        for (int place = 0; place < ranking.size(); place++) {
            for (String id : ranking.get(place)) {
                places.put(id, place);
            }
        }
        int pairs = 0;
        int right = 0;
        int above = 0;
        for (int better = 0; better < answer.size() && (topK == 0 || above < topK); better++) {
            for (String a : answer.get(better)) {
                int placeOfA = places.getOrDefault(a, ranking.size());
                for (List<String> worse : answer.subList(better + 1, answer.size())) {
                    for (String b : worse) {
                        pairs++;
                        right += placeOfA < places.getOrDefault(b, ranking.size()) ? 1 : 0;
                    }
                }
            }
            above += answer.get(better).size();
        }
        return pairs == 0 ? 1 : (double) right / pairs;
    }

    private static <T> T read(String body, Class<T> type) {
        try {
            return EventJson.read(body.getBytes(StandardCharsets.UTF_8), type);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a stored answer cannot be read", e);
        }
    }
}
