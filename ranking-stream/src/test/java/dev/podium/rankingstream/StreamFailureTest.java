package dev.podium.rankingstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.streams.KafkaStreams;
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

    @Test
    void aRestartIsAskedForByAStreamThatHasFailedAndNotByOneThatWaitsForKafka() {
        assertEquals(
                EnumSet.of(KafkaStreams.State.CREATED, KafkaStreams.State.REBALANCING, KafkaStreams.State.RUNNING),
                EnumSet.copyOf(Arrays.stream(KafkaStreams.State.values())
                        .filter(StreamHealth.Alive::isAlive)
                        .toList()));
    }

    @Test
    void aStreamThatHangsInItsShutdownIsNotWaitedForForEver() {
        assertFalse(RankingStream.hasStopped(() -> KafkaStreams.State.PENDING_SHUTDOWN, Duration.ofMillis(120)));
        Iterator<KafkaStreams.State> states = List.of(
                        KafkaStreams.State.PENDING_SHUTDOWN, KafkaStreams.State.NOT_RUNNING)
                .iterator();
        assertTrue(RankingStream.hasStopped(states::next, Duration.ofMinutes(1)));
    }
}
