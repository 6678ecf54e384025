package dev.podium.feedback.round;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.EventJson;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.IdempotentAnswers;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.quarkus.narayana.jta.QuarkusTransaction;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** One round: watch, cancel. */
@Path("/api/v1/rounds/{round}")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.OPERATOR)
public class RoundResource {
    private final Rounds rounds;
    private final Reruns reruns;
    private final RoundViews views;
    private final SecurityIdentity identity;

    RoundResource(Rounds rounds, Reruns reruns, RoundViews views, SecurityIdentity identity) {
        this.rounds = rounds;
        this.reruns = reruns;
        this.views = views;
        this.identity = identity;
    }

    @GET
    @Transactional
    public RoundView one(@RestPath String round) {
        return views.of(RoundViews.required(round));
    }

    /**
     * What happened, oldest first, in portions: ask again with {@code after} raised by what came, until a portion is
     * empty.
     *
     * @param after how many events to leave out
     */
    @GET
    @Path("events")
    @Transactional
    public List<JsonNode> events(@RestPath String round, @QueryParam("after") @DefaultValue("0") int after) {
        RoundViews.required(round);
        List<JsonNode> all = new ArrayList<>();
        for (String body : views.bodies(round, Math.max(0, after))) {
            try {
                all.add(EventJson.mapper().readTree(body));
            } catch (JsonProcessingException e) {
                throw new IllegalStateException("a stored event cannot be read", e);
            }
        }
        return all;
    }

    @POST
    @Path("cancel")
    @Transactional
    public RoundView cancel(@RestPath String round) {
        return views.of(rounds.cancel(round, identity.getPrincipal().getName()));
    }

    /**
     * Runs the round again under a new id and version: on the same data set by its sha256, or on the data of now. The view
     * of the new round says, once it has ended, whether its adapter is the first one's byte for byte.
     */
    @POST
    @Path("rerun")
    @Consumes(MediaType.APPLICATION_JSON)
    public Response rerun(
            @RestPath String round, @HeaderParam("Idempotency-Key") @Nullable String key, InputStream body) {
        byte[] bytes = Bodies.read(body, Bodies.SMALL_BYTES);
        Reruns.Again again = Bodies.parse(bytes, Reruns.Again.class);
        Optional<Rounds.Key> once = Optional.ofNullable(key)
                .map(k -> new Rounds.Key(
                        IdempotentAnswers.requireKey(k),
                        IdempotentAnswers.sha256(round + "\n" + new String(bytes, StandardCharsets.UTF_8))));
        Rounds.Started started =
                reruns.start(round, again, once, identity.getPrincipal().getName(), Optional.of("run again"));
        RoundView view = QuarkusTransaction.requiringNew().call(() -> views.of(started.round()));
        return Response.status(started.isNew() ? 201 : 200).entity(view).build();
    }
}
