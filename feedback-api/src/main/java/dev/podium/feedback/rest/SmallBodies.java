package dev.podium.feedback.rest;

import io.quarkus.vertx.http.runtime.filters.Filters;
import io.vertx.core.http.HttpHeaders;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import org.jspecify.annotations.Nullable;

/**
 * Has the bodies of small requests read before a worker takes them up: a worker that reads one itself waits for the
 * event loop, and the loop for it, at each part that comes. A body that is large, such as an import, or does not say how
 * long it is, stays a stream.
 */
@Singleton
class SmallBodies {
    /** Behind the checks of who asks and what that one may: nothing is kept for others. */
    private static final int BEHIND_AUTHORIZATION = 50;

    private final BodyHandler reader = BodyHandler.create(false).setBodyLimit(Bodies.SMALL_BYTES);

    void register(@Observes Filters filters) {
        filters.register(this::read, BEHIND_AUTHORIZATION);
    }

    private void read(RoutingContext context) {
        if (context.normalizedPath().startsWith("/api/")
                && isSmall(context.request().getHeader(HttpHeaders.CONTENT_LENGTH))) {
            reader.handle(context);
        } else {
            context.next();
        }
    }

    private static boolean isSmall(@Nullable String length) {
        // The server has refused what is no number.
        return length != null
                && length.length() <= Integer.toString(Bodies.SMALL_BYTES).length()
                && Integer.parseInt(length) <= Bodies.SMALL_BYTES
                && Integer.parseInt(length) > 0;
    }
}
