package dev.podium.feedback.quality;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.podium.contracts.LabelerReliability;
import dev.podium.feedback.audit.Act;
import dev.podium.feedback.audit.AuditLog;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.People;
import dev.podium.feedback.security.Who;
import dev.podium.feedback.task.Urgencies;
import dev.podium.feedback.task.Urgency;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.persistence.EntityManager;
import jakarta.persistence.Tuple;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.io.InputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** What operators see and do about the quality of a project's work. */
@Path("/api/v1/projects/{project}")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.OPERATOR)
public class QualityResource {
    private static final int MOST_SCORED_AT_ONCE = 1000;
    private static final int SCORES_BYTES = 4 * 1024 * 1024;
    // What it is reckoned from may be thousands of rankings, and pages ask every few seconds.
    private static final Duration REMEMBERED = Duration.ofSeconds(10);

    private final EntityManager entities;
    private final SecurityIdentity identity;
    private final WorkRules rules;
    private final GoldTasks gold;
    private final LabelerStates states;
    private final Reliabilities reliabilities;
    private final RecentRankings rankings;
    private final Urgencies urgencies;
    private final AuditLog audit;
    private final People people;
    private final Cache<String, Reckoned> reckoned =
            Caffeine.newBuilder().expireAfterWrite(REMEMBERED).maximumSize(16).build();

    QualityResource(
            EntityManager entities,
            SecurityIdentity identity,
            WorkRules rules,
            GoldTasks gold,
            LabelerStates states,
            Reliabilities reliabilities,
            RecentRankings rankings,
            Urgencies urgencies,
            AuditLog audit,
            People people) {
        this.entities = entities;
        this.identity = identity;
        this.rules = rules;
        this.gold = gold;
        this.states = states;
        this.reliabilities = reliabilities;
        this.rankings = rankings;
        this.urgencies = urgencies;
        this.audit = audit;
        this.people = people;
    }

    /** A figure with its 95% interval; absent where nothing can be said. */
    public record Shown(
            @Nullable Double value,
            @Nullable Double low,
            @Nullable Double high,
            int n) {
        static Shown of(Agreement.Figure figure) {
            return new Shown(finite(figure.value()), finite(figure.low()), finite(figure.high()), figure.n());
        }

        private static @Nullable Double finite(double value) {
            return Double.isFinite(value) ? value : null;
        }
    }

    /** One labeler. */
    public record Labeler(
            String labelerId,
            int rankings,
            @Nullable Double millisPerCharacter,
            List<Haste.Flag> flags,
            long goldAnswers,
            @Nullable Double goldScore,
            double reliability,
            boolean paused,
            @Nullable String pausedBy,
            @Nullable String pauseReason,
            @Nullable Instant pausedAt) {}

    /**
     * The state of a project's work.
     *
     * @param rankings that the figures are reckoned from: the newest ones
     */
    public record Report(
            int rankings, Shown krippendorffAlpha, Shown kendallTauB, Shown kendallW, List<Labeler> labelers) {}

    /** Groups of a known answer. */
    public record Answer(@Nullable List<List<String>> groups) {}

    /** Why somebody is paused. */
    public record Pause(@Nullable String reason) {}

    /** A weight set by hand. */
    public record Weight(
            @Nullable Double reliability, @Nullable String reason) {}

    /** Scores of a model. */
    public record Scores(@Nullable String source, @Nullable List<Urgencies.Scored> tasks) {}

    @GET
    @Path("quality")
    @Transactional
    public Report quality(@RestPath String project) {
        Project.required(project);
        Reckoned known = reckoned.get(project, this::reckon);
        RecentRankings.Recent recent = known.recent();
        Agreement.Report report = known.agreement();
        int count =
                recent.tasks().stream().mapToInt(task -> task.ranks().length).sum();
        return new Report(
                count,
                Shown.of(report.alpha()),
                Shown.of(report.tauB()),
                Shown.of(report.w()),
                labelers(project, recent));
    }

    /** Rankings, and what they say: they belong together. */
    private record Reckoned(RecentRankings.Recent recent, Agreement.Report agreement) {}

    private Reckoned reckon(String project) {
        RecentRankings.Recent recent = rankings.of(project);
        return new Reckoned(
                recent,
                Agreement.report(recent.tasks().stream()
                        .map(RecentRankings.OfTask::ranks)
                        .toList()));
    }

