package dev.podium.feedback.security;

import dev.podium.feedback.rest.Refusal;
import io.quarkus.security.identity.SecurityIdentity;
import io.vertx.core.http.HttpServerRequest;
import java.net.URI;
import java.util.Set;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;
import org.jspecify.annotations.Nullable;

/**
 * Refuses changes that another site makes a browser send: with the cookie a change needs the page's token and, where the
 * browser says where it comes from, the same origin. HTTP Basic needs neither: no browser sends it unasked.
 */
public class ForgeryFilter {
    private static final Set<String> SAFE = Set.of("GET", "HEAD", "OPTIONS");

    private final SecurityIdentity identity;
    private final CsrfTokens tokens;

    public ForgeryFilter(SecurityIdentity identity, CsrfTokens tokens) {
        this.identity = identity;
        this.tokens = tokens;
    }

    @ServerRequestFilter
    public void check(HttpServerRequest request) {
        if (SAFE.contains(request.method().name()) || request.getHeader("Authorization") != null) {
            return;
        }
        String origin = request.getHeader("Origin");
        if (origin != null && !sameOrigin(origin, request.getHeader("Host"))) {
            throw new Refusal(403, "foreign_origin", "This request comes from another site.");
        }
        if (identity.isAnonymous()) {
            return;
        }
        if (!tokens.matches(identity.getPrincipal().getName(), request.getHeader(CsrfTokens.HEADER))) {
            throw new Refusal(403, "csrf_token", "The page's token is missing or old; load the page again.");
        }
    }

    private static boolean sameOrigin(String origin, @Nullable String host) {
        try {
            return URI.create(origin).getAuthority() != null
                    && URI.create(origin).getAuthority().equalsIgnoreCase(host);
        } catch (IllegalArgumentException e) {
            return false;
        }
    }
}
