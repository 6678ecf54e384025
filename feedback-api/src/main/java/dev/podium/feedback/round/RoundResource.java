package dev.podium.feedback.round;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.RoundEvent;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.Refusal;
import io.quarkus.panache.common.Sort;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.annotation.security.RolesAllowed;
import jakarta.persistence.EntityManager;
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
import java.util.ArrayList;
import java.util.List;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** Rounds: start, watch, cancel. */
@Path("/api/v1")
@Produces(MediaType.APPLICATION_JSON)
@RolesAllowed("operator")
public class RoundResource {
    private final Rounds rounds;
    private final EntityManager entities;
    private final SecurityIdentity identity;

    RoundResource(Rounds rounds, EntityManager entities, SecurityIdentity identity) {
        this.rounds = rounds;
        this.entities = entities;
        this.identity = identity;
    }

    /** Starts a round. */
    @POST
    @Path("projects/{project}/rounds")
    @Consumes(MediaType.APPLICATION_JSON)
    public Response start(
            @RestPath String project, @HeaderParam("Idempotency-Key") @Nullable String key, InputStream body) {
        NewRound wanted = Bodies.parse(Bodies.read(body, Bodies.ROUND_BYTES), NewRound.class);
        Rounds.Started started =
                rounds.start(project, wanted, key, identity.getPrincipal().getName());
        Response.ResponseBuilder answer =
                Response.status(started.isNew() ? 201 : 200).entity(view(started.round()));
        if (!started.isNew()) {
            answer.header("Idempotent-Replayed", "true");
        }
        return answer.build();
    }

    @GET
    @Path("projects/{project}/rounds")
    @Transactional
    public List<RoundView> list(@RestPath String project) {
        Project.required(project);
        return RoundRow.<RoundRow>find("projectId", Sort.descending("requestedAt"), project).stream()
                .map(this::view)
                .toList();
    }

    @GET
    @Path("rounds/{round}")
    @Transactional
    public RoundView one(@RestPath String round) {
        return view(required(round));
    }

    /** All that happened, oldest first. */
    @GET
    @Path("rounds/{round}/events")
    @Transactional
    public List<JsonNode> events(@RestPath String round, @QueryParam("after") @DefaultValue("0") int after) {
        required(round);
        List<JsonNode> all = new ArrayList<>();
        for (String body : bodies(round)) {
            try {
                all.add(EventJson.mapper().readTree(body));
            } catch (JsonProcessingException e) {
                throw new IllegalStateException("a stored event cannot be read", e);
            }
        }
        return all.subList(Math.clamp(after, 0, all.size()), all.size());
    }

    @POST
    @Path("rounds/{round}/cancel")
    public RoundView cancel(@RestPath String round) {
        return view(rounds.cancel(round, identity.getPrincipal().getName()));
    }

    private static RoundRow required(String id) {
        RoundRow row = RoundRow.findById(id);
        if (row == null) {
            throw Refusal.notFound("Round " + id);
        }
        return row;
    }

    private RoundView view(RoundRow row) {
        try {
            List<RoundEvent> events = new ArrayList<>();
            for (String body : bodies(row.id)) {
                events.add(EventJson.read(body.getBytes(StandardCharsets.UTF_8), RoundEvent.class));
            }
            return RoundView.of(row, EventJson.mapper().readTree(row.command), events);
        } catch (InvalidEventException | JsonProcessingException e) {
            throw new IllegalStateException("the stored events of round " + row.id + " cannot be read", e);
        }
    }

    @SuppressWarnings("unchecked")
    private List<String> bodies(String round) {
        return entities.createNativeQuery(
                        "select body from round_event where round_id = :id order by \"offset\"", String.class)
                .setParameter("id", round)
                .getResultList();
    }
}
