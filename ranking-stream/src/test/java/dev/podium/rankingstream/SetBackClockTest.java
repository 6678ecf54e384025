package dev.podium.rankingstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class SetBackClockTest {
    private static final long HOUR = 3_600_000;

    @Test
    void commitsAreAskedForOnlyWhileTheClockIsBehindWhatItHasShown() {
        AtomicLong steady = new AtomicLong();
        SetBackClock clock = new SetBackClock(steady::get);

        assertEquals(0, asked(clock, steady, 10 * HOUR, 10), "a clock that runs commits by itself");
        assertEquals(10, asked(clock, steady, 9 * HOUR, 10), "set back by an hour, once a second");
        assertEquals(0, asked(clock, steady, 11 * HOUR, 10), "it has caught up");
    }

    @Test
    void tasksOfOneThreadAskOnceASecondForAllOfThem() throws Exception {
        AtomicLong steady = new AtomicLong();
        LongSupplier steadyMillis = steady::get;
        List<SetBackClock> tasks =
                Stream.generate(() -> new SetBackClock(steadyMillis)).limit(12).toList();
        tasks.forEach(task -> task.wantsCommit(10 * HOUR));
        int asked = 0;
        for (int i = 0; i < 100; i++) {
            steady.addAndGet(100);
            for (SetBackClock task : tasks) {
                asked += task.wantsCommit(9 * HOUR + i * 100L) ? 1 : 0;
            }
        }
        assertEquals(10, asked, "in ten seconds");

        // A task that comes to the thread now has not seen what the clock has shown before.
        steady.addAndGet(1_000);
        assertTrue(new SetBackClock(steadyMillis).wantsCommit(9 * HOUR));

        // A commit of one thread does nothing for the tasks of another.
        steady.addAndGet(1_000);
        assertTrue(tasks.getFirst().wantsCommit(9 * HOUR));
        assertTrue(CompletableFuture.supplyAsync(() -> {
                    SetBackClock other = new SetBackClock(steadyMillis);
                    other.wantsCommit(10 * HOUR);
                    steady.addAndGet(1_000);
                    return other.wantsCommit(9 * HOUR);
                })
                .get());
    }

    /** How often a commit is asked for in some seconds, at ten looks a second. */
    private static int asked(SetBackClock clock, AtomicLong steady, long fromWall, int seconds) {
        int asked = 0;
        for (int i = 0; i < 10 * seconds; i++) {
            steady.addAndGet(100);
            if (clock.wantsCommit(fromWall + i * 100L)) {
                asked++;
            }
        }
        return asked;
    }
}
