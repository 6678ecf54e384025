package dev.podium.feedback.round;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.EventJson;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.util.ArrayList;
import java.util.List;
import org.jboss.resteasy.reactive.RestPath;

/** One round: watch, cancel. */
@Path("/api/v1/rounds/{round}")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.OPERATOR)
public class RoundResource {
    private final Rounds rounds;
    private final RoundViews views;
    private final SecurityIdentity identity;

    RoundResource(Rounds rounds, RoundViews views, SecurityIdentity identity) {
        this.rounds = rounds;
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
}
