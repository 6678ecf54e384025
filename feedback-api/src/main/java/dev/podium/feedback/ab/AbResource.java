package dev.podium.feedback.ab;

import dev.podium.feedback.project.Project;
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
import org.jboss.resteasy.reactive.RestPath;

/** Human A/B tests of two adapters. */
@Path("/api/v1/projects/{project}/ab")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.OPERATOR)
public class AbResource {
    private final AbTests tests;

    AbResource(AbTests tests) {
        this.tests = tests;
    }

    /** Versions that can be compared; {@code base} is the base model without an adapter. */
    @GET
    @Transactional
    public List<String> candidates(@RestPath String project) {
        Project.required(project);
        return tests.candidates(project);
    }

    /**
     * How often a's outputs win against b's, in the judgement of labelers who do not know which are whose.
     *
     * @param alpha probability of a wrong interval, over all the times at which one looks
     */
    @GET
    @Path("{a}/{b}")
    @Transactional
    public AbReport compare(
            @RestPath String project,
            @RestPath String a,
            @RestPath String b,
            @QueryParam("alpha") @DefaultValue("0.05") double alpha) {
        Project.required(project);
        return tests.compare(project, a, b, alpha);
    }
}
