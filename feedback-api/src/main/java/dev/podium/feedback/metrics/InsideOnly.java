package dev.podium.feedback.metrics;

import io.quarkus.vertx.http.runtime.filters.Filters;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

/**
 * Metrics and health name projects and channels; they are for those who reach this port itself (probes, Prometheus). To
 * what comes in through a proxy, which says for whom it asks, they are not there.
 */
@Singleton
public class InsideOnly {
    // Before log-in and everything else.
    private static final int FIRST = 1000;

    void register(@Observes Filters filters) {
        filters.register(InsideOnly::filter, FIRST);
    }

    private static void filter(RoutingContext context) {
        if (isForOperation(context.normalizedPath()) && cameThroughAProxy(context.request())) {
            context.response().setStatusCode(404).end();
            return;
        }
        context.next();
    }

    private static boolean isForOperation(String path) {
        return path.startsWith("/q/metrics") || path.startsWith("/q/health");
    }

    private static boolean cameThroughAProxy(HttpServerRequest request) {
        return request.headers().contains("X-Forwarded-For")
                || request.headers().contains("Forwarded");
    }
}
