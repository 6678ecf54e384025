package dev.podium.feedback.security;

import dev.podium.feedback.audit.Act;
import dev.podium.feedback.audit.AuditLog;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.Refusal;
import io.quarkus.panache.common.Sort;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.io.InputStream;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** Tokens of a project, for programs. */
@Path("/api/v1/projects/{project}/tokens")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.OPERATOR)
public class TokenResource {
    private static final int DEFAULT_DAYS = 90;
    private static final int MOST_DAYS = 366;
    private static final int MOST_TOKENS = 1000;

    private final SecurityIdentity identity;
    private final AuditLog audit;

    TokenResource(SecurityIdentity identity, AuditLog audit) {
        this.identity = identity;
        this.audit = audit;
    }

    /** A token without its secret. */
    public record View(
            String id,
            String name,
            String role,
            Instant createdAt,
            Instant expiresAt,
            @Nullable Instant lastUsedAt,
            @Nullable Instant revokedAt) {
        static View of(ApiToken token) {
            return new View(
                    token.id.toString(),
                    token.name,
                    token.role,
                    token.createdAt,
                    token.expiresAt,
                    token.lastUsedAt,
                    token.revokedAt);
        }
    }

    /** A token to make; 90 days where no number is given. */
    public record NewToken(
            @Nullable String name,
            @Nullable String role,
            @Nullable Integer days,
            @Nullable String reason) {}

    /** A token that was made, with the secret that is not shown again. */
    public record Made(String id, String name, String role, Instant expiresAt, String token) {}

    @GET
    @Transactional
    public List<View> list(@RestPath String project) {
        return ApiToken.<ApiToken>find("projectId", Sort.descending("createdAt"), project).page(0, MOST_TOKENS).stream()
                .map(View::of)
                .toList();
    }

    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional
    public Response make(@RestPath String project, InputStream body) {
        Access access = Access.of(identity);
        access.requirePerson();
        NewToken wanted = Bodies.json(body, NewToken.class);
        int days = wanted.days() == null ? DEFAULT_DAYS : wanted.days();
        if (wanted.name() == null || !wanted.name().matches("[\\p{L}\\p{N}][\\p{L}\\p{N}._-]{0,62}")) {
            throw Refusal.unprocessable(
                    "invalid_name", "A token's name has 1 to 63 letters, digits, or . _ - after the first.");
        }
        if (days < 1 || days > MOST_DAYS) {
            throw Refusal.unprocessable("invalid_days", "A token lives for 1 to " + MOST_DAYS + " days.");
        }
        String secret = ApiToken.newSecret();
        ApiToken token = new ApiToken();
        token.id = UUID.randomUUID();
        token.projectId = project;
        token.role = Role.of(wanted.role()).word();
        token.name = wanted.name();
        token.sha256 = ApiToken.hash(secret);
        token.createdBy = UUID.fromString(access.actor());
        token.createdAt = Clock.systemUTC().instant();
        token.expiresAt = token.createdAt.plus(Duration.ofDays(days));
        token.persist();
        audit.append(Act.of("token.made", token.id.toString())
                .in(project)
                .because(wanted.reason())
                .with("role", token.role)
                .with("days", days));
        return Response.status(201)
                .entity(new Made(token.id.toString(), token.name, token.role, token.expiresAt, secret))
                .build();
    }

    /** Ends a token at once. */
    @DELETE
    @Path("{token}")
    @Transactional
    public View revoke(@RestPath String project, @RestPath String token) {
        Access.of(identity).requirePerson();
        ApiToken found = ApiToken.<ApiToken>find("projectId = ?1 and id = ?2", project, id(token))
                .firstResult();
        if (found == null) {
            throw Refusal.notFound("Token " + token);
        }
        if (found.revokedAt == null) {
            found.revokedAt = Clock.systemUTC().instant();
            audit.append(Act.of("token.revoked", token).in(project));
        }
        return View.of(found);
    }

    private static UUID id(String token) {
        try {
            return UUID.fromString(token);
        } catch (IllegalArgumentException e) {
            throw Refusal.notFound("Token " + token);
        }
    }
}
