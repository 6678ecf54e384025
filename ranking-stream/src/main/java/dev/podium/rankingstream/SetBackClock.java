package dev.podium.rankingstream;

import java.util.function.LongSupplier;

/**
 * Whether a commit has to be asked for. Streams commits by the wall clock: one that was set back keeps it from committing
 * until it has caught up. Only then is it asked for, by one task a second: what one task asks for is done for all tasks of
 * the thread, and takes as long as many rankings.
 */
final class SetBackClock {
    private static final long LONGEST_WITHOUT_COMMIT_MILLIS = 1_000;
    /** What tasks of this thread have seen and asked for; they know nothing else of each other. */
    private static final ThreadLocal<Asked> OF_THIS_THREAD = new ThreadLocal<>();

    private final LongSupplier steadyMillis;

    /** @param steadyMillis a clock that never jumps, the same of all tasks of a thread */
    SetBackClock(LongSupplier steadyMillis) {
        this.steadyMillis = steadyMillis;
    }

    /** At most once a second of each thread, and only while the wall clock shows less than it has shown before. */
    boolean wantsCommit(long wallMillis) {
        return asked().isBehind(wallMillis) && asked().again();
    }

    private Asked asked() {
        Asked asked = OF_THIS_THREAD.get();
        if (asked == null || asked.steadyMillis != steadyMillis) {
            asked = new Asked(steadyMillis);
            OF_THIS_THREAD.set(asked);
        }
        return asked;
    }

    private static final class Asked {
        private final LongSupplier steadyMillis;
        private long lastMillis;
        private long latestWallMillis = Long.MIN_VALUE;

        Asked(LongSupplier steadyMillis) {
            this.steadyMillis = steadyMillis;
            this.lastMillis = steadyMillis.getAsLong() - LONGEST_WITHOUT_COMMIT_MILLIS;
        }

        /** Also for a task that has come to the thread after the clock was set back. */
        boolean isBehind(long wallMillis) {
            latestWallMillis = Math.max(latestWallMillis, wallMillis);
            return wallMillis < latestWallMillis;
        }

        boolean again() {
            long nowMillis = steadyMillis.getAsLong();
            if (nowMillis - lastMillis < LONGEST_WITHOUT_COMMIT_MILLIS) {
                return false;
            }
            lastMillis = nowMillis;
            return true;
        }
    }
}
