package dev.podium.rankingstream;

import java.util.function.LongSupplier;

/**
 * Whether a commit has to be asked for. Streams commits by the wall clock: one that was set back keeps it from committing
 * until it has caught up. Only then is it asked for, because what one task asks for is done for all tasks of the thread,
 * and takes as long as many rankings.
 */
final class SetBackClock {
    private static final long LONGEST_WITHOUT_COMMIT_MILLIS = 1_000;

    private final LongSupplier steadyMillis;
    private long latestWallMillis = Long.MIN_VALUE;
    private long lastAskedMillis;

    /** @param steadyMillis a clock that never jumps */
    SetBackClock(LongSupplier steadyMillis) {
        this.steadyMillis = steadyMillis;
        this.lastAskedMillis = steadyMillis.getAsLong();
    }

    /** At most once a second, and only while the wall clock shows less than it has shown before. */
    boolean wantsCommit(long wallMillis) {
        latestWallMillis = Math.max(latestWallMillis, wallMillis);
        long nowMillis = steadyMillis.getAsLong();
        if (wallMillis == latestWallMillis || nowMillis - lastAskedMillis < LONGEST_WITHOUT_COMMIT_MILLIS) {
            return false;
        }
        lastAskedMillis = nowMillis;
        return true;
    }
}
