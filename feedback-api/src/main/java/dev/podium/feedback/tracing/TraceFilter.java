package dev.podium.feedback.tracing;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.TraceParent;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerResponseContext;
import org.jboss.logging.MDC;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;
import org.jboss.resteasy.reactive.server.ServerResponseFilter;

/** Takes the caller's trace, and names it in the answer and in the log, so that a report of a fault can be followed. */
class TraceFilter {
    /** Of an answer. */
    static final String TRACE_ID = "Trace-Id";

    private static final String LOGGED = "traceId";

    private final CurrentTrace current;

    TraceFilter(CurrentTrace current) {
        this.current = current;
    }

    @ServerRequestFilter
    void takeTrace(ContainerRequestContext request) {
        TraceParent.parse(request.getHeaderString(CloudEvents.TRACE_PARENT)).ifPresent(current::continues);
        MDC.put(LOGGED, current.get().traceId());
    }

    @ServerResponseFilter
    void nameTrace(ContainerResponseContext response) {
        response.getHeaders().putSingle(TRACE_ID, current.get().traceId());
        MDC.remove(LOGGED);
    }
}
