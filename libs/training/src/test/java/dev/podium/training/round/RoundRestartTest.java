package dev.podium.training.round;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.contracts.adapter.ArtifactStore;
import dev.podium.contracts.adapter.ManifestTrust;
import dev.podium.contracts.adapter.StoredNames;
import dev.podium.embedded.EmbeddedKafka;
import dev.podium.embedded.testing.SharedS3;
import dev.podium.objectstore.S3ArtifactStore;
import dev.podium.training.publish.Publishing;
import dev.podium.training.track.RoundTracker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Trainers that end and start again on the same folder; a broker of its own, because groups outlive trainers. */
class RoundRestartTest {
    /**
     * The group keeps the partitions of a trainer that has ended for as long, and one on another folder waits for them; three
     * times the pause between two heartbeats.
     */
    private static final int SESSION_MILLIS = 9000;

    @TempDir
    static Path folder;

    private static EmbeddedKafka broker;
    private static RoundLog log;

    private final String project = "p" + UUID.randomUUID();

    @BeforeAll
    static void start() throws Exception {
        broker = EmbeddedKafka.start(folder.resolve("kafka"), 0);
        log = new RoundLog(broker.bootstrapServers());
    }

    @AfterAll
    static void stop() {
        log.close();
        broker.close();
    }

    @Test
    void stoppedRoundGoesOnFromItsCheckpointAndEndsOnce() throws Exception {
        log.prefer(RoundLog.set(project, project + "-1", true, "good"));
        RoundCommand.StartRound round = log.dpo(project, "v1");
        RoundRunner first = start((context, step) -> {
            if (step == 5) {
                RoundRunnerTest.untilStopped(context);
            }
        });
        log.command(round);
        log.await(round.roundId(), RoundEvent.Progress.class, progress -> progress.step() == 5);
        first.close();
        // Written after the pin; a round that goes on uses what it read at first.
        log.prefer(RoundLog.set(project, project + "-1", true, "another text"));

        try (RoundRunner second = start((context, step) -> {})) {
            log.await(round.roundId(), RoundEvent.Succeeded.class);
            assertTrue(second.isReady());
        }

        var starts = log.events(round.roundId(), RoundEvent.Started.class);
        assertEquals(2, starts.size());
        assertEquals(4, starts.getLast().resumedFromStep());
        assertEquals(1, log.events(round.roundId(), RoundEvent.Accepted.class).size());
        assertEquals(1, log.events(round.roundId(), RoundEvent.Succeeded.class).size());
        assertTrue(log.events(round.roundId(), RoundEvent.Cancelled.class).isEmpty());
        try (RoundRunner third = start((context, step) -> {
            throw new IllegalStateException("an ended round was begun again");
        })) {
            RoundCommand.StartRound again = round;
            log.command(again);
            RoundCommand.StartRound empty = log.dpo("empty" + project, "v1");
            log.command(empty);
            log.await(empty.roundId(), RoundEvent.Failed.class);
            assertFalse(Files.exists(work().resolve("rounds").resolve(round.roundId())));
        }
        assertEquals(1, log.events(round.roundId(), RoundEvent.Succeeded.class).size());
    }

    /** A trainer whose work thread is gone would keep its partitions, and their rounds would wait for ever. */
    @Test
    void trainerWhoseWorkFailsOutsideOfARoundEndsAndTheNextTakesWhatWaits() throws Exception {
        log.prefer(RoundLog.set(project, project + "-1", true, "good"));
        CountDownLatch ended = new CountDownLatch(1);
        RoundCommand.StartRound round = log.dpo(project, "v1");
        RoundRunner first =
                start(config(work()).trackedBy(new LinkedWithoutItsClasses()), (context, step) -> {}, ended::countDown);
        log.command(round);
        log.await(round.roundId(), RoundEvent.Succeeded.class);

        assertTrue(ended.await(60, TimeUnit.SECONDS), "the process was not ended");

        assertFalse(first.isReady());
        RoundCommand.StartRound waiting = log.dpo(project, "v2");
        log.command(waiting);
        first.close();
        try (RoundRunner second = start((context, step) -> {})) {
            log.await(waiting.roundId(), RoundEvent.Succeeded.class);
            assertTrue(second.isReady());
        }
        assertEquals(1, log.events(round.roundId(), RoundEvent.Succeeded.class).size());
    }

