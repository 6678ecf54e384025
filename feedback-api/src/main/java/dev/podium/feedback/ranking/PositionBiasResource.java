package dev.podium.feedback.ranking;

import dev.podium.feedback.project.Project;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import org.jboss.resteasy.reactive.RestPath;

/** Whether labelers favour a position on screen. */
@Path("/api/v1/projects/{project}/position-bias")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.OPERATOR)
public class PositionBiasResource {
    private final PositionBias bias;

    PositionBiasResource(PositionBias bias) {
        this.bias = bias;
    }

    @GET
    @Transactional
    public PositionBias.Report report(@RestPath String project) {
        Project.required(project);
        return bias.of(project);
    }
}
