package dev.podium.feedback.operations;

import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Multi;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import org.jboss.resteasy.reactive.RestStreamElementType;

/** Outbox, consumer lag, dead letters: what concerns all projects. */
@Path("/api/v1/operations")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.ADMINISTRATOR)
public class OperationsResource {
    private final Operations operations;
    private final Live live;

    OperationsResource(Operations operations, Live live) {
        this.operations = operations;
        this.live = live;
    }

    @GET
    public Operations.State now() {
        return operations.now();
    }

    /** Hints that something of it may have changed. */
    @GET
    @Path("live")
    @Produces(MediaType.SERVER_SENT_EVENTS)
    @RestStreamElementType(MediaType.APPLICATION_JSON)
    @Blocking
    public Multi<Live.Hint> watch() {
        return live.watch();
    }
}