    private List<Labeler> labelers(String project, RecentRankings.Recent recent) {
        Map<String, Tuple> known = new HashMap<>();
        List<Tuple> rows = entities.createNativeQuery(
                        "select coalesce(s.labeler, g.labeler, r.labeler) as labeler, s.paused_at, s.paused_by,"
                                + " s.pause_reason, coalesce(g.n, 0) as n, g.score, coalesce(r.reliability, 1) as weight"
                                + " from (select * from labeler_state where project_id = :p) s full join (select labeler,"
                                + " count(*) as n, avg(score) as score from gold_result where project_id = :p group by"
                                + " labeler) g on g.labeler = s.labeler full join (select labeler, reliability from"
                                + " labeler_reliability where project_id = :p) r on r.labeler = coalesce(s.labeler,"
                                + " g.labeler)",
                        Tuple.class)
                .setParameter("p", project)
                .getResultList();
        rows.forEach(row -> known.put(row.get("labeler", String.class), row));
        double[] paces = recent.seen().values().stream()
                .mapToDouble(Haste::pace)
                .filter(pace -> pace > 0)
                .sorted()
                .toArray();
        double usual = paces.length == 0 ? 0 : paces[paces.length / 2];
        TreeSet<String> names = new TreeSet<>(recent.labelers());
        names.addAll(known.keySet());
        int[] counts = new int[recent.labelers().size()];
        for (RecentRankings.OfTask task : recent.tasks()) {
            for (int labeler : task.labelers()) {
                counts[labeler]++;
            }
        }
        List<Labeler> all = new ArrayList<>();
        for (String name : names) {
            List<Haste.Seen> seen = recent.seen().getOrDefault(name, List.of());
            Tuple row = known.get(name);
            int index = recent.labelers().indexOf(name);
            double pace = Haste.pace(seen);
            all.add(new Labeler(
                    name,
                    index < 0 ? 0 : counts[index],
                    pace > 0 ? pace : null,
                    Haste.flags(seen, usual),
                    row == null ? 0 : row.get("n", Long.class),
                    row == null ? null : row.get("score", Double.class),
                    row == null ? LabelerReliability.DEFAULT : row.get("weight", Double.class),
                    row != null && row.get("paused_at") != null,
                    row == null ? null : row.get("paused_by", String.class),
                    row == null ? null : row.get("pause_reason", String.class),
                    row == null || row.get("paused_at") == null ? null : Reliabilities.instant(row.get("paused_at"))));
        }
        return all;
    }

    @GET
    @Path("work-rules")
    @Transactional
    public WorkRules.Values rules(@RestPath String project) {
        Project.required(project);
        return rules.of(project);
    }

    /** Changes what is named and leaves the rest. */
    @PUT
    @Path("work-rules")
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional
    public WorkRules.Values change(@RestPath String project, InputStream body) {
        Project.required(project);
        WorkRules.Values now = rules.change(project, Bodies.json(body, WorkRules.Change.class));
        audit.append(Act.of("workRules.changed", "").in(project).with("rules", now));
        return now;
    }

    @GET
    @Path("gold")
    @Transactional
    public List<GoldTasks.Listed> gold(@RestPath String project) {
        Project.required(project);
        return gold.list(project);
    }

    /** Gives a task a known answer. */
    @PUT
    @Path("gold/{task}")
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional
    public Response putGold(@RestPath String project, @RestPath String task, InputStream body) {
        List<List<String>> groups = Bodies.json(body, Answer.class).groups();
        if (groups == null || groups.stream().anyMatch(g -> g == null || g.contains(null))) {
            throw Refusal.unprocessable("empty_answer", "Send groups: the outputs' ids, best first.");
        }
        gold.put(project, task, groups, me());
        audit.append(Act.of("gold.set", task).in(project));
        return Response.noContent().build();
    }

    /** Makes a gold task an ordinary one again. */
    @DELETE
    @Path("gold/{task}")
    @Transactional
    public Response removeGold(@RestPath String project, @RestPath String task) {
        gold.remove(project, task);
        audit.append(Act.of("gold.removed", task).in(project));
        return Response.noContent().build();
    }