    /** An error is no exception: what catches what trackers throw lets it pass. */
    private static final class LinkedWithoutItsClasses implements RoundTracker {
        @Override
        public void started(
                RoundCommand.StartRound command, int resumedFromStep, int totalSteps, Map<String, Double> info) {}

        @Override
        public void progress(RoundCommand.StartRound command, int step, Map<String, Double> metrics) {}

        @Override
        public void ended(RoundCommand.StartRound command, String outcome, Map<String, Double> metrics) {
            throw new NoClassDefFoundError("of a tracker");
        }
    }

    /** The first machine is gone with its disk; the second has the log and the object store. */
    @Test
    void anotherMachineGoesOnFromTheCheckpointInTheObjectStore() throws Exception {
        log.prefer(RoundLog.set(project, project + "-1", true, "good"));
        RoundCommand.StartRound round = log.dpo(project, "v1");
        Map<String, String> settings = SharedS3.settings(Map.of());
        try (ArtifactStore store = S3ArtifactStore.configured(name -> Optional.ofNullable(settings.get(name)))
                .orElseThrow()) {
            RoundRunner first = start(folder.resolve("machine-1"), Optional.of(store), (context, step) -> {
                if (step == 5) {
                    RoundRunnerTest.untilStopped(context);
                }
            });
            log.command(round);
            log.await(round.roundId(), RoundEvent.Progress.class, progress -> progress.step() == 5);
            first.close();
            // Written after the pin: the copy of the data set is what counts.
            log.prefer(RoundLog.set(project, project + "-1", true, "another text"));

            try (RoundRunner second = start(folder.resolve("machine-2"), Optional.of(store), (context, step) -> {})) {
                log.await(round.roundId(), RoundEvent.Succeeded.class);
                assertTrue(second.isReady());
            }

            assertEquals(
                    4,
                    log.events(round.roundId(), RoundEvent.Started.class)
                            .getLast()
                            .resumedFromStep());
            // As ten steps without a pause would have ended: 4 is the length of "good".
            assertEquals(
                    4 * (1 - Math.pow(0.5, StepTrainer.STEPS)),
                    log.events(round.roundId(), RoundEvent.Succeeded.class)
                            .getFirst()
                            .metrics()
                            .get("value"),
                    1e-12);
            assertEquals(java.util.List.of(), store.list("checkpoints/"));
        }
    }

    @Test
    void aStoreThatIsAwayWhenTheAdapterIsToBePublishedCostsTimeAndNoRound() throws Exception {
        log.prefer(RoundLog.set(project, project + "-1", true, "good"));
        RoundCommand.StartRound round = log.dpo(project, "v1");
        Map<String, String> settings = SharedS3.settings(Map.of());
        try (ArtifactStore there = S3ArtifactStore.configured(name -> Optional.ofNullable(settings.get(name)))
                        .orElseThrow();
                RoundRunner runner = start(work(), Optional.of(new AwayOnce(there)), 1, (context, step) -> {})) {
            log.command(round);
            RoundEvent.Succeeded done = log.await(round.roundId(), RoundEvent.Succeeded.class);
            assertEquals(Optional.of("v1"), done.version());
            assertTrue(runner.isReady());
            assertTrue(
                    there.list("artifacts/").stream()
                            .anyMatch(stored -> stored.name().contains(project)),
                    "large files are in the store");
        }
    }

    /** Fails the first time that an artifact is put into it. */
    private record AwayOnce(ArtifactStore store, AtomicBoolean failed) implements ArtifactStore {
        AwayOnce(ArtifactStore store) {
            this(store, new AtomicBoolean());
        }

