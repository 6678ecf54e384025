package dev.podium.rankingstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class LiveCommitsTest {
    private final AtomicLong clock = new AtomicLong();
    private final LongSupplier steadyMillis = clock::get;

    @Test
    void aTaskThatChangesNothingAsksForNothing() {
        LiveCommits commits = new LiveCommits(1_000, steadyMillis);
        for (int i = 0; i < 100; i++) {
            clock.addAndGet(20);
            assertFalse(commits.wantsOne());
        }
        commits.changed();
        assertTrue(commits.wantsOne());
        clock.addAndGet(1_000);
        assertFalse(commits.wantsOne(), "what was asked for is done");
    }

    @Test
    void timeCountsFromTheEndOfACommitHoweverLongItTakes() {
        LiveCommits commits = new LiveCommits(1_000, steadyMillis);
        clock.addAndGet(200);
        commits.changed();
        assertTrue(commits.wantsOne());
        commits.begins();
        clock.addAndGet(250);

        List<Boolean> asked = Stream.generate(() -> {
                    commits.changed();
                    boolean asks = commits.wantsOne();
                    clock.addAndGet(20);
                    return asks;
                })
                .limit(11)
                .toList();

        assertEquals(10, asked.indexOf(true), asked.toString());
    }

    @Test
    void whatChangesSoonAfterACommitIsAskedForLaterThoughNothingFollows() {
        LiveCommits commits = new LiveCommits(1_000, steadyMillis);
        clock.addAndGet(200);
        commits.changed();
        assertTrue(commits.wantsOne());
        clock.addAndGet(10);
        commits.changed();
        assertFalse(commits.wantsOne());
        clock.addAndGet(190);
        assertFalse(commits.wantsOne());
        clock.addAndGet(10);
        assertTrue(commits.wantsOne());
    }

    @Test
    void aCommitOfAnotherTaskOfTheThreadIsOneOfThisTaskToo() {
        List<LiveCommits> tasks = Stream.generate(() -> new LiveCommits(1_000, steadyMillis))
                .limit(12)
                .toList();
        int asked = 0;
        for (int i = 0; i < 500; i++) {
            clock.addAndGet(20);
            // Each at another time, as beats are.
            LiveCommits task = tasks.get(i % tasks.size());
            task.changed();
            asked += task.wantsOne() ? 1 : 0;
        }
        assertTrue(asked > 40 && asked <= 50, asked + " in ten seconds");
    }

    @Test
    void aCommitIsNearBeforeItIsAskedForAndBeforeKafkaStreamsOwn() {
        LiveCommits commits = new LiveCommits(1_000, steadyMillis);
        assertEquals(List.of(180L, 980L), List.of(nearAfter(commits, false), nearAfter(commits, true)));

        // What is asked for does not put off Kafka Streams' own.
        clock.set(500);
        commits.changed();
        assertTrue(commits.wantsOne());
        commits.begins();
        // It is one of all tasks, so that the next is near for those too that ask for none.
        assertEquals(List.of(680L, 680L), List.of(nearAfter(commits, false), nearAfter(commits, true)));
        clock.set(980);
        assertTrue(commits.isNear(true));
        clock.set(1_000);
        commits.begins();
        assertEquals(List.of(1_180L, 1_980L), List.of(nearAfter(commits, false), nearAfter(commits, true)));
    }

    @Test
    void whatOneTaskHasAskedForIsNearForTheOthersUntilItComes() {
        LiveCommits asks = new LiveCommits(1_000, steadyMillis);
        LiveCommits live = new LiveCommits(1_000, steadyMillis);
        LiveCommits behind = new LiveCommits(1_000, steadyMillis);
        List<LiveCommits> all = List.of(asks, live, behind);
        all.forEach(LiveCommits::begins);
        asks.isNear(false);
        clock.set(200);
        asks.changed();
        live.changed();
        assertTrue(asks.wantsOne());
        assertFalse(live.wantsOne(), "a second one in the same pass");
        clock.addAndGet(10);
        assertEquals(List.of(true, true), List.of(live.isNear(false), behind.isNear(true)));
        all.forEach(LiveCommits::begins);
        assertEquals(List.of(false, false), List.of(live.isNear(false), behind.isNear(true)));

        assertEquals(390, nearAfter(behind, true), "the next one that a live task of the thread asks for");
        clock.set(980);
        assertTrue(behind.isNear(true), "Kafka Streams' own");
    }

    @Test
    void aCommitThatDoesNotComeIsNotNearForEver() {
        LiveCommits commits = new LiveCommits(1_000, steadyMillis);
        List<Long> near = LongStream.range(0, 100)
                .map(i -> i * 20)
                .filter(at -> {
                    clock.set(at);
                    commits.changed();
                    return commits.isNear(false);
                })
                .boxed()
                .toList();
        assertTrue(near.size() <= 12, near.toString());

        assertTrue(commits.wantsOne());
        clock.addAndGet(10);
        commits.begins();
        assertFalse(commits.isNear(false));
        clock.addAndGet(700);
        commits.changed();
        assertTrue(commits.isNear(false), "what comes after a pause is asked for at once");
    }

    /** At which time from now on; the clock stays. */
    private long nearAfter(LiveCommits commits, boolean worksOffALog) {
        long now = clock.get();
        while (!commits.isNear(worksOffALog)) {
            clock.incrementAndGet();
        }
        return clock.getAndSet(now);
    }

    @Test
    void anOperatorsShorterIntervalAsksForNoMore() {
        assertEquals(5, askedInASecond(1_000));
        assertEquals(5, askedInASecond(200));
        assertEquals(1, askedInASecond(5_000));
    }

    private int askedInASecond(long intervalMillis) {
        AtomicLong own = new AtomicLong();
        LiveCommits commits = new LiveCommits(intervalMillis, own::get);
        commits.changed();
        int asked = 0;
        for (int i = 0; i < 100; i++) {
            own.addAndGet(10);
            asked += commits.wantsOne() ? 1 : 0;
            commits.changed();
        }
        return asked;
    }
}
