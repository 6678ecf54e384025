package dev.podium.feedback.artifact;

import dev.podium.feedback.audit.AuditLog;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.io.InputStream;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The removal of artifacts that nothing needs. */
@Path("/api/v1/artifacts/collection")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
public class CollectionResource {
    private static final double DEFAULT_GRACE_HOURS = 24;
    private static final double FEWEST_GRACE_HOURS = 1;

    private final Artifacts artifacts;
    private final SecurityIdentity identity;
    private final AuditLog audit;

    CollectionResource(Artifacts artifacts, SecurityIdentity identity, AuditLog audit) {
        this.artifacts = artifacts;
        this.identity = identity;
        this.audit = audit;
    }

    /** How to collect: dryRun is true unless said otherwise. */
    public record NewCollection(
            @Nullable Boolean dryRun, @Nullable Double graceHours) {}

    /** Removes artifacts of all projects that nothing needs. */
    @POST
    @AllowedTo(Who.ADMINISTRATOR)
    public Artifacts.Collection collect(InputStream body) {
        NewCollection wanted = Bodies.json(body, NewCollection.class);
        double hours = wanted.graceHours() == null ? DEFAULT_GRACE_HOURS : wanted.graceHours();
        if (!(hours >= FEWEST_GRACE_HOURS) || hours > 24 * 3650) {
            throw Refusal.unprocessable(
                    "invalid_grace",
                    "graceHours must be 1 or more: what a publisher has just stored is not needed yet, but will be.");
        }
        boolean dryRun = wanted.dryRun() == null || wanted.dryRun();
        if (dryRun) {
            audit.nothingIsChanged();
        }
        return artifacts.collect(
                Duration.ofSeconds((long) (hours * 3600)),
                dryRun,
                identity.getPrincipal().getName());
    }

    /** The last collections. */
    @GET
    @AllowedTo(Who.ADMINISTRATOR)
    @Transactional
    public List<Artifacts.Collection> runs() {
        return artifacts.runs();
    }
}
