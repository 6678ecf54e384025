package dev.podium.training.track;

import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.TraceParent;
import dev.podium.training.publish.RoundTraces;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A round as one span of the trace that its command brought: from the operator's click over the trainer to the manifest.
 * Without an exporter it does nothing.
 */
public final class SpanTracker implements RoundTracker {
    private final Tracer tracer;
    private final RoundTraces traces;
    private @Nullable Span span;

    public SpanTracker(Tracer tracer, RoundTraces traces) {
        this.tracer = tracer;
        this.traces = traces;
    }

    @Override
    public void started(
            RoundCommand.StartRound command, int resumedFromStep, int totalSteps, Map<String, Double> info) {
        Context parent = traces.of(command.roundId()).map(SpanTracker::remote).orElse(Context.root());
        Span started = tracer.spanBuilder("round " + command.kind().name().toLowerCase(Locale.ROOT))
                .setParent(parent)
                .setSpanKind(SpanKind.CONSUMER)
                .setAttribute("podium.round.id", command.roundId())
                .setAttribute("podium.project", command.projectId())
                .setAttribute("podium.round.version", command.version())
                .setAttribute("podium.round.resumed_from_step", resumedFromStep)
                .setAttribute("podium.round.total_steps", totalSteps)
                .startSpan();
        span = started;
        SpanContext context = started.getSpanContext();
        if (context.isValid()) {
            traces.put(
                    command.roundId(), new TraceParent(context.getTraceId(), context.getSpanId(), context.isSampled()));
        }
    }

    @Override
    public void progress(RoundCommand.StartRound command, int step, Map<String, Double> metrics) {
        // Curves are metrics, not spans.
    }

    @Override
    public void ended(RoundCommand.StartRound command, String outcome, Map<String, Double> metrics) {
        Span open = span;
        if (open != null) {
            metrics.forEach((name, value) -> open.setAttribute("podium.result." + name, value));
            open.setStatus(outcome.equals("FAILED") ? StatusCode.ERROR : StatusCode.UNSET, outcome);
            open.end();
            span = null;
        }
    }

    private static Context remote(TraceParent trace) {
        SpanContext caller = SpanContext.createFromRemoteParent(
                trace.traceId(),
                trace.spanId(),
                trace.sampled() ? TraceFlags.getSampled() : TraceFlags.getDefault(),
                TraceState.getDefault());
        return Context.root().with(Span.wrap(caller));
    }
}
