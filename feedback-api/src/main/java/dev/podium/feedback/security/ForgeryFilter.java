package dev.podium.feedback.security;

import dev.podium.feedback.rest.Refusal;
import io.quarkus.security.identity.SecurityIdentity;
import io.vertx.core.http.HttpServerRequest;
import java.net.URI;
import java.util.Set;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;
import org.jspecify.annotations.Nullable;

/**
 * Refuses changes that another site makes a browser send. Where the browser says where a change comes from, that must be
 * here: also with HTTP Basic, which a browser sends unasked once somebody has answered its prompt. With the cookie a
 * change needs the page's token too. Programs say nothing of where they come from.
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
        if (SAFE.contains(request.method().name())) {
            return;
        }
        String origin = request.getHeader("Origin");
        String host = request.authority() == null ? null : request.authority().toString();
        String site = request.getHeader("Sec-Fetch-Site");
        if ((origin != null && !sameOrigin(origin, host)) || "cross-site".equals(site) || "same-site".equals(site)) {
            throw new Refusal(403, "foreign_origin", "This request comes from another site.");
        }
        if (identity.isAnonymous() || request.getHeader("Authorization") != null) {
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
