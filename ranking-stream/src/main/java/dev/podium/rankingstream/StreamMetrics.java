package dev.podium.rankingstream;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;

/**
 * What came in and what became of it. Counted when processed, so work that an aborted transaction repeats counts twice
 * here (and once in the topics).
 */
final class StreamMetrics {
    static final String RECORDS = "podium.stream.records";
    static final String DEAD_LETTERS = "podium.stream.dead_letters";

    private final MeterRegistry registry;
    private final Counter applied;
    private final Counter repeated;
    private final Counter parked;

    StreamMetrics(MeterRegistry registry) {
        this.registry = registry;
        this.applied = outcome("applied");
        this.repeated = outcome("repeated");
        this.parked = outcome("parked");
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
        registry.counter(DEAD_LETTERS, "reason", reason).increment();
    }

    private Counter outcome(String outcome) {
        return registry.counter(RECORDS, "outcome", outcome);
    }
}
