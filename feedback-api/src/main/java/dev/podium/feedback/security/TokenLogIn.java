package dev.podium.feedback.security;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.security.AuthenticationFailedException;
import io.quarkus.security.identity.AuthenticationRequestContext;
import io.quarkus.security.identity.IdentityProvider;
import io.quarkus.security.identity.IdentityProviderManager;
import io.quarkus.security.identity.SecurityIdentity;
import io.quarkus.security.identity.request.AuthenticationRequest;
import io.quarkus.security.identity.request.BaseAuthenticationRequest;
import io.quarkus.vertx.http.runtime.security.ChallengeData;
import io.quarkus.vertx.http.runtime.security.HttpAuthenticationMechanism;
import io.quarkus.vertx.http.runtime.security.HttpSecurityUtils;
import io.smallrye.mutiny.Uni;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.persistence.EntityManager;
import jakarta.persistence.Tuple;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Log-in by a token: {@code Authorization: Bearer podium_...}. Other bearer tokens are left to others. */
@ApplicationScoped
public class TokenLogIn implements HttpAuthenticationMechanism {
    private static final int ID_CHARACTERS = 8;
    private static final String BEARER = "Bearer " + ApiToken.PREFIX;

    /** A secret that came in. */
    static final class Request extends BaseAuthenticationRequest implements AuthenticationRequest {
        private final String secret;

        Request(String secret) {
            this.secret = secret;
        }
    }

    @Override
    public Uni<SecurityIdentity> authenticate(RoutingContext context, IdentityProviderManager providers) {
        String header = context.request().getHeader("Authorization");
        if (header == null || !header.startsWith(BEARER)) {
            return Uni.createFrom().nullItem();
        }
        Request request = new Request(header.substring("Bearer ".length()));
        HttpSecurityUtils.setRoutingContextAttribute(request, context);
        return providers.authenticate(request);
    }

    @Override
    public Uni<ChallengeData> getChallenge(RoutingContext context) {
        return Uni.createFrom().item(new ChallengeData(401, "WWW-Authenticate", "Bearer"));
    }

    @Override
    public Set<Class<? extends AuthenticationRequest>> getCredentialTypes() {
        return Set.of(Request.class);
    }

    @Override
    public int getPriority() {
        // Before the others; but their challenge is the one for people.
        return DEFAULT_PRIORITY - 1;
    }

    /** Looks the token up by its hash. */
    @ApplicationScoped
    public static class Provider implements IdentityProvider<Request> {
        private final EntityManager entities;

        Provider(EntityManager entities) {
            this.entities = entities;
        }

        @Override
        public Class<Request> getRequestType() {
            return Request.class;
        }

        @Override
        public Uni<SecurityIdentity> authenticate(Request request, AuthenticationRequestContext context) {
            return context.runBlocking(
                    () -> QuarkusTransaction.requiringNew().call(() -> identity(ApiToken.hash(request.secret))));
        }

        private SecurityIdentity identity(String sha256) {
            Instant now = Clock.systemUTC().instant();
            // Who gave the token away must still be there: it can do no more than they could.
            List<Tuple> found = entities.createNativeQuery(
                            "select cast(t.id as text) as id, t.name, t.project_id, t.role from api_token t"
                                    + " join person p on p.id = t.created_by and p.disabled_at is null"
                                    + " where t.sha256 = :sha256 and t.revoked_at is null and t.expires_at > :now"
                                    + " and (p.administrator or coalesce((select m.role from project_member m"
                                    + " where m.project_id = t.project_id and m.person = p.name), p.every_project)"
                                    + " = 'operator')",
                            Tuple.class)
                    .setParameter("sha256", sha256)
                    .setParameter("now", now)
                    .getResultList();
            if (found.isEmpty()) {
                throw new AuthenticationFailedException("unknown, expired or revoked token");
            }
            Tuple token = found.getFirst();
            String id = token.get("id", String.class);
            // One write a minute is enough to see what is in use.
            entities.createNativeQuery("update api_token set last_used_at = :now where sha256 = :sha256"
                            + " and (last_used_at is null or last_used_at < :before)")
                    .setParameter("now", now)
                    .setParameter("before", now.minusSeconds(60))
                    .setParameter("sha256", sha256)
                    .executeUpdate();
            Access access = new Access(
                    id,
                    false,
                    false,
                    Optional.empty(),
                    Map.of(token.get("project_id", String.class), Role.of(token.get("role", String.class))));
            // Names of tokens may be given again, and in other projects: whoever has the name has not its work.
            return LogIn.identity(
                    "token:" + token.get("name", String.class) + "~" + id.substring(0, ID_CHARACTERS), access);
        }
    }
}
