package dev.podium.feedback.round;

import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.IdempotentAnswers;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.quarkus.panache.common.Sort;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** The rounds of a project: list, start. */
@Path("/api/v1/projects/{project}/rounds")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.OPERATOR)
public class ProjectRoundsResource {
    private static final int MOST_LISTED = 1000;

    private final Rounds rounds;
    private final RoundViews views;
    private final Plans plans;
    private final SecurityIdentity identity;

    ProjectRoundsResource(Rounds rounds, RoundViews views, Plans plans, SecurityIdentity identity) {
        this.rounds = rounds;
        this.views = views;
        this.plans = plans;
        this.identity = identity;
    }

    /** Starts a round. */
    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    public Response start(
            @RestPath String project, @HeaderParam("Idempotency-Key") @Nullable String key, InputStream body) {
        byte[] bytes = Bodies.read(body, Bodies.ROUND_BYTES);
        NewRound wanted = Bodies.parse(bytes, NewRound.class);
        Optional<Rounds.Key> once = Optional.ofNullable(key)
                .map(k -> new Rounds.Key(
                        IdempotentAnswers.requireKey(k),
                        IdempotentAnswers.sha256(new String(bytes, StandardCharsets.UTF_8))));
        Rounds.Started started =
                rounds.start(project, wanted, once, identity.getPrincipal().getName());
        Response.ResponseBuilder answer =
                Response.status(started.isNew() ? 201 : 200).entity(views.of(started.round()));
        if (!started.isNew()) {
            answer.header("Idempotent-Replayed", "true");
        }
        return answer.build();
    }

    /** The newest rounds, newest first. */
    @GET
    @Transactional
    public List<RoundView> list(@RestPath String project, @QueryParam("limit") @DefaultValue("200") int limit) {
        Project.required(project);
        return RoundRow.<RoundRow>find("projectId", Sort.descending("requestedAt"), project)
                .page(0, Math.clamp(limit, 1, MOST_LISTED))
                .stream()
                .map(views::of)
                .toList();
    }

    /** Rounds that wait for one another, of the newest plans first. */
    @GET
    @Path("planned")
    @Transactional
    public List<PlannedRound> planned(@RestPath String project, @QueryParam("limit") @DefaultValue("100") int limit) {
        Project.required(project);
        return plans.list(project, Math.clamp(limit, 1, MOST_LISTED));
    }
}
