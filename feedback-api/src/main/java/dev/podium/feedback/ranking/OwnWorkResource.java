package dev.podium.feedback.ranking;

import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.io.InputStream;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** A labeler's own drafts, history and progress; nobody sees those of others here. */
@Path("/api/v1/projects/{project}")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.LABELER)
public class OwnWorkResource {
    private final SecurityIdentity identity;
    private final Drafts drafts;
    private final Revisions revisions;
    private final OwnProgress progress;

    OwnWorkResource(SecurityIdentity identity, Drafts drafts, Revisions revisions, OwnProgress progress) {
        this.identity = identity;
        this.drafts = drafts;
        this.revisions = revisions;
        this.progress = progress;
    }

    /**
     * Keeps what the labeler has done so far; the last one written counts. A browser that gives up requests names itself and
     * the turn of each, in numbers: what it sent before changes nothing then.
     */
    @PUT
    @Path("tasks/{task}/draft")
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional
    public Drafts.Saved save(
            @RestPath String project,
            @RestPath String task,
            @HeaderParam("Draft-Writer") @Nullable Long writer,
            @HeaderParam("Draft-Sequence") @Nullable Long sequence,
            InputStream body) {
        return drafts.save(project, task, me(), Bodies.json(body, Drafts.Sent.class), turn(writer, sequence));
    }

    /**
     * Throws the draft away; harmless where there is none. In a turn of its own it leaves alone what the browser sent later,
     * and what the browser sent before and arrives later is not kept.
     */
    @DELETE
    @Path("tasks/{task}/draft")
    @Transactional
    public void drop(
            @RestPath String project,
            @RestPath String task,
            @HeaderParam("Draft-Writer") @Nullable Long writer,
            @HeaderParam("Draft-Sequence") @Nullable Long sequence) {
        Project.required(project);
        drafts.drop(project, task, me(), turn(writer, sequence));
    }

    private static Optional<Drafts.Turn> turn(@Nullable Long writer, @Nullable Long sequence) {
        return writer == null || sequence == null ? Optional.empty() : Optional.of(new Drafts.Turn(writer, sequence));
    }

    /** All revisions of the labeler's ranking of a task, the newest first. */
    @GET
    @Path("tasks/{task}/revisions")
    @Transactional
    public List<Revisions.View> revisions(@RestPath String project, @RestPath String task) {
        return revisions.of(project, task, me());
    }

    /** Count, time and agreement; {@code since} is an instant such as the start of the labeler's day. */
    @GET
    @Path("rankings/mine/summary")
    @Transactional
    public OwnProgress.View summary(@RestPath String project, @QueryParam("since") @Nullable String since) {
        Project.required(project);
        return progress.of(project, me(), since == null ? Instant.EPOCH : Instants.of("since", since));
    }

    private String me() {
        return identity.getPrincipal().getName();
    }
}
