package dev.podium.feedback.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class LastAnswerTest {
    private final AtomicLong nanos = new AtomicLong(Long.MAX_VALUE - 5);
    private final LastAnswer answer = new LastAnswer(Duration.ofNanos(10), nanos::get);

    @Test
    void nothingAnswersBeforeItWasAsked() {
        assertEquals(0, answer.value());
    }

    @Test
    void anAnswerGrowsOldWhileTheNextOneHangs() {
        answer.came();
        nanos.addAndGet(10);
        assertEquals(1, answer.value());

        nanos.addAndGet(1);

        assertEquals(0, answer.value());
    }

    @Test
    void aFailureCountsAtOnceAndTheNextAnswerToo() {
        answer.came();
        answer.failed();
        assertEquals(0, answer.value());

        answer.came();

        assertEquals(1, answer.value());
    }
}
