package dev.podium.feedback.project;

import dev.podium.contracts.Criterion;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.RankingRules;
import dev.podium.feedback.audit.Act;
import dev.podium.feedback.audit.AuditLog;
import dev.podium.feedback.rendering.SafeMarkdown;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.security.Access;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.quarkus.panache.common.Sort;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.io.InputStream;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** Projects. */
@Path("/api/v1/projects")
@Produces(MediaType.APPLICATION_JSON)
public class ProjectResource {
    private final Set<String> baseModels;
    private final ProjectProgress progress;
    private final SecurityIdentity identity;
    private final AuditLog audit;

    ProjectResource(
            @ConfigProperty(name = "podium.base-models") Set<String> baseModels,
            ProjectProgress progress,
            SecurityIdentity identity,
            AuditLog audit) {
        this.baseModels = baseModels;
        this.progress = progress;
        this.identity = identity;
        this.audit = audit;
    }

    /** A project as its people see it. */
    public record View(
            String id,
            String name,
            String guidelines,
            String guidelinesHtml,
            String baseModel,
            RankingRules rules,
            Instant createdAt) {
        static View of(Project project) {
            return new View(
                    project.id,
                    project.name,
                    project.guidelines,
                    SafeMarkdown.toHtml(project.guidelines),
                    project.baseModel,
                    project.rules(),
                    project.createdAt);
        }
    }

    /** Rules, each with the default where it is left out. */
    public record NewRules(
            @Nullable Boolean tiesAllowed,
            @Nullable Integer topK,
            @Nullable Integer overlap,
            @Nullable Double minVotes,
            @Nullable Double minMajority,
            @Nullable List<Criterion> criteria) {
        RankingRules or(RankingRules d) {
            return new RankingRules(
                    tiesAllowed == null ? d.tiesAllowed() : tiesAllowed,
                    topK == null ? d.topK() : topK,
                    overlap == null ? d.overlap() : overlap,
                    minVotes == null ? d.minVotes() : minVotes,
                    minMajority == null ? d.minMajority() : minMajority,
                    criteria == null ? d.criteria() : criteria);
        }
    }

    /** A project to create. */
    public record NewProject(
            @Nullable String id,
            @Nullable String name,
            @Nullable String guidelines,
            @Nullable String baseModel,
            @Nullable NewRules rules) {}

    @GET
    @AllowedTo(Who.ANYONE)
    public List<View> list() {
        Access access = Access.of(identity);
        return Project.<Project>listAll(Sort.by("id")).stream()
                .filter(project -> access.in(project.id).isPresent())
                .map(View::of)
                .toList();
    }

    @GET
    @Path("{project}")
    @AllowedTo(Who.ANYONE)
    public View one(@RestPath String project) {
        return View.of(Project.required(project));
    }

    @GET
    @Path("{project}/progress")
    @AllowedTo(Who.OPERATOR)
    public Map<String, Object> progress(@RestPath String project) {
        Project.required(project);
        return progress.of(project);
    }

    @POST
    @AllowedTo(Who.ADMINISTRATOR)
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional
    public Response create(InputStream body) {
        NewProject wanted = Bodies.json(body, NewProject.class);
        if (wanted.id() == null || !wanted.id().matches("[a-z0-9][a-z0-9-]{0,62}")) {
            throw Refusal.unprocessable(
                    "invalid_id", "A project's id has 1 to 63 lower-case letters, digits and hyphens.");
        }
        String baseModel = wanted.baseModel() == null ? "podium-nano" : wanted.baseModel();
        if (!baseModels.contains(baseModel)) {
            throw Refusal.unprocessable(
                    "unknown_base_model",
                    "There is no base model " + baseModel + "; known are "
                            + baseModels.stream().sorted().toList() + " (podium.base-models).");
        }
        if (Project.findById(wanted.id()) != null) {
            throw new Refusal(409, "project_exists", "There is a project " + wanted.id() + " already.");
        }
        Project project = new Project();
        project.id = wanted.id();
        project.name = wanted.name() == null || wanted.name().isBlank() ? wanted.id() : wanted.name();
        project.guidelines = Bodies.orEmpty(wanted.guidelines());
        project.baseModel = baseModel;
        project.rulesJson = EventJson.writeText(rules(wanted.rules(), RankingRules.DEFAULT));
        project.createdAt = Clock.systemUTC().instant();
        project.persist();
        audit.append(Act.of("project.created", project.id)
                .in(project.id)
                .with("baseModel", baseModel)
                .with("rules", project.rulesJson));
        return Response.status(201).entity(View.of(project)).build();
    }

    /** What of a project may be another from now on; what is left out stays. */
    public record Change(
            @Nullable String name,
            @Nullable String guidelines,
            @Nullable NewRules rules) {}

    /** Changes a project. Guidelines hold at once; rules for tasks that come from now on: each carries those it was made with. */
    @PUT
    @Path("{project}")
    @AllowedTo(Who.OPERATOR)
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional
    public View change(@RestPath String project, InputStream body) {
        Change wanted = Bodies.json(body, Change.class);
        Project.lock(project);
        Project changed = Project.required(project);
        if (wanted.name() != null && !wanted.name().isBlank()) {
            changed.name = wanted.name();
        }
        if (wanted.guidelines() != null) {
            changed.guidelines = wanted.guidelines();
        }
        if (wanted.rules() != null) {
            changed.rulesJson = EventJson.writeText(rules(wanted.rules(), changed.rules()));
        }
        audit.append(Act.of("project.changed", changed.id)
                .in(changed.id)
                .with("guidelines", wanted.guidelines() != null)
                .with("rules", wanted.rules() == null ? "" : changed.rulesJson));
        return View.of(changed);
    }

    private static RankingRules rules(@Nullable NewRules rules, RankingRules before) {
        try {
            RankingRules all = rules == null ? before : rules.or(before);
            if (all.minVotes() > all.overlap()) {
                throw Refusal.unprocessable(
                        "invalid_rules",
                        "rules.minVotes is " + all.minVotes() + ", but only rules.overlap = " + all.overlap()
                                + " people rank each task: no pair would ever be decided. Raise overlap or lower"
                                + " minVotes.");
            }
            return all;
        } catch (IllegalArgumentException e) {
            throw Refusal.unprocessable("invalid_rules", e.getMessage() + ".");
        }
    }
}
