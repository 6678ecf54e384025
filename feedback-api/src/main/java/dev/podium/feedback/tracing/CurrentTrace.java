package dev.podium.feedback.tracing;

import dev.podium.contracts.TraceParent;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import jakarta.enterprise.context.RequestScoped;

/**
 * The trace of the request at work: the span's, where spans are recorded; else the caller's {@code traceparent}; else one
 * that begins here. All events of a request have the same.
 */
@RequestScoped
public class CurrentTrace {
    private TraceParent trace = TraceParent.begin();

    /** What events of this request hand on. */
    public TraceParent get() {
        SpanContext span = Span.current().getSpanContext();
        return span.isValid() ? new TraceParent(span.getTraceId(), span.getSpanId(), span.isSampled()) : trace;
    }

    void continues(TraceParent caller) {
        trace = caller;
    }
}
