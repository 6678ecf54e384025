package dev.podium.feedback.security;

import dev.podium.contracts.EventJson;
import dev.podium.feedback.rest.Problems;
import io.quarkus.vertx.http.runtime.filters.Filters;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.util.Map;

/** Programs that do not log in get a 401 they understand, not the redirect to the log-in page that people get. */
@Singleton
class ApiChallenge {
    private static final int BEFORE_AUTHENTICATION = 500;

    void register(@Observes Filters filters) {
        filters.register(ApiChallenge::check, BEFORE_AUTHENTICATION);
    }

    private static void check(RoutingContext context) {
        boolean api = context.normalizedPath().startsWith("/api/");
        boolean credentials = context.request().getHeader("Authorization") != null
                || context.request().getCookie("quarkus-credential") != null;
        if (!api || credentials) {
            context.next();
            return;
        }
        context.response()
                .setStatusCode(401)
                .putHeader("Content-Type", Problems.MEDIA_TYPE)
                .putHeader("WWW-Authenticate", (isBrowser(context) ? "Session" : "Basic") + " realm=\"Podium\"")
                .end(EventJson.writeText(Problems.body(
                        401, "not_logged_in", "Log in at /login, or send name and password by HTTP Basic.", Map.of())));
    }

    /** At Basic a browser would ask for a password itself, over the page, and keep it after a log-out. */
    private static boolean isBrowser(RoutingContext context) {
        String agent = context.request().getHeader("User-Agent");
        return context.request().getHeader("X-Requested-With") != null
                || context.request().getHeader("Sec-Fetch-Mode") != null
                || (agent != null && agent.startsWith("Mozilla/"));
    }
}
