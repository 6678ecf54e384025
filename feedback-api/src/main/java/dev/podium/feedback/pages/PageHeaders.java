package dev.podium.feedback.pages;

import io.quarkus.vertx.http.runtime.filters.Filters;
import io.vertx.core.MultiMap;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

/** The last wall behind the renderer: even if markup of an output got through, a browser would not run or load it. */
@Singleton
class PageHeaders {
    static final String CONTENT_SECURITY_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; "
            + "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    private static final int BEFORE_MOST_FILTERS = 400;

    void register(@Observes Filters filters) {
        filters.register(PageHeaders::add, BEFORE_MOST_FILTERS);
    }

    private static void add(RoutingContext context) {
        boolean ofOurPages = !context.normalizedPath().startsWith("/q/");
        if (ofOurPages) {
            context.addHeadersEndHandler(ignored -> addTo(context.response().headers(), context.normalizedPath()));
        }
        context.next();
    }

    private static void addTo(MultiMap headers, String path) {
        headers.set("Content-Security-Policy", CONTENT_SECURITY_POLICY);
        headers.set("X-Content-Type-Options", "nosniff");
        headers.set("Referrer-Policy", "no-referrer");
        headers.set("Cross-Origin-Opener-Policy", "same-origin");
        if (path.startsWith("/web/")) {
            // Scripts import one another by plain names: a cached one of another version would not fit.
            headers.set("Cache-Control", "no-cache");
        } else if (!path.startsWith("/webjars/") && !headers.contains("Cache-Control")) {
            headers.set("Cache-Control", "no-store");
        }
    }
}
