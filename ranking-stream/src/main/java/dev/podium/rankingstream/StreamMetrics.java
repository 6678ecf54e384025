package dev.podium.rankingstream;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.TracerProvider;
import org.apache.kafka.streams.processor.api.Processor;

/**
 * What came in and what became of it. Counted when processed, so work that an aborted transaction repeats counts twice
 * here (and once in the topics).
 */
final class StreamMetrics {
    static final String RECORDS = "podium.stream.records";
    static final String DEAD_LETTERS = "podium.stream.dead_letters";

    private final MeterRegistry registry;
    private final Tracer tracer;
    private final Counter applied;
    private final Counter repeated;
    private final Counter parked;

    /** Counts without spans. */
    StreamMetrics(MeterRegistry registry) {
        this(registry, TracerProvider.noop().get("ranking-stream"));
    }

    StreamMetrics(MeterRegistry registry, Tracer tracer) {
        this.registry = registry;
        this.tracer = tracer;
        this.applied = outcome("applied");
        this.repeated = outcome("repeated");
        this.parked = outcome("parked");
        // There from the start: a series that begins at 1 has no increase.
        RejectedRecord.REASONS.forEach(this::deadLetters);
    }

    /** The processor with a span for each record whose trace is recorded. */
    Processor<byte[], byte[], byte[], byte[]> traced(Processor<byte[], byte[], byte[], byte[]> processor) {
        return new TracedProcessor(processor, tracer);
    }

    /** The record changed the state of its task. */
    void applied() {
        applied.increment();
    }

    /** A replayed event, or a revision that is known already. */
    void repeated() {
        repeated.increment();
    }

    /** A ranking that waits for its task. */
    void parked() {
        parked.increment();
    }

    /** A record that went to the dead letters. */
    void rejected(String reason) {
        deadLetters(reason).increment();
    }

    private Counter deadLetters(String reason) {
        return registry.counter(DEAD_LETTERS, "reason", reason);
    }

    private Counter outcome(String outcome) {
        return registry.counter(RECORDS, "outcome", outcome);
    }
}
