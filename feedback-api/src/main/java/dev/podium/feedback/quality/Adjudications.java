package dev.podium.feedback.quality;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.Task;
import dev.podium.contracts.TaskAdjudicated;
import dev.podium.contracts.Topics;
import dev.podium.feedback.aggregation.Aggregate;
import dev.podium.feedback.aggregation.VoteMatrix;
import dev.podium.feedback.outbox.Outbox;
import dev.podium.feedback.rendering.SafeMarkdown;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.task.TaskRow;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.LockModeType;
import jakarta.persistence.Tuple;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Tasks on which labelers do not agree, and somebody's word on them. All of it must run in a transaction. */
@Singleton
public class Adjudications {
    private static final int MOST_LISTED = 200;

    private final EntityManager entities;
    private final Outbox outbox;
    private final WorkRules rules;

    Adjudications(EntityManager entities, Outbox outbox, WorkRules rules) {
        this.entities = entities;
        this.outbox = outbox;
        this.rules = rules;
    }

    /** A task without a majority, in short. */
    public record Listed(String taskId, String prompt, int rankings, boolean cycle) {}

    /** A text and how it is shown. */
    public record Shown(String id, String text, String html) {}

    /** What one labeler said; ratings are by output and criterion. */
    public record Answer(
            String labelerId,
            List<List<String>> groups,
            List<String> unacceptable,
            @Nullable String comment,
            Map<String, Map<String, Integer>> ratings,
            long durationMillis,
            double reliability,
            Instant at) {}

    /** A decision that holds. */
    public record Decision(
            String adjudicatorId,
            List<List<String>> groups,
            @Nullable String reason,
            int revision,
            Instant at) {}

    /** All there is to decide upon: outputs, everybody's answer, the votes, and what an aggregation makes of them. */
    public record Case(
            String taskId,
            List<Shown> prompt,
            List<Shown> outputs,
            List<Answer> answers,
            Aggregate aggregate,
            List<String> votedOutputs,
            double[][] above,
            @Nullable Decision decision) {}

    List<Listed> open(String project) {
        List<Listed> all = new ArrayList<>();
        for (Tuple row : tuples(
                "select p.task_id, p.body from preference p join task t on t.id = p.task_id where p.project_id = :p"
                        + " and p.contested and (t.taken >= t.overlap or t.gold) and not exists (select 1 from"
                        + " adjudication a where a.task_id = p.task_id and not a.withdrawn) order by p.task_id limit "
                        + MOST_LISTED,
                Map.of("p", project))) {
            PreferenceSet set = read(row.get(1, String.class), PreferenceSet.class);
            all.add(new Listed(
                    set.taskId(),
                    set.prompt().getLast().content(),
                    set.rankings().size(),
                    set.cycle()));
        }
        return all;
    }

    Case of(String project, String taskId) {
        TaskRow row = TaskRow.findById(taskId);
        if (row == null || !row.projectId.equals(project)) {
            throw Refusal.notFound("Task " + taskId);
        }
        Task task = row.task();
        List<Tuple> sets = tuples("select body from preference where task_id = :t", Map.of("t", taskId));
        Optional<PreferenceSet> set = sets.stream()
                .map(each -> read(each.get(0, String.class), PreferenceSet.class))
                .findFirst();
        Map<String, Double> weights = new HashMap<>();
        set.ifPresent(known -> known.rankings().forEach(used -> weights.put(used.labelerId(), used.reliability())));
        List<Answer> answers = new ArrayList<>();
        for (Tuple each : tuples(
                "select body from ranking where task_id = :t and not retracted order by labeler",
                Map.of("t", taskId))) {
            RankingSubmitted ranking = read(each.get(0, String.class), RankingSubmitted.class);
            answers.add(new Answer(
                    ranking.labelerId(),
                    ranking.groups(),
                    ranking.unacceptable(),
                    ranking.comment().orElse(null),
                    ranking.ratings(),
                    ranking.durationMillis(),
                    weights.getOrDefault(ranking.labelerId(), 1.0),
                    ranking.at()));
        }
        WorkRules.Values values = rules.of(project);
        Optional<VoteMatrix> votes = set.map(VoteMatrix::of);
        return new Case(
                taskId,
                task.prompt().stream()
                        .map((Message m) -> shown(m.role(), m.content()))
                        .toList(),
                task.outputs().stream()
                        .map((Output o) -> shown(o.id(), o.text()))
                        .toList(),
                answers,
                votes.map(all -> values.method().of(all, values.aggregationRidge()))
                        .orElseGet(() -> nothing(task, values)),
                votes.map(VoteMatrix::ids).orElse(List.of()),
                votes.map(VoteMatrix::above).orElse(new double[0][0]),
                decision(taskId)
                        .filter(d -> !d.groups().isEmpty())
                        .map(Adjudications::decided)
                        .orElse(null));
    }

