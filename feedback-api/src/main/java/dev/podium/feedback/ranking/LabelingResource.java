package dev.podium.feedback.ranking;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.podium.contracts.Message;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.feedback.audit.AuditLog;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.IdempotentAnswers;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.security.Access;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.People;
import dev.podium.feedback.security.Recalled;
import dev.podium.feedback.security.Who;
import dev.podium.feedback.task.Assignment;
import dev.podium.feedback.task.KnownTasks;
import dev.podium.feedback.task.Lease;
import dev.podium.feedback.task.LeaseIds;
import dev.podium.feedback.task.TaskRow;
import dev.podium.feedback.task.TaskView;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** What labelers do. Who they are comes from the log-in alone. */
@Path("/api/v1/projects/{project}")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.LABELER)
public class LabelingResource {
    private static final int MOST_LISTED = 200;
    private static final Instant FAR_FUTURE = Instant.parse("9999-01-01T00:00:00Z");

    private final SecurityIdentity identity;
    private final Assignment assignment;
    private final Rankings rankings;
    private final KnownTasks tasks;
    private final LeaseIds leaseIds;
    private final IdempotentAnswers answers;
    private final LabelerGate gate;
    private final Drafts drafts;
    private final AuditLog audit;
    private final People people;
    private final Recalled recalled;
    private final ObjectMapper json;

    LabelingResource(
            SecurityIdentity identity,
            Assignment assignment,
            Rankings rankings,
            KnownTasks tasks,
            LeaseIds leaseIds,
            IdempotentAnswers answers,
            LabelerGate gate,
            Drafts drafts,
            AuditLog audit,
            People people,
            Recalled recalled,
            ObjectMapper json) {
        this.identity = identity;
        this.assignment = assignment;
        this.rankings = rankings;
        this.tasks = tasks;
        this.leaseIds = leaseIds;
        this.answers = answers;
        this.gate = gate;
        this.drafts = drafts;
        this.audit = audit;
        this.people = people;
        this.recalled = recalled;
        this.json = json;
    }

    /** One of the labeler's own rankings, in short. */
    public record Listed(
            String taskId,
            List<Message> prompt,
            int revision,
            List<List<String>> groups,
            List<String> unacceptable,
            Instant at) {}

    /**
     * The task this labeler is on, or the next one; 204 when nothing is left.
     *
     * @param after the task on the screen: asks for the one behind it, to have it ready
     */
    @POST
    @Path("tasks/next")
    public Response next(@RestPath String project, @QueryParam("after") @Nullable String after) {
        gate.requireWelcome(project, me());
        return assignment
                .next(project, me(), after)
                .map(given -> Response.ok(view(given)).build())
                .orElseGet(() -> Response.noContent().build());
    }

    private TaskView view(Assignment.Assigned given) {
        return given.view(
                given.drafted()
                        ? QuarkusTransaction.requiringNew()
                                .call(() -> drafts.of(given.taskId(), me(), 0))
                                .orElse(null)
                        : null);
    }

    /**
     * Keeps a task for longer: the form sends this while somebody works on it. In no transaction: it would hold the lease's
     * lock until this instance commits, and writers of rankings wait for that.
     */
    @PUT
    @Path("tasks/{task}/lease")
    public TaskView.LeaseView extend(@RestPath String project, @RestPath String task) {
        Instant until = assignment.extend(project, task, me());
        return new TaskView.LeaseView(leaseIds.of(task, me()).toString(), until);
    }

    /** Gives a task back to others. */
    @DELETE
    @Path("tasks/{task}/lease")
    @Transactional
    public Response release(@RestPath String project, @RestPath String task) {
        assignment.release(project, task, me());
        return Response.noContent().build();
    }

    /** A task this labeler holds or has ranked, with the own ranking. */
    @GET
    @Path("tasks/{task}")
    @Transactional
    public TaskView task(@RestPath String project, @RestPath String task) {
        TaskRow row = TaskRow.findById(task);
        RankingRow ranking = RankingRow.findById(new RankingRow.Id(task, me()));
        Lease lease =
                Lease.<Lease>find("taskId = ?1 and labeler = ?2", task, me()).firstResult();
        if (row == null || !row.projectId.equals(project) || (ranking == null && lease == null)) {
            throw Refusal.notFound("Task " + task);
        }
        return view(tasks.of(task, row.body), ranking, lease);
    }

    private TaskView view(KnownTasks.Known known, @Nullable RankingRow ranking, @Nullable Lease lease) {
        List<String> order = lease != null
                ? lease.order(known.task())
                : ranking != null && !ranking.shownOrder.isEmpty()
                        ? List.of(ranking.shownOrder.split("\n"))
                        : Assignment.shuffled(known.task(), me());
        String taskId = known.task().taskId();
        TaskView.LeaseView hold = lease == null
                ? null
                : new TaskView.LeaseView(leaseIds.of(taskId, me()).toString(), lease.expiresAt);
        int revision = ranking == null ? 0 : ranking.revision;
        TaskView.Draft draft = drafts.of(taskId, me(), revision).orElse(null);
        if (ranking == null || ranking.retracted) {
            return TaskView.of(known, order, hold, revision, null, draft);
        }
        RankingSubmitted event = Rankings.submitted(ranking);
        return TaskView.of(
                known,
                order,
                hold,
                revision,
                new TaskView.Mine(
                        event.groups(), event.unacceptable(), event.comment().orElse(null), event.ratings()),
                draft);
    }

