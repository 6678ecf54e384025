package dev.podium.feedback.operations;

import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Multi;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import org.jboss.resteasy.reactive.RestPath;
import org.jboss.resteasy.reactive.RestStreamElementType;

/** Server-sent events: which parts of a project's page may have changed. */
@Path("/api/v1/projects/{project}/live")
@AllowedTo(Who.OPERATOR)
public class LiveResource {
    private final Live live;

    LiveResource(Live live) {
        this.live = live;
    }

    /** Hints; the first one, without parts, stands for all of them. */
    @GET
    @Produces(MediaType.SERVER_SENT_EVENTS)
    @RestStreamElementType(MediaType.APPLICATION_JSON)
    @Blocking
    public Multi<Live.Hint> watch(@RestPath String project) {
        return live.watch();
    }
}