    /** Without a vote all outputs are as good. */
    private static Aggregate nothing(Task task, WorkRules.Values values) {
        List<String> all = task.outputs().stream().map(Output::id).toList();
        return new Aggregate(values.method().word(), List.of(all), Map.of(), List.of(), true, -1);
    }

    private static Shown shown(String id, String text) {
        return new Shown(id, text, SafeMarkdown.toHtml(text));
    }

    private static Decision decided(TaskAdjudicated event) {
        return new Decision(
                event.adjudicatorId(), event.groups(), event.reason().orElse(null), event.revision(), event.at());
    }

    private Optional<TaskAdjudicated> decision(String taskId) {
        return tuples("select body from adjudication where task_id = :t", Map.of("t", taskId)).stream()
                .findFirst()
                .map(row -> read(row.get(0, String.class), TaskAdjudicated.class));
    }

    /** Decides; whoever has ranked the task is no judge of it. The same decision again changes nothing. */
    void decide(String project, String taskId, List<List<String>> groups, @Nullable String reason, String by) {
        TaskRow row = locked(project, taskId);
        List<List<String>> canonical =
                groups.stream().map(group -> group.stream().sorted().toList()).toList();
        check(row.task(), canonical);
        boolean own = !tuples(
                        "select 1 from ranking where task_id = :t and labeler = :l and not retracted",
                        Map.of("t", taskId, "l", by))
                .isEmpty();
        if (own) {
            throw new Refusal(
                    409, "own_ranking", "You have ranked this task yourself; somebody else has to decide it.");
        }
        Optional<TaskAdjudicated> before = decision(taskId);
        Optional<String> why = Optional.ofNullable(reason).filter(r -> !r.isBlank());
        boolean same = before.filter(b -> b.groups().equals(canonical)
                        && b.reason().equals(why)
                        && b.adjudicatorId().equals(by))
                .isPresent();
        if (!same) {
            publish(project, taskId, canonical, why, by, before);
        }
    }

    /** Takes the decision back; the votes count again. */
    void withdraw(String project, String taskId, String by) {
        locked(project, taskId);
        Optional<TaskAdjudicated> before = decision(taskId);
        if (before.isEmpty() || before.get().groups().isEmpty()) {
            throw Refusal.notFound("A decision of task " + taskId);
        }
        publish(project, taskId, List.of(), Optional.empty(), by, before);
    }

    private void publish(
            String project,
            String taskId,
            List<List<String>> groups,
            Optional<String> reason,
            String by,
            Optional<TaskAdjudicated> before) {
        TaskAdjudicated event = new TaskAdjudicated(
                UUID.randomUUID().toString(),
                project,
                taskId,
                by,
                before.map(TaskAdjudicated::revision).orElse(0) + 1,
                groups,
                reason,
                Clock.systemUTC().instant());
        entities.createNativeQuery("insert into adjudication (task_id, project_id, revision, adjudicator, withdrawn,"
                        + " body, decided_at) values (:t, :p, :revision, :by, :withdrawn, :body, :at)"
                        + " on conflict (task_id) do update set revision = excluded.revision,"
                        + " adjudicator = excluded.adjudicator, withdrawn = excluded.withdrawn,"
                        + " body = excluded.body, decided_at = excluded.decided_at")
                .setParameter("t", taskId)
                .setParameter("p", project)
                .setParameter("revision", event.revision())
                .setParameter("by", by)
                .setParameter("withdrawn", groups.isEmpty())
                .setParameter("body", EventJson.writeText(event))
                .setParameter("at", event.at())
                .executeUpdate();
        outbox.add(Topics.ADJUDICATIONS, taskId, event.eventId(), taskId, event, event.at());
    }

    private static void check(Task task, List<List<String>> groups) {
        Set<String> known =
                new HashSet<>(task.outputs().stream().map(Output::id).toList());
        List<String> named = groups.stream().flatMap(List::stream).toList();
        if (!known.equals(new HashSet<>(named)) || named.size() != known.size()) {
            throw Refusal.unprocessable(
                    "incomplete_ranking", "A decision names each of the task's outputs once: " + known + ".");
        }
    }

    private static TaskRow locked(String project, String taskId) {
        TaskRow row = TaskRow.findById(taskId, LockModeType.PESSIMISTIC_WRITE);
        if (row == null || !row.projectId.equals(project)) {
            throw Refusal.notFound("Task " + taskId);
        }
        return row;
    }

    private List<Tuple> tuples(String sql, Map<String, String> parameters) {
        var query = entities.createNativeQuery(sql, Tuple.class);
        parameters.forEach(query::setParameter);
        @SuppressWarnings("unchecked")
        List<Tuple> rows = query.getResultList();
        return rows;
    }

    private static <T> T read(String body, Class<T> type) {
        try {
            return EventJson.mapper().readValue(body, type);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a stored event cannot be read", e);
        }
    }
}
