package dev.podium.rankingstream;

import java.util.function.LongSupplier;

/**
 * When a task asks for a commit of what is live; Kafka Streams' own interval is for a log that is worked off. It asks
 * where something of it is not committed, some time after the end of the last commit, so that there is time for work
 * however long a commit takes. A commit is one of all tasks of the thread, whichever of them has asked.
 */
final class LiveCommits {
    /** More often nothing is asked for. */
    static final long SHORTEST_MILLIS = 200;

    private static final int WITHIN_AN_INTERVAL = 5;
    // Each task of a thread looks at what is due within this time.
    private static final long NEAR_MILLIS = TaskProcessor.SETS_EVERY.toMillis();
    // A commit that is later than that is not about to come: the clock has been set back, or the group waits for a
    // member.
    private static final long LATE_MILLIS = 5 * NEAR_MILLIS;
    /** What tasks of this thread have seen and asked for; they know nothing else of each other. */
    private static final ThreadLocal<OfThread> OF_THIS_THREAD = new ThreadLocal<>();

    private final LongSupplier steadyMillis;
    private final long intervalMillis;
    private final long everyMillis;
    private boolean changed;
    // How many commits had begun before.
    private long changedAfter;
    private long changedMillis;

    /**
     * @param intervalMillis Kafka Streams' own
     * @param steadyMillis a clock that never jumps, the same of all tasks of a thread
     */
    LiveCommits(long intervalMillis, LongSupplier steadyMillis) {
        this.intervalMillis = intervalMillis;
        this.everyMillis = Math.max(SHORTEST_MILLIS, intervalMillis / WITHIN_AN_INTERVAL);
        this.steadyMillis = steadyMillis;
        ofThread().goOn();
    }

    /** The task has something to be committed. */
    void changed() {
        OfThread thread = ofThread();
        thread.goOn();
        if (!changed || changedAfter != thread.begun) {
            changedMillis = steadyMillis.getAsLong();
        }
        changedAfter = thread.begun;
        changed = true;
    }

    /** Right before a commit. Tasks that are told so need not be the only ones of the thread. */
    void begins() {
        ofThread().begins();
        changed = false;
    }

    /** Whether the task is to ask for a commit now; it must do so then. */
    boolean wantsOne() {
        OfThread thread = ofThread();
        thread.goOn();
        if (!changed || changedAfter != thread.begun) {
            changed = false;
            return false;
        }
        long nowMillis = steadyMillis.getAsLong();
        if (nowMillis - thread.endedMillis < everyMillis) {
            return false;
        }
        thread.asks(nowMillis);
        changed = false;
        return true;
    }

    /**
     * Whether a commit will come so soon that what changes is best written at once. What a task writes in the commit itself
     * costs the thread a wait for Kafka, one for each such task.
     *
     * @param worksOffALog whether the task asks for none
     */
    boolean isNear(boolean worksOffALog) {
        OfThread thread = ofThread();
        thread.goOn();
        if (thread.asked) {
            return true;
        }
        long nowMillis = steadyMillis.getAsLong();
        // Where little comes, the end of the last one was seen some time after it.
        long ownMillis = thread.unaskedEndedMillis + intervalMillis - (worksOffALog ? 0 : 2 * NEAR_MILLIS);
        if (isNear(nowMillis, ownMillis)) {
            return true;
        }
        long liveMillis = thread.endedMillis + everyMillis;
        if (worksOffALog) {
            return thread.lastWasAsked && isNear(nowMillis, liveMillis);
        }
        return isNear(nowMillis, changed ? Math.max(liveMillis, changedMillis) : liveMillis);
    }

    private static boolean isNear(long nowMillis, long commitMillis) {
        return nowMillis >= commitMillis - NEAR_MILLIS && nowMillis < commitMillis + LATE_MILLIS;
    }

    private OfThread ofThread() {
        OfThread thread = OF_THIS_THREAD.get();
        if (thread == null || thread.steadyMillis != steadyMillis) {
            thread = new OfThread(steadyMillis, intervalMillis);
            OF_THIS_THREAD.set(thread);
        }
        return thread;
    }

    private static final class OfThread {
        private final LongSupplier steadyMillis;
        private long begun;
        // Between its begin and the next work of a task.
        private boolean commits;
        // A commit that has not begun yet.
        private boolean asked;
        private long askedMillis;
        // Where all tasks are of sums nobody is told of commits.
        private boolean isTold;
        private boolean lastWasAsked;
        private long endedMillis;
        // Kafka Streams counts its own interval from one to the next, whatever is asked for between.
        private long unaskedEndedMillis;
        private final long intervalMillis;

        OfThread(LongSupplier steadyMillis, long intervalMillis) {
            this.steadyMillis = steadyMillis;
            this.intervalMillis = intervalMillis;
            this.endedMillis = steadyMillis.getAsLong();
            this.unaskedEndedMillis = endedMillis;
        }

        void asks(long nowMillis) {
            // Whatever changes from now on may be too late for it.
            begun++;
            asked = true;
            askedMillis = nowMillis;
        }

        void begins() {
            begun++;
            commits = true;
            isTold = true;
        }

        /** Some task works again, so that a commit that had begun is over. */
        void goOn() {
            if (commits || (asked && (!isTold || steadyMillis.getAsLong() - askedMillis >= LATE_MILLIS))) {
                ended();
            }
        }

        private void ended() {
            commits = false;
            endedMillis = steadyMillis.getAsLong();
            // One that is asked for when Kafka Streams' own is due is both.
            if (!asked || endedMillis - unaskedEndedMillis > intervalMillis) {
                unaskedEndedMillis = endedMillis;
            }
            lastWasAsked = asked;
            asked = false;
        }
    }
}
