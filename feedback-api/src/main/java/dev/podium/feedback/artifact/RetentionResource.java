package dev.podium.feedback.artifact;

import dev.podium.feedback.audit.AuditLog;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.io.InputStream;
import java.util.List;
import java.util.Optional;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** Which adapters of a project are kept. */
@Path("/api/v1/projects/{project}/retention")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
public class RetentionResource {
    private final Retention retention;
    private final SecurityIdentity identity;
    private final AuditLog audit;

    RetentionResource(Retention retention, SecurityIdentity identity, AuditLog audit) {
        this.retention = retention;
        this.identity = identity;
        this.audit = audit;
    }

    /** A policy as it is set. */
    public record NewPolicy(
            @Nullable Integer keepLast, @Nullable Integer keepDays) {}

    /** Whether to look only. */
    public record NewRun(@Nullable Boolean dryRun) {}

    /** The policy, and what it has retired. */
    public record State(Optional<Retention.Policy> policy, List<String> retired) {}

    @GET
    @AllowedTo({Who.OPERATOR, Who.SERVICE})
    public State state(@RestPath String project) {
        return new State(retention.policy(project), retention.retired(project));
    }

    @PUT
    @AllowedTo(Who.OPERATOR)
    public Retention.Policy set(@RestPath String project, InputStream body) {
        NewPolicy wanted = Bodies.json(body, NewPolicy.class);
        return retention.set(
                project,
                wanted.keepLast() == null ? 0 : wanted.keepLast(),
                wanted.keepDays() == null ? 0 : wanted.keepDays(),
                identity.getPrincipal().getName());
    }

    /** Retires what the policy does not keep; its weights go with the next collection. */
    @POST
    @Path("run")
    @AllowedTo(Who.OPERATOR)
    public Retention.Run run(@RestPath String project, InputStream body) {
        NewRun wanted = Bodies.json(body, NewRun.class);
        boolean dryRun = wanted.dryRun() == null || wanted.dryRun();
        if (dryRun) {
            audit.nothingIsChanged();
        }
        return retention.run(project, dryRun, identity.getPrincipal().getName());
    }
}
