package dev.podium.rankingstream;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.concurrent.atomic.AtomicLong;
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
