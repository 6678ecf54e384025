package dev.podium.rankingstream;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.junit.jupiter.api.Test;

class StreamFailureTest {
    @Test
    void aStreamThatFailsEndsItsProcessInsteadOfJoiningUnderAnotherName() {
        AtomicInteger ends = new AtomicInteger();

        StreamThreadExceptionResponse response =
                RankingStream.failures(ends::incrementAndGet).handle(new IllegalStateException("a store is broken"));

        assertEquals(StreamThreadExceptionResponse.SHUTDOWN_CLIENT, response);
        assertEquals(1, ends.get());
    }
}