        @Override
        public void put(String name, Path file) throws IOException {
            if (name.startsWith("artifacts/") && failed.compareAndSet(false, true)) {
                throw new IOException("connection refused");
            }
            store.put(name, file);
        }

        @Override
        public void get(String name, Path target, long maxBytes) throws IOException {
            store.get(name, target, maxBytes);
        }

        @Override
        public java.util.List<Stored> list(String prefix) throws IOException {
            return store.list(prefix);
        }

        @Override
        public void delete(String name) throws IOException {
            store.delete(name);
        }

        @Override
        public String location(String name) {
            return store.location(name);
        }

        @Override
        public String name(String location) throws ArtifactException {
            return store.name(location);
        }

        @Override
        public void close() {}
    }

    @Test
    void whatAFailedRoundLeftStaysWhenItsCommandIsReadAgain() throws Exception {
        log.prefer(RoundLog.set(project, project + "-1", true, "good"));
        RoundCommand.StartRound round = log.dpo(project, StepTrainer.WORSE);
        Path adapter = work().resolve("rounds").resolve(round.roundId()).resolve("adapter");
        try (RoundRunner first = start((context, step) -> {})) {
            log.command(round);
            assertEquals(
                    "evaluation_failed",
                    log.await(round.roundId(), RoundEvent.Failed.class).code());
            // Triggered twice.
            log.command(round);
            RoundCommand.StartRound empty = log.dpo("empty" + project, "v1");
            log.command(empty);
            log.await(empty.roundId(), RoundEvent.Failed.class);
            assertTrue(first.isReady());
        }
        assertTrue(Files.isDirectory(adapter), "the adapter that was refused");
        // A week later, and with a round beside it that has not ended.
        Path unfinished = Files.createDirectories(adapter.getParent().resolveSibling("of-an-open-round"));
        FileTime longAgo = FileTime.from(Instant.now().minus(Duration.ofDays(8)));
        Files.setLastModifiedTime(unfinished, longAgo);
        Files.setLastModifiedTime(adapter.resolveSibling("failed"), longAgo);
        try (RoundRunner second = start((context, step) -> {})) {
            assertFalse(Files.exists(adapter), "kept for a week");
            assertTrue(Files.exists(unfinished), "not ended, not removed");
            assertEquals(0, second.waiting());
        }
        Files.delete(unfinished);
    }

    /** As another life of this trainer left it, which had come to a checkpoint. */
    @Test
    void nothingStaysOfARoundThatIsCancelledWhileItWaitsToGoOn() throws Exception {
        log.prefer(RoundLog.set(project, project + "-1", true, "good"));
        RoundCommand.StartRound atWork = log.dpo(project, "v1");
        RoundCommand.StartRound waiting = log.dpo(project, "v2");
        Path left = Files.createDirectories(work().resolve("rounds").resolve(waiting.roundId()));
        Path checkpoint = Files.writeString(left.resolve("checkpoint.bin"), "4 1.0");
        try (ArtifactStore store = store();
                RoundRunner runner =
                        start(work(), Optional.of(store), (context, step) -> RoundRunnerTest.untilStopped(context))) {
            store.put(StoredNames.checkpoint(waiting.roundId(), "index.json"), checkpoint);
            log.command(atWork);
            log.await(atWork.roundId(), RoundEvent.Started.class);
            log.command(waiting);
            until(() -> runner.waiting() == 1);

            log.cancel(waiting);

            log.await(waiting.roundId(), RoundEvent.Cancelled.class);
            until(() -> !Files.exists(left)
                    && store.list(StoredNames.checkpoints(waiting.roundId())).isEmpty());
            log.cancel(atWork);
            log.await(atWork.roundId(), RoundEvent.Cancelled.class);
        }
    }