    /**
     * Submits or corrects.
     *
     * @param next whether the answer shall bring the next task along, as {@code next}; without it none was at hand, and
     *     {@link #next} tells why
     * @param after the task on the screen: brings the one behind it
     */
    @PUT
    @Path("tasks/{task}/ranking")
    @Consumes(MediaType.APPLICATION_JSON)
    public Response submit(
            @RestPath String project,
            @RestPath String task,
            @HeaderParam("Idempotency-Key") @Nullable String key,
            @HeaderParam("If-Match") @Nullable String match,
            @QueryParam("next") @DefaultValue("false") boolean next,
            @QueryParam("after") @DefaultValue("") String after,
            InputStream body) {
        gate.requireWelcome(project, me());
        byte[] bytes = Bodies.read(body, Bodies.SMALL_BYTES);
        Judgement judgement = Bodies.parse(bytes, Judgement.class);
        String request = project + "\n" + task + "\n" + match + "\n" + new String(bytes, StandardCharsets.UTF_8);
        Rankings.Taken taken = rankings.submit(
                new Rankings.Sent(
                        project,
                        task,
                        me(),
                        IdempotentAnswers.requireKey(key),
                        request,
                        judgement,
                        revision(match),
                        Recalled.version(identity)),
                () -> recalled.makeSure(identity, project),
                next ? Optional.of(after) : Optional.empty());
        String answer =
                taken.next().map(given -> with(taken.body(), view(given))).orElse(taken.body());
        return taken.replayed()
                ? IdempotentAnswers.again(taken.status(), answer)
                : IdempotentAnswers.first(taken.status(), answer);
    }

    /** The stored answer, which is an object, and one field more. */
    private String with(String answer, TaskView next) {
        try {
            return answer.substring(0, answer.length() - 1) + ",\"next\":" + json.writeValueAsString(next) + "}";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a task cannot be shown", e);
        }
    }

    /** Takes an own ranking back; an operator may name another labeler. */
    @DELETE
    @Path("tasks/{task}/ranking")
    @Transactional
    public Response retract(
            @RestPath String project,
            @RestPath String task,
            @QueryParam("labeler") @Nullable String labeler,
            @HeaderParam("Idempotency-Key") @Nullable String key,
            @HeaderParam("If-Match") @Nullable String match) {
        String whose = labeler == null ? me() : labeler;
        if (!whose.equals(me()) && !Access.of(identity).operates(project)) {
            throw new Refusal(403, "not_yours", "Only operators take back the rankings of others.");
        }
        String request = "retract\n" + project + "\n" + task + "\n" + whose + "\n" + match;
        return answers.once(me(), key, request, () -> {
            IdempotentAnswers.Answer answer = rankings.retract(project, task, whose, revision(match), me());
            if (!whose.equals(me())) {
                audit.append(people.actUpon(whose, "ranking.retracted", task, project));
            }
            return answer;
        });
    }

    /**
     * The labeler's latest rankings, newest first; {@code before} and {@code beforeTask} are time and task of the last
     * one that is known already. Imported rankings have one time: without the task those behind it are left out.
     */
    @GET
    @Path("rankings/mine")
    @Transactional
    public List<Listed> mine(
            @RestPath String project,
            @QueryParam("limit") @DefaultValue("50") int limit,
            @QueryParam("before") @Nullable String before,
            @QueryParam("beforeTask") @DefaultValue("") String beforeTask) {
        Project.required(project);
        List<RankingRow> rows = RankingRow.<RankingRow>find(
                        "projectId = ?1 and id.labeler = ?2 and retracted = false"
                                + " and (submittedAt < ?3 or (submittedAt = ?3 and id.taskId < ?4))"
                                + " order by submittedAt desc, id.taskId desc",
                        project,
                        me(),
                        before == null ? FAR_FUTURE : Instants.of("before", before),
                        beforeTask)
                .page(0, Math.clamp(limit, 1, MOST_LISTED))
                .list();
        Map<String, List<Message>> prompts = new HashMap<>();
        // One query, and of each task only the prompt is kept.
        try (Stream<TaskRow> tasks = TaskRow.stream(
                "id in ?1",
                rows.stream().map(row -> Rankings.submitted(row).taskId()).toList())) {
            tasks.forEach(row -> prompts.put(row.id, row.task().prompt()));
        }
        List<Listed> listed = new ArrayList<>();
        for (RankingRow row : rows) {
            RankingSubmitted event = Rankings.submitted(row);
            listed.add(new Listed(
                    event.taskId(),
                    prompts.getOrDefault(event.taskId(), List.of()),
                    row.revision,
                    event.groups(),
                    event.unacceptable(),
                    row.submittedAt));
        }
        return listed;
    }

    private String me() {
        return identity.getPrincipal().getName();
    }

    private static @Nullable Integer revision(@Nullable String match) {
        if (match == null) {
            return null;
        }
        try {
            return Integer.valueOf(match.strip().replace("W/", "").replace("\"", ""));
        } catch (NumberFormatException e) {
            throw new Refusal(400, "invalid_if_match", "If-Match must be a revision in quotes, such as \"2\".");
        }
    }
}
