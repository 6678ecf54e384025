package dev.podium.feedback.exclusion;

import dev.podium.feedback.audit.Act;
import dev.podium.feedback.audit.AuditLog;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.round.PlannedRound;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.People;
import dev.podium.feedback.security.Who;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.io.InputStream;
import java.util.List;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** Labelers who are excluded from a project. */
@Path("/api/v1/projects/{project}")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.OPERATOR)
public class ExclusionResource {
    private final Exclusions exclusions;
    private final RoundsAgain again;
    private final SecurityIdentity identity;
    private final AuditLog audit;
    private final People people;

    ExclusionResource(
            Exclusions exclusions, RoundsAgain again, SecurityIdentity identity, AuditLog audit, People people) {
        this.exclusions = exclusions;
        this.again = again;
        this.identity = identity;
        this.audit = audit;
        this.people = people;
    }

    /** Why a labeler is excluded. */
    public record NewExclusion(@Nullable String reason) {}

    @GET
    @Path("exclusions")
    @Transactional
    public List<Exclusions.View> list(@RestPath String project) {
        Project.required(project);
        return exclusions.list(project);
    }

    /** Takes back all rankings of a labeler and takes no new ones; a second time changes nothing. */
    @PUT
    @Path("labelers/{labeler}/exclusion")
    @Consumes(MediaType.APPLICATION_JSON)
    public Exclusions.View exclude(@RestPath String project, @RestPath String labeler, InputStream body) {
        NewExclusion wanted = Bodies.json(body, NewExclusion.class);
        return exclusions.exclude(
                project,
                labeler,
                wanted.reason(),
                identity.getPrincipal().getName(),
                () -> audit.append(about("labeler.excluded", project, labeler).because(wanted.reason())));
    }

    /** Lets the labeler rank again; what was taken back stays so. */
    @DELETE
    @Path("labelers/{labeler}/exclusion")
    @Transactional
    public void lift(@RestPath String project, @RestPath String labeler) {
        Project.required(project);
        exclusions.lift(project, labeler);
        audit.append(about("labeler.readmitted", project, labeler));
    }

    /**
     * Plans to run the rounds again whose adapters learnt from an excluded labeler, one after the other, without the
     * labeler's rankings; channels are not touched.
     */
    @POST
    @Path("labelers/{labeler}/rounds-again")
    public List<PlannedRound> again(@RestPath String project, @RestPath String labeler) {
        List<PlannedRound> planned =
                again.plan(project, labeler, identity.getPrincipal().getName());
        QuarkusTransaction.requiringNew()
                .run(() -> audit.append(
                        about("rounds.plannedAgain", project, labeler).with("rounds", planned.size())));
        return planned;
    }

    private Act about(String action, String project, String labeler) {
        return people.actUpon(labeler, action, "", project);
    }
}
