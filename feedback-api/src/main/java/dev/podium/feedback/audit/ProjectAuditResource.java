package dev.podium.feedback.audit;

import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import java.util.Optional;
import org.jboss.resteasy.reactive.RestPath;

/** A project's part of the audit log. */
@Path("/api/v1/projects/{project}/audit")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.OPERATOR)
public class ProjectAuditResource {
    private final AuditLog log;

    ProjectAuditResource(AuditLog log) {
        this.log = log;
    }

    /** What was done in the project, newest first. */
    @GET
    @Transactional
    public List<AuditLog.View> list(
            @RestPath String project,
            @QueryParam("before") @DefaultValue("9223372036854775807") long before,
            @QueryParam("limit") @DefaultValue("100") int limit) {
        return log.list(Optional.of(project), before, Math.clamp(limit, 1, AuditResource.MOST_LISTED));
    }
}