    /** Pauses a labeler. */
    @PUT
    @Path("labelers/{labeler}/pause")
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional
    public Response pause(@RestPath String project, @RestPath String labeler, InputStream body) {
        Project.required(project);
        String reason = Bodies.json(body, Pause.class).reason();
        states.pause(
                project, labeler, me(), reason == null || reason.isBlank() ? "an operator has asked for it" : reason);
        audit.append(about("labeler.paused", project, labeler).because(reason));
        return Response.noContent().build();
    }

    /** Lets a labeler go on. */
    @DELETE
    @Path("labelers/{labeler}/pause")
    @Transactional
    public Response resume(@RestPath String project, @RestPath String labeler) {
        Project.required(project);
        if (!states.resume(project, labeler)) {
            throw Refusal.notFound("A pause of " + labeler);
        }
        audit.append(about("labeler.resumed", project, labeler));
        return Response.noContent().build();
    }

    /** What an estimate would say now, next to what holds. */
    @GET
    @Path("reliabilities")
    @Transactional
    public List<Reliabilities.View> reliabilities(@RestPath String project) {
        Project.required(project);
        return reliabilities.preview(project);
    }

    /** Publishes the estimates; labelers' votes weigh so from then on, and the tasks concerned are summed anew. */
    @POST
    @Path("reliabilities")
    @Transactional
    public List<Reliabilities.View> publish(@RestPath String project) {
        List<Reliabilities.View> published = reliabilities.publishEstimates(project, me());
        audit.append(Act.of("reliabilities.published", "").in(project));
        return published;
    }

    /** Sets a weight by hand; estimates leave it alone. */
    @PUT
    @Path("labelers/{labeler}/reliability")
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional
    public Response override(@RestPath String project, @RestPath String labeler, InputStream body) {
        Weight weight = Bodies.json(body, Weight.class);
        Double value = weight.reliability();
        if (value == null || !(value >= 0) || value > LabelerReliability.MAX) {
            throw Refusal.unprocessable(
                    "invalid_reliability", "reliability is a number from 0 to " + LabelerReliability.MAX + ".");
        }
        reliabilities.override(project, labeler, value, me(), weight.reason());
        audit.append(about("reliability.set", project, labeler)
                .with("reliability", value)
                .because(weight.reason()));
        return Response.noContent().build();
    }

    /** Takes a weight set by hand back. */
    @DELETE
    @Path("labelers/{labeler}/reliability")
    @Transactional
    public Response withdraw(@RestPath String project, @RestPath String labeler) {
        if (!reliabilities.withdraw(project, labeler, me())) {
            throw Refusal.notFound("A weight set by hand of " + labeler);
        }
        audit.append(about("reliability.withdrawn", project, labeler));
        return Response.noContent().build();
    }

    private Act about(String action, String project, String labeler) {
        return people.actUpon(labeler, action, "", project);
    }

    /** Takes what a reward model says of tasks' outputs, so that labelers are asked where it is least sure. */
    @POST
    @Path("scores")
    @AllowedTo({Who.OPERATOR, Who.SERVICE})
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional
    public Map<String, Object> scores(@RestPath String project, InputStream body) {
        Project.required(project);
        Scores scores = Bodies.parse(Bodies.read(body, SCORES_BYTES), Scores.class);
        List<Urgencies.Scored> tasks = scores.tasks();
        if (scores.source() == null || tasks == null || tasks.size() > MOST_SCORED_AT_ONCE) {
            throw Refusal.unprocessable(
                    "invalid_scores",
                    "Send a source and at most " + MOST_SCORED_AT_ONCE
                            + " tasks: {\"taskId\", \"scores\": {output id: {\"mean\", \"spread\"}}}.");
        }
        for (Urgencies.Scored task : tasks) {
            boolean sound = task.taskId() != null
                    && task.scores() != null
                    && task.scores().values().stream().allMatch(QualityResource::isSound);
            if (!sound) {
                throw Refusal.unprocessable("invalid_scores", "Means must be finite numbers, and spreads not below 0.");
            }
        }
        return Map.of("tasks", urgencies.score(project, scores.source(), tasks));
    }

    private static boolean isSound(Urgency.@Nullable Score score) {
        return score != null && Double.isFinite(score.mean()) && Double.isFinite(score.spread()) && score.spread() >= 0;
    }

    private String me() {
        return identity.getPrincipal().getName();
    }
}
