package dev.podium.feedback.operations;

import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.io.InputStream;
import java.util.List;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** Dead letters: look at them, send them again. */
@Path("/api/v1/dead-letters")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.ADMINISTRATOR)
public class DeadLetterResource {
    private static final int MOST_LISTED = 500;

    private final DeadLetters letters;

    DeadLetterResource(DeadLetters letters) {
        this.letters = letters;
    }

    /** How to send again. */
    public record Replay(@Nullable Boolean dryRun, @Nullable String reason) {}

    @GET
    public List<DeadLetters.Letter> newest(@QueryParam("limit") @DefaultValue("100") int limit) {
        return letters.newest(Math.clamp(limit, 1, MOST_LISTED));
    }

    /** Sends a letter to the topic it came from, under the same event id; with dryRun only says what is wrong with it. */
    @POST
    @Path("{partition}/{offset}/replay")
    @Consumes(MediaType.APPLICATION_JSON)
    public DeadLetters.Replayed replay(@RestPath int partition, @RestPath long offset, InputStream body) {
        Replay wanted = Bodies.json(body, Replay.class);
        return letters.replay(partition, offset, Boolean.TRUE.equals(wanted.dryRun()), wanted.reason());
    }
}
