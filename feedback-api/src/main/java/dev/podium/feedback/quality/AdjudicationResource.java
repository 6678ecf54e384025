package dev.podium.feedback.quality;

import dev.podium.feedback.audit.Act;
import dev.podium.feedback.audit.AuditLog;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.io.InputStream;
import java.util.List;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** Tasks without a majority: all answers side by side, and a decision with its author. */
@Path("/api/v1/projects/{project}/adjudication")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.OPERATOR)
public class AdjudicationResource {
    private final Adjudications adjudications;
    private final SecurityIdentity identity;
    private final AuditLog audit;

    AdjudicationResource(Adjudications adjudications, SecurityIdentity identity, AuditLog audit) {
        this.adjudications = adjudications;
        this.identity = identity;
        this.audit = audit;
    }

    /** A decision to take. */
    public record NewDecision(
            @Nullable List<List<String>> groups, @Nullable String reason) {}

    /** Tasks that are ranked to the end, contested and not decided. */
    @GET
    @Transactional
    public List<Adjudications.Listed> open(@RestPath String project) {
        Project.required(project);
        return adjudications.open(project);
    }

    /** All there is to decide upon; also of a task that nobody has ranked yet. */
    @GET
    @Path("{task}")
    @Transactional
    public Adjudications.Case one(@RestPath String project, @RestPath String task) {
        return adjudications.of(project, task);
    }

    /** Decides. */
    @PUT
    @Path("{task}")
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional
    public Response decide(@RestPath String project, @RestPath String task, InputStream body) {
        NewDecision decision = Bodies.json(body, NewDecision.class);
        List<List<String>> groups = decision.groups();
        if (groups == null || groups.stream().anyMatch(g -> g == null || g.isEmpty() || g.contains(null))) {
            throw Refusal.unprocessable("empty_group", "Send groups: the outputs' ids, best first.");
        }
        adjudications.decide(
                project,
                task,
                groups,
                decision.reason(),
                identity.getPrincipal().getName());
        audit.append(Act.of("task.decided", task).in(project).because(decision.reason()));
        return Response.noContent().build();
    }

    /** Takes a decision back. */
    @DELETE
    @Path("{task}")
    @Transactional
    public Response withdraw(@RestPath String project, @RestPath String task) {
        adjudications.withdraw(project, task, identity.getPrincipal().getName());
        audit.append(Act.of("task.decisionWithdrawn", task).in(project));
        return Response.noContent().build();
    }
}
