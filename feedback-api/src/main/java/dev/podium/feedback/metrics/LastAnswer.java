package dev.podium.feedback.metrics;

import java.time.Duration;
import java.util.OptionalLong;
import java.util.function.LongSupplier;

/**
 * Whether something answers, as of now: it did when it was asked last, and that is not long ago. Who asks may hang for
 * minutes, on a full pool or on a connection that is cut without a word; the figure grows old without it.
 */
final class LastAnswer {
    private final long freshNanos;
    private final LongSupplier nanos;
    // Read by scrapes, written by who asks.
    private volatile OptionalLong answeredNanos = OptionalLong.empty();

    /** @param fresh how long an answer counts */
    LastAnswer(Duration fresh, LongSupplier nanos) {
        this.freshNanos = fresh.toNanos();
        this.nanos = nanos;
    }

    void came() {
        answeredNanos = OptionalLong.of(nanos.getAsLong());
    }

    void failed() {
        answeredNanos = OptionalLong.empty();
    }

    /** 1 or 0. */
    double value() {
        OptionalLong at = answeredNanos;
        return at.isPresent() && nanos.getAsLong() - at.getAsLong() <= freshNanos ? 1 : 0;
    }
}
