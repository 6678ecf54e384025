package dev.podium.feedback.erasure;

import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.io.InputStream;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** Erases a person. */
@Path("/api/v1/users/{person}/erase")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.ADMINISTRATOR)
public class ErasureResource {
    private static final int TRANSACTION_SECONDS = 1800;

    private final Erasure erasure;
    private final SecurityIdentity identity;

    ErasureResource(Erasure erasure, SecurityIdentity identity) {
        this.erasure = erasure;
        this.identity = identity;
    }

    /**
     * What becomes of the rankings.
     *
     * @param rankings pseudonym: they stay under a name that nobody can trace; retract: they are taken back
     */
    public record Wanted(
            @Nullable String rankings, @Nullable String reason) {}

    /** What was done: how many rankings, and under which pseudonym they stand now; null where they were taken back. */
    public record Erased(long rankings, @Nullable String pseudonym) {}

    /** Erases a person, who need not be able to log in: also one that only stands in imported rankings. */
    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    public Erased erase(@RestPath String person, InputStream body) {
        Wanted wanted = Bodies.json(body, Wanted.class);
        boolean keep = "pseudonym".equals(wanted.rankings());
        if (!keep && !"retract".equals(wanted.rankings())) {
            throw Refusal.unprocessable("invalid_choice", "rankings must be pseudonym or retract.");
        }
        if (person.equals(identity.getPrincipal().getName())) {
            throw Refusal.unprocessable("yourself", "You cannot do this to yourself; ask another administrator.");
        }
        QuarkusTransaction.requiringNew().run(() -> erasure.close(person));
        return QuarkusTransaction.requiringNew()
                .timeout(TRANSACTION_SECONDS)
                .call(() -> erasure.erase(person, keep, wanted.reason()));
    }
}