    /** As a trainer left it that died after the event was written. */
    @Test
    void theCopyOfARoundThatHasFailedGoesWhenItsCommandIsReadAgain() throws Exception {
        RoundCommand.StartRound round = log.dpo("empty" + project, "v1");
        Path copy = Files.writeString(Files.createTempFile(folder, "index", ".json"), "{}");
        try (ArtifactStore store = store();
                RoundRunner runner = start(work(), Optional.of(store), (context, step) -> {})) {
            log.command(round);
            log.await(round.roundId(), RoundEvent.Failed.class);
            until(() -> runner.status().isEmpty());
            store.put(StoredNames.checkpoint(round.roundId(), "index.json"), copy);

            log.command(round);

            until(() -> store.list(StoredNames.checkpoints(round.roundId())).isEmpty());
        }
    }

    private static ArtifactStore store() {
        Map<String, String> settings = SharedS3.settings(Map.of());
        return S3ArtifactStore.configured(name -> Optional.ofNullable(settings.get(name)))
                .orElseThrow();
    }

    private static void until(Callable<Boolean> condition) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.call()) {
            assertTrue(System.nanoTime() < end, "not within a minute");
            TimeUnit.MILLISECONDS.sleep(20);
        }
    }

    @Test
    void roundCancelledWhileNoTrainerRanIsNotFinished() throws Exception {
        log.prefer(RoundLog.set(project, project + "-1", true, "good"));
        RoundCommand.StartRound round = log.dpo(project, "v1");
        RoundRunner first = start((context, step) -> {
            if (step == 5) {
                RoundRunnerTest.untilStopped(context);
            }
        });
        log.command(round);
        log.await(round.roundId(), RoundEvent.Progress.class, progress -> progress.step() == 5);
        first.close();
        log.cancel(round);

        try (RoundRunner second = start((context, step) -> RoundRunnerTest.untilStopped(context))) {
            log.await(round.roundId(), RoundEvent.Cancelled.class);
            assertTrue(second.isReady());
        }

        assertTrue(log.events(round.roundId(), RoundEvent.Succeeded.class).isEmpty());
    }

    @Test
    void roundThatKeepsKillingItsTrainerIsGivenUp() throws Exception {
        log.prefer(RoundLog.set(project, project + "-1", true, "good"));
        RoundCommand.StartRound round = log.dpo(project, "v1");
        Path roundDir = Files.createDirectories(work().resolve("rounds").resolve(round.roundId()));
        // As five processes that died in it would have left it.
        Files.writeString(roundDir.resolve("attempts"), "5");

        try (RoundRunner runner = start((context, step) -> {})) {
            log.command(round);
            RoundEvent.Failed failed = log.await(round.roundId(), RoundEvent.Failed.class);
            assertEquals("internal", failed.code());
            assertTrue(failed.message().contains("died 5 times"), failed.message());
            assertTrue(runner.isReady());
        }
    }

    private static Path work() {
        return folder.resolve("work");
    }

    private static RoundRunner start(StepTrainer.Hook hook) throws Exception {
        return start(work(), Optional.empty(), hook);
    }

    private static RoundRunner start(Path work, Optional<ArtifactStore> store, StepTrainer.Hook hook) throws Exception {
        return start(work, store, Publishing.REFERENCE_FROM_BYTES, hook);
    }

    private static RoundRunner start(
            Path work, Optional<ArtifactStore> store, long referenceFromBytes, StepTrainer.Hook hook) throws Exception {
        return start(
                config(work)
                        .publishing(new Publishing(
                                Optional.empty(), ManifestTrust.everything(), store, referenceFromBytes)),
                hook,
                () -> {});
    }

    private static RoundRunnerConfig config(Path work) {
        Map<String, Object> kafka = new HashMap<>(log.kafka());
        kafka.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, SESSION_MILLIS);
        return RoundRunnerConfig.policyTrainer(kafka, work);
    }

    private static RoundRunner start(RoundRunnerConfig config, StepTrainer.Hook hook, Runnable broken)
            throws Exception {
        StepTrainer trainer = new StepTrainer(hook);
        return RoundRunner.start(
                config,
                Map.of(
                        RoundKind.DPO, trainer,
                        RoundKind.SFT, trainer,
                        RoundKind.PPO, trainer,
                        RoundKind.SAMPLE, trainer),
                RoundRunnerTest::open,
                broken);
    }
}
