package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.TraceParent;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import java.util.Optional;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/**
 * One span for each record that brings a recorded trace; what the processor forwards names that span as its cause. Records
 * without one pass untouched: they hand on the {@code traceparent} that they have.
 */
final class TracedProcessor implements Processor<byte[], byte[], byte[], byte[]> {
    private final Processor<byte[], byte[], byte[], byte[]> processor;
    private final Tracer tracer;

    TracedProcessor(Processor<byte[], byte[], byte[], byte[]> processor, Tracer tracer) {
        this.processor = processor;
        this.tracer = tracer;
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        processor.init(context);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        Optional<TraceParent> cause = CloudEvents.text(record.headers(), CloudEvents.TRACE_PARENT)
                .flatMap(TraceParent::parse)
                .filter(TraceParent::sampled);
        if (cause.isEmpty()) {
            processor.process(record);
            return;
        }
        Span span = tracer.spanBuilder("ranking-stream "
                        + CloudEvents.text(record.headers(), CloudEvents.TYPE).orElse("record"))
                .setParent(remote(cause.get()))
                .setSpanKind(SpanKind.CONSUMER)
                .setAttribute(
                        "podium.task",
                        CloudEvents.text(record.headers(), CloudEvents.SUBJECT).orElse(""))
                .startSpan();
        try {
            processor.process(record.withHeaders(caused(record, span.getSpanContext())));
        } finally {
            span.end();
        }
    }

    @Override
    public void close() {
        processor.close();
    }

    private static RecordHeaders caused(Record<byte[], byte[]> record, SpanContext by) {
        RecordHeaders headers = new RecordHeaders(record.headers());
        if (by.isValid()) {
            TraceParent trace = new TraceParent(by.getTraceId(), by.getSpanId(), by.isSampled());
            headers.remove(CloudEvents.TRACE_PARENT);
            headers.add(CloudEvents.TRACE_PARENT, trace.toString().getBytes(UTF_8));
        }
        return headers;
    }

    private static Context remote(TraceParent trace) {
        SpanContext caller = SpanContext.createFromRemoteParent(
                trace.traceId(), trace.spanId(), TraceFlags.getSampled(), TraceState.getDefault());
        return Context.root().with(Span.wrap(caller));
    }
}
