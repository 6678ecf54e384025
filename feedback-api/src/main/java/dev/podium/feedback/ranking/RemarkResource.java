package dev.podium.feedback.ranking;

import dev.podium.feedback.audit.AuditLog;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.People;
import dev.podium.feedback.security.Who;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.io.InputStream;
import java.util.List;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** Skips and flags: labelers make them, operators settle them. */
@Path("/api/v1/projects/{project}")
@Produces(MediaType.APPLICATION_JSON)
public class RemarkResource {
    private static final int MOST_LISTED = 500;

    private final SecurityIdentity identity;
    private final Remarks remarks;
    private final AuditLog audit;
    private final People people;

    RemarkResource(SecurityIdentity identity, Remarks remarks, AuditLog audit, People people) {
        this.identity = identity;
        this.remarks = remarks;
        this.audit = audit;
        this.people = people;
    }

    /** Which remark an operator means. */
    public record Meant(
            @Nullable String taskId,
            @Nullable String labeler,
            @Nullable String kind) {}

    /** Passes a task by. */
    @PUT
    @Path("tasks/{task}/skip")
    @Consumes(MediaType.APPLICATION_JSON)
    @AllowedTo(Who.LABELER)
    @Transactional
    public void skip(@RestPath String project, @RestPath String task, InputStream body) {
        remarks.skip(project, task, me(), Bodies.json(body, Remarks.Sent.class));
    }

    /** Takes an own skip back. */
    @DELETE
    @Path("tasks/{task}/skip")
    @AllowedTo(Who.LABELER)
    @Transactional
    public void unskip(@RestPath String project, @RestPath String task) {
        remarks.remove(project, task, me(), Remarks.Kind.SKIP);
    }

    /** Says that something is wrong with a task. */
    @PUT
    @Path("tasks/{task}/flag")
    @Consumes(MediaType.APPLICATION_JSON)
    @AllowedTo(Who.LABELER)
    @Transactional
    public void flag(@RestPath String project, @RestPath String task, InputStream body) {
        remarks.flag(project, task, me(), Bodies.json(body, Remarks.Sent.class));
    }

    /** Takes an own flag back. */
    @DELETE
    @Path("tasks/{task}/flag")
    @AllowedTo(Who.LABELER)
    @Transactional
    public void unflag(@RestPath String project, @RestPath String task) {
        remarks.remove(project, task, me(), Remarks.Kind.FLAG);
    }

    /** What labelers skipped and flagged, the newest first. */
    @GET
    @Path("remarks")
    @AllowedTo(Who.OPERATOR)
    @Transactional
    public List<Remarks.Made> list(
            @RestPath String project,
            @QueryParam("settled") @DefaultValue("false") boolean withSettled,
            @QueryParam("limit") @DefaultValue("100") int limit) {
        Project.required(project);
        return remarks.list(project, withSettled, Math.clamp(limit, 1, MOST_LISTED));
    }

    /** Marks a remark as dealt with. */
    @POST
    @Path("remarks/settle")
    @Consumes(MediaType.APPLICATION_JSON)
    @AllowedTo(Who.OPERATOR)
    @Transactional
    public void settle(@RestPath String project, InputStream body) {
        Meant meant = Bodies.json(body, Meant.class);
        remarks.settle(
                project,
                Bodies.orEmpty(meant.taskId()),
                Bodies.orEmpty(meant.labeler()),
                Remarks.Kind.of(meant.kind()),
                me());
        write("remark.settled", project, meant);
    }

    /** Offers a skipped task to its labeler again. */
    @POST
    @Path("remarks/offer-again")
    @Consumes(MediaType.APPLICATION_JSON)
    @AllowedTo(Who.OPERATOR)
    @Transactional
    public void offerAgain(@RestPath String project, InputStream body) {
        Meant meant = Bodies.json(body, Meant.class);
        remarks.remove(project, Bodies.orEmpty(meant.taskId()), Bodies.orEmpty(meant.labeler()), Remarks.Kind.SKIP);
        write("skip.offeredAgain", project, meant);
    }

    private void write(String action, String project, Meant meant) {
        audit.append(people.actUpon(Bodies.orEmpty(meant.labeler()), action, Bodies.orEmpty(meant.taskId()), project)
                .with("kind", Bodies.orEmpty(meant.kind())));
    }

    private String me() {
        return identity.getPrincipal().getName();
    }
}
