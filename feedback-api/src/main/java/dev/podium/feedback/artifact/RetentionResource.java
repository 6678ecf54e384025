package dev.podium.feedback.artifact;

import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.io.InputStream;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** What is kept, and the removal of the rest. */
@Path("/api/v1")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
public class RetentionResource {
    private static final double DEFAULT_GRACE_HOURS = 24;
    private static final double FEWEST_GRACE_HOURS = 1;

    private final Retention retention;
    private final Artifacts artifacts;
    private final SecurityIdentity identity;

    RetentionResource(Retention retention, Artifacts artifacts, SecurityIdentity identity) {
        this.retention = retention;
        this.artifacts = artifacts;
        this.identity = identity;
    }

    /** A policy as it is set. */
    public record NewPolicy(
            @Nullable Integer keepLast, @Nullable Integer keepDays) {}

    /** Whether to look only. */
    public record NewRun(@Nullable Boolean dryRun) {}

    /** How to collect: dryRun is true unless said otherwise. */
    public record NewCollection(
            @Nullable Boolean dryRun, @Nullable Double graceHours) {}

    /** The policy, and what it has retired. */
    public record State(Optional<Retention.Policy> policy, List<String> retired) {}

    @GET
    @Path("projects/{project}/retention")
    @AllowedTo({Who.OPERATOR, Who.SERVICE})
    public State state(@RestPath String project) {
        return new State(retention.policy(project), retention.retired(project));
    }

    @PUT
    @Path("projects/{project}/retention")
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
    @Path("projects/{project}/retention/run")
    @AllowedTo(Who.OPERATOR)
    public Retention.Run run(@RestPath String project, InputStream body) {
        NewRun wanted = Bodies.json(body, NewRun.class);
        return retention.run(
                project,
                wanted.dryRun() == null || wanted.dryRun(),
                identity.getPrincipal().getName());
    }

    /** Removes artifacts of all projects that nothing needs. */
    @POST
    @Path("artifacts/collection")
    @AllowedTo(Who.ADMINISTRATOR)
    public Artifacts.Collection collect(InputStream body) {
        NewCollection wanted = Bodies.json(body, NewCollection.class);
        double hours = wanted.graceHours() == null ? DEFAULT_GRACE_HOURS : wanted.graceHours();
        if (!(hours >= FEWEST_GRACE_HOURS) || hours > 24 * 3650) {
            throw Refusal.unprocessable(
                    "invalid_grace",
                    "graceHours must be 1 or more: what a publisher has just stored is not needed yet, but will be.");
        }
        return artifacts.collect(
                Duration.ofSeconds((long) (hours * 3600)),
                wanted.dryRun() == null || wanted.dryRun(),
                identity.getPrincipal().getName());
    }

    /** The last collections. */
    @GET
    @Path("artifacts/collection")
    @AllowedTo(Who.ADMINISTRATOR)
    @Transactional
    public List<Artifacts.Collection> runs() {
        return artifacts.runs();
    }
}
