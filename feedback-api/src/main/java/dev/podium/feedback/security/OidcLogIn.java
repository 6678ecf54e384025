package dev.podium.feedback.security;

import dev.podium.feedback.pages.PageResource;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.oidc.IdTokenCredential;
import io.quarkus.oidc.OidcSession;
import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import io.quarkus.vertx.http.runtime.security.PersistentLoginManager;
import io.vertx.ext.web.RoutingContext;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.eclipse.microprofile.jwt.JsonWebToken;
import org.eclipse.microprofile.openapi.annotations.Operation;

/**
 * Log-in by an OpenID Connect provider. Quarkus leads people to the provider and back to this address; here the provider's
 * word for who they are becomes the same session that a password gives. Who is meant is decided once, by name, and only
 * for people who were added without a password; from then on by the provider's subject alone.
 */
@Path("/login/oidc")
@Authenticated
public class OidcLogIn {
    private final SecurityIdentity identity;
    private final OidcSession session;
    private final People people;
    private final String nameClaim;
    private final String cookieName;
    private final PersistentLoginManager sessions;
    private final SessionStamps stamps;

    OidcLogIn(
            SecurityIdentity identity,
            OidcSession session,
            People people,
            SessionStamps stamps,
            @ConfigProperty(name = "podium.oidc.name-claim") String nameClaim,
            @ConfigProperty(name = "quarkus.http.auth.form.cookie-name", defaultValue = "quarkus-credential")
                    String cookieName,
            @ConfigProperty(name = "quarkus.http.auth.session.encryption-key") String sessionKey,
            @ConfigProperty(name = "quarkus.http.auth.form.timeout") Duration timeout,
            @ConfigProperty(name = "quarkus.http.auth.form.new-cookie-interval") Duration newCookieInterval) {
        this.identity = identity;
        this.session = session;
        this.people = people;
        this.stamps = stamps;
        this.nameClaim = nameClaim;
        this.cookieName = cookieName;
        this.sessions = new PersistentLoginManager(
                sessionKey, cookieName, timeout.toMillis(), newCookieInterval.toMillis(), true, "LAX", "/", -1, null);
    }

    /** Where the provider sends people back to. */
    @GET
    @Produces(MediaType.TEXT_HTML)
    @Operation(hidden = true)
    public Response enter(@Context RoutingContext context) {
        if (identity.getCredential(IdTokenCredential.class) == null
                || !(identity.getPrincipal() instanceof JsonWebToken token)) {
            // Somebody who is logged in already.
            return Response.seeOther(URI.create("/")).build();
        }
        String claimed = Optional.ofNullable(token.<Object>getClaim(nameClaim))
                .map(String::valueOf)
                .orElse("");
        Optional<String> name = QuarkusTransaction.requiringNew()
                .call(() -> people.ofProvider(token.getIssuer(), token.getSubject(), claimed));
        // The provider's own session has done its work.
        session.logout().await().indefinitely();
        if (name.isEmpty()) {
            return Response.status(Response.Status.FORBIDDEN)
                    .entity(PageResource.unknown(claimed))
                    .build();
        }
        // No password ends this session: only a log-out, the clock, or an administrator.
        int version = people.find(name.get()).map(People.Known::sessionVersion).orElse(0);
        stamps.set(context, name.get(), "", version);
        sessions.save(name.get(), context, cookieName, null, context.request().isSSL());
        return Response.seeOther(URI.create("/")).build();
    }
}
