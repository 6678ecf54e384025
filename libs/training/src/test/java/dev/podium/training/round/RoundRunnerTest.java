package dev.podium.training.round;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.DataSetLine;
import dev.podium.contracts.DeadLetterHeaders;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.SampleSet;
import dev.podium.contracts.Topics;
import dev.podium.contracts.adapter.AdapterFolder;
import dev.podium.contracts.adapter.ArtifactReader;
import dev.podium.contracts.adapter.Manifests;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.embedded.testing.SharedServers;
import dev.podium.training.data.Split;
import dev.podium.training.track.MeterTracker;
import dev.podium.training.track.Trackers;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One runner on a real broker; each test triggers rounds of a project of its own. */
class RoundRunnerTest {
    @TempDir
    static Path folder;

    private static final Map<String, StepTrainer.Hook> HOOKS = new ConcurrentHashMap<>();
    private static final SimpleMeterRegistry METERS = new SimpleMeterRegistry();
    private static RoundLog log;
    private static RoundRunner runner;

    private final String project = "p" + UUID.randomUUID();

    @BeforeAll
    static void start() throws Exception {
        log = new RoundLog(SharedServers.bootstrapServers());
        StepTrainer trainer = new StepTrainer((context, step) -> {
            StepTrainer.Hook hook = HOOKS.get(context.command().roundId());
            if (hook != null) {
                hook.at(context, step);
            }
        });
        runner = RoundRunner.start(
                RoundRunnerConfig.policyTrainer(log.kafka(), folder.resolve("work"))
                        .trackedBy(new Trackers(List.of(new MeterTracker(METERS)))),
                Map.of(
                        RoundKind.DPO, trainer,
                        RoundKind.SFT, trainer,
                        RoundKind.PPO, trainer,
                        RoundKind.SAMPLE, trainer),
                RoundRunnerTest::open,
                () -> {});
    }

    @AfterAll
    static void stop() {
        runner.close();
        log.close();
    }

    static BaseModelSource.OpenModel open(String name, RoundConfig config) throws RoundFailure {
        if (!name.equals(TinyAdapter.BASE)) {
            throw new RoundFailure("unknown_base_model", "there is no base model " + name);
        }
        // The trainer of these tests computes without a language model.
        return new BaseModelSource.OpenModel(name, TinyAdapter.BASE_SHA256, null, null, () -> {});
    }

    @Test
    void roundRunsFromItsCommandToAPublishedAdapter() throws Exception {
        for (int i = 0; i < 20; i++) {
            log.prefer(RoundLog.set(project, project + "-" + i, i % 5 != 0, "good"));
        }
        log.prefer(RoundLog.set(project, project + "-1", true, "newest before the pin"));
        log.prefer(RoundLog.set("other" + project, "other" + project, true, "of another project"));
        RoundCommand.StartRound round = log.dpo(project, "v1");
        log.prefer(RoundLog.set(project, project + "-2", true, "behind the pin"));
        log.prefer(RoundLog.set(project, project + "-late", true, "behind the pin"));

        log.command(round);

        RoundEvent.Succeeded succeeded = log.await(round.roundId(), RoundEvent.Succeeded.class);
        assertEquals(Optional.of("v1"), succeeded.version());
        List<RoundEvent> events = log.events(round.roundId());
        assertTrue(events.getFirst() instanceof RoundEvent.Accepted, events.toString());
        assertTrue(events.get(1) instanceof RoundEvent.Started, events.toString());
        assertTrue(events.getLast() instanceof RoundEvent.Succeeded, events.toString());
        assertEquals(10, log.events(round.roundId(), RoundEvent.Progress.class).size());
        assertEquals(
                5, log.events(round.roundId(), RoundEvent.Checkpointed.class).size());

        AdapterManifest manifest = manifest("v1");
        assertEquals(round.roundId(), manifest.roundId());
        assertEquals(16, manifest.rankingsUsed());
        List<DataSetLine> lines = dataSet(manifest);
        assertEquals(16, lines.size());
        for (DataSetLine line : lines) {
            assertEquals(project, line.set().projectId());
            assertTrue(line.set().decided());
            assertFalse(line.set().outputs().getFirst().text().equals("behind the pin"));
            assertEquals(Split.isHeldOut(line.set().prompt(), 0.1), line.heldOut());
            assertEquals(Topics.PREFERENCES, line.topic());
        }
        assertTrue(lines.stream()
                .anyMatch(line -> line.set().outputs().getFirst().text().equals("newest before the pin")));
    }

    @Test
    void whatDoesNotPassItsEvaluationIsKeptButNotPublished() throws Exception {
        RoundCommand.StartRound round = trigger(StepTrainer.WORSE);

        RoundEvent.Failed failed = log.await(round.roundId(), RoundEvent.Failed.class);

        assertEquals("evaluation_failed", failed.code());
        assertTrue(failed.message().contains("training.publishIf"), failed.message());
        assertTrue(failed.metrics().containsKey("value"), failed.toString());
        assertFalse(failed.evaluation().orElseThrow().verdict().orElseThrow().passed());
        assertEquals(
                1,
                METERS.get("podium.guard.actions")
                        .tag("guard", Guard.EVALUATION.label())
                        .counter()
                        .count());
        assertTrue(Files.exists(folder.resolve("work/rounds/" + round.roundId() + "/adapter/adapter_config.json")));
        try (BoundedReader reader = BoundedReader.connect(log.kafka())) {
            assertTrue(Manifests.find(reader, project, StepTrainer.WORSE).isEmpty(), "a manifest was published");
        }
    }

    @Test
    void publishedAdapterIsWhatWasTrained() throws Exception {
        RoundCommand.StartRound round = trigger("v1");
        log.await(round.roundId(), RoundEvent.Succeeded.class);

        Path fetched = Files.createDirectories(folder.resolve("fetched"));
        try (BoundedReader reader = BoundedReader.connect(log.kafka())) {
            AdapterManifest manifest = manifest("v1");
            for (AdapterManifest.ArtifactFile file : manifest.files()) {
                assertEquals(file.chunks(), file.locations().size());
                new ArtifactReader(reader).fetch(file, fetched.resolve(file.name()));
            }
            AdapterFolder.check(fetched, manifest.kind(), TinyAdapter.BASE, manifest.lora());
        }
    }

    @Test
    void roundCommandedTwiceIsOneRound() throws Exception {
        prefer();
        RoundCommand.StartRound round = log.dpo(project, "v1");
        log.command(round);
        log.command(round);
        log.await(round.roundId(), RoundEvent.Succeeded.class);
        log.command(round);
        RoundCommand.StartRound next = log.dpo(project, "v2");
        log.command(next);

        log.await(next.roundId(), RoundEvent.Succeeded.class);
        assertEquals(1, log.events(round.roundId(), RoundEvent.Accepted.class).size());
        assertEquals(1, log.events(round.roundId(), RoundEvent.Started.class).size());
        assertEquals(1, log.events(round.roundId(), RoundEvent.Succeeded.class).size());
    }

    @Test
    void runningRoundIsCancelled() throws Exception {
        prefer();
        RoundCommand.StartRound round = log.dpo(project, "v1");
        HOOKS.put(round.roundId(), (context, step) -> {
            if (step == 3) {
                untilStopped(context);
            }
        });
        log.command(round);
        log.await(round.roundId(), RoundEvent.Progress.class, progress -> progress.step() == 3);

        log.cancel(round);

        assertEquals(3, log.await(round.roundId(), RoundEvent.Cancelled.class).step());
        assertTrue(log.events(round.roundId(), RoundEvent.Succeeded.class).isEmpty());
    }

    @Test
    void queuedRoundIsCancelledWhileAnotherRuns() throws Exception {
        prefer();
        RoundCommand.StartRound first = log.dpo(project, "v1");
        RoundCommand.StartRound second = log.dpo(project, "v2");
        CountDownLatch goOn = new CountDownLatch(1);
        HOOKS.put(first.roundId(), (context, step) -> await(goOn));
        log.command(first);
        log.await(first.roundId(), RoundEvent.Started.class);
        log.command(second);

        log.cancel(second);

        log.await(second.roundId(), RoundEvent.Cancelled.class);
        assertTrue(log.events(first.roundId(), RoundEvent.Succeeded.class).isEmpty());
        goOn.countDown();
        log.await(first.roundId(), RoundEvent.Succeeded.class);
        assertTrue(log.events(second.roundId(), RoundEvent.Started.class).isEmpty());
    }

    @Test
    void cancellationOfAnUnknownRoundIsHarmless() throws Exception {
        log.cancel(log.dpo(project, "v9"));
        RoundCommand.StartRound round = trigger("v1");
        log.await(round.roundId(), RoundEvent.Succeeded.class);
    }

    @Test
    void roundWithoutDecidedPairsFails() throws Exception {
        log.prefer(RoundLog.set(project, project + "-tied", false, "good"));
        RoundCommand.StartRound round = log.dpo(project, "v1");

        log.command(round);

        RoundEvent.Failed failed = log.await(round.roundId(), RoundEvent.Failed.class);
        assertEquals("no_data", failed.code());
        assertTrue(failed.message().contains("rank some tasks first"), failed.message());
    }

    @Test
    void unknownBaseModelFails() throws Exception {
        prefer();
        RoundCommand.StartRound round =
                log.round(project, "v1", RoundConfig.Dpo.DEFAULT, "no-such-model", Optional.empty());
        log.command(round);
        assertEquals(
                "unknown_base_model",
                log.await(round.roundId(), RoundEvent.Failed.class).code());
    }

    @Test
    void unknownInitialAdapterFails() throws Exception {
        prefer();
        RoundCommand.StartRound round =
                log.round(project, "v2", RoundConfig.Dpo.DEFAULT, TinyAdapter.BASE, Optional.of("v77"));
        log.command(round);
        RoundEvent.Failed failed = log.await(round.roundId(), RoundEvent.Failed.class);
        assertEquals("unknown_adapter", failed.code());
        assertTrue(failed.message().contains("v77"), failed.message());
    }

    @Test
    void roundContinuesFromAPublishedAdapter() throws Exception {
        log.await(trigger("v1").roundId(), RoundEvent.Succeeded.class);
        RoundCommand.StartRound round =
                log.round(project, "v2", RoundConfig.Dpo.DEFAULT, TinyAdapter.BASE, Optional.of("v1"));
        boolean[] there = {false};
        HOOKS.put(
                round.roundId(),
                (context, step) -> there[0] = context.initialAdapter()
                        .filter(path -> Files.exists(path.resolve(AdapterFolder.WEIGHTS)))
                        .isPresent());

        log.command(round);

        log.await(round.roundId(), RoundEvent.Succeeded.class);
        assertTrue(there[0]);
        assertEquals(Optional.of("v1"), manifest("v2").initialAdapter());
    }

    @Test
    void adapterThatIsNotFiniteIsNotPublished() throws Exception {
        RoundCommand.StartRound round = trigger("vNaN");
        assertEquals(
                "not_finite",
                log.await(round.roundId(), RoundEvent.Failed.class).code());
        try (BoundedReader reader = BoundedReader.connect(log.kafka())) {
            assertEquals(Optional.empty(), Manifests.find(reader, project, "vNaN"));
        }
    }

    @Test
    void versionOfAnotherRoundIsNotPublishedAgain() throws Exception {
        RoundCommand.StartRound first = trigger("v1");
        log.await(first.roundId(), RoundEvent.Succeeded.class);

        RoundCommand.StartRound second = trigger("v1");

        assertEquals(
                "version_taken",
                log.await(second.roundId(), RoundEvent.Failed.class).code());
        assertEquals(first.roundId(), manifest("v1").roundId());
    }

    @Test
    void unforeseenProblemFailsTheRoundAndTheNextOneRuns() throws Exception {
        prefer();
        RoundCommand.StartRound broken = log.dpo(project, "v1");
        HOOKS.put(broken.roundId(), (context, step) -> {
            throw new IllegalStateException("a bug");
        });
        log.command(broken);
        RoundEvent.Failed failed = log.await(broken.roundId(), RoundEvent.Failed.class);
        assertEquals("internal", failed.code());
        assertTrue(failed.message().contains("a bug"), failed.message());

        log.await(trigger("v2").roundId(), RoundEvent.Succeeded.class);
    }

    @Test
    void lackOfMemoryIsTold() throws Exception {
        prefer();
        RoundCommand.StartRound round = log.dpo(project, "v1");
        HOOKS.put(round.roundId(), (context, step) -> {
            throw new OutOfMemoryError("Java heap space");
        });
        log.command(round);
        assertEquals(
                "out_of_memory",
                log.await(round.roundId(), RoundEvent.Failed.class).code());
    }

    @Test
    void samplesArriveBeforeTheRoundSucceeds() throws Exception {
        RoundCommand.StartRound round =
                log.round(project, "v1", RoundConfig.Sample.DEFAULT, TinyAdapter.BASE, Optional.empty());

        log.command(round);

        assertEquals(
                Optional.empty(),
                log.await(round.roundId(), RoundEvent.Succeeded.class).version());
        List<SampleSet> samples = log.read(Topics.SAMPLES).stream()
                .filter(record -> new String(record.key(), UTF_8).equals(round.roundId()))
                .map(record -> parse(record.value(), SampleSet.class))
                .toList();
        assertEquals(1, samples.size());
    }

    @Test
    void poisonCommandIsPutAsideAndTheNextOneRuns() throws Exception {
        String poison = "poison-" + project;
        log.send(Topics.ROUND_COMMANDS, poison, "{not json".getBytes(UTF_8));
        log.send(Topics.ROUND_COMMANDS, null, "no key".getBytes(UTF_8));
        RoundCommand.StartRound other = log.dpo(project, "v1");
        log.send(Topics.ROUND_COMMANDS, poison + "-key", EventJson.write(other));

        RoundCommand.StartRound round = trigger("v2");

        log.await(round.roundId(), RoundEvent.Succeeded.class);
        for (String key : List.of(poison, poison + "-key")) {
            assertEquals(
                    1,
                    log.read(Topics.DEAD_LETTERS).stream()
                            .filter(record -> record.key() != null && new String(record.key(), UTF_8).equals(key))
                            .filter(record -> record.headers().lastHeader(DeadLetterHeaders.REASON) != null)
                            .count());
        }
        assertTrue(log.events(other.roundId()).isEmpty());
    }

    @Test
    void commandOfAnotherMajorVersionIsPutAsideAndItsRoundFails() throws Exception {
        prefer();
        RoundCommand.StartRound round = log.dpo(project, "v1");
        log.sendOfType(Topics.ROUND_COMMANDS, round.roundId(), EventJson.write(round), "dev.podium.StartRound.v2");

        RoundEvent.Failed failed = log.await(round.roundId(), RoundEvent.Failed.class);
        assertEquals("invalid_command", failed.code());
        assertTrue(failed.message().contains("v2"), failed.message());
        assertEquals(1, deadLetters(round.roundId()).size());
    }

    @Test
    void commandsThatCannotBeReadArePutAsideWhateverTheirSize() throws Exception {
        String large = "large-" + project;
        String tooLarge = "too-large-" + project;
        log.send(Topics.ROUND_COMMANDS, large, new byte[3 << 20]);
        log.send(Topics.ROUND_COMMANDS, tooLarge, new byte[12 << 20]);
        RoundCommand.StartRound round = trigger("v1");

        log.await(round.roundId(), RoundEvent.Succeeded.class);

        assertEquals(3 << 20, deadLetters(large).getFirst().value().length);
        ConsumerRecord<byte[], byte[]> without = deadLetters(tooLarge).getFirst();
        assertNull(without.value());
        assertNotNull(without.headers().lastHeader(DeadLetterHeaders.OFFSET));
    }

    @Test
    void preferenceSetOfAnotherMajorVersionIsLeftOutAndCounted() throws Exception {
        prefer();
        String task = project + "-new";
        log.sendOfType(
                Topics.PREFERENCES,
                task,
                EventJson.write(RoundLog.set(project, task, true, "good")),
                "dev.podium.PreferenceSet.v2");
        RoundCommand.StartRound round = log.dpo(project, "v1");
        log.command(round);

        RoundEvent.Started started = log.await(round.roundId(), RoundEvent.Started.class);
        assertEquals(1, started.info().get("missing"));
        log.await(round.roundId(), RoundEvent.Succeeded.class);
        assertEquals(4, manifest("v1").rankingsUsed());
    }

    @Test
    void roundThatBringsItsDataHasNoRankingsInItsLineage() throws Exception {
        prefer();
        RoundCommand.StartRound pinned =
                log.round(project, "v1", RoundConfig.Sft.DEFAULT, TinyAdapter.BASE, Optional.empty());
        RoundCommand.StartRound round = new RoundCommand.StartRound(
                pinned.roundId(),
                project,
                RoundKind.SFT,
                "v1",
                TinyAdapter.BASE,
                RoundConfig.Sft.DEFAULT,
                pinned.dataPin(),
                Optional.empty(),
                Optional.empty(),
                List.of(),
                List.of(new RoundCommand.SftRecord(List.of(Message.user("hello")), "hi")),
                "operator",
                pinned.at());
        log.command(round);

        log.await(round.roundId(), RoundEvent.Succeeded.class);
        assertEquals(0, manifest("v1").rankingsUsed());
        assertEquals(Optional.empty(), manifest("v1").dataSet());
    }

    @Test
    void taskThatTheTrainerLeftOutIsNotInTheLineage() throws Exception {
        prefer();
        log.prefer(RoundLog.set(project, StepTrainer.LEFT_OUT + project, true, "good"));
        RoundCommand.StartRound round = log.dpo(project, "v1");
        log.command(round);

        log.await(round.roundId(), RoundEvent.Succeeded.class);
        assertEquals(4, manifest("v1").rankingsUsed());
        assertEquals(4, dataSet(manifest("v1")).size());
    }

    @Test
    void roundRunAgainReadsTheSameDataSetWhateverIsThereNow() throws Exception {
        prefer();
        log.prefer(RoundLog.set(project, StepTrainer.LEFT_OUT + project, true, "good"));
        RoundCommand.StartRound first = log.dpo(project, "v1");
        log.command(first);
        log.await(first.roundId(), RoundEvent.Succeeded.class);
        AdapterManifest.ArtifactFile dataSet = manifest("v1").dataSet().orElseThrow();
        log.prefer(RoundLog.set(project, project + "-0", true, "what somebody corrected since"));
        RoundCommand.StartRound now = log.dpo(project, "v2");
        RoundCommand.StartRound again = new RoundCommand.StartRound(
                now.roundId(),
                project,
                RoundKind.DPO,
                "v2",
                TinyAdapter.BASE,
                first.config(),
                now.dataPin(),
                Optional.empty(),
                Optional.empty(),
                List.of(),
                List.of(),
                "operator",
                now.at(),
                Optional.of(dataSet),
                Optional.of(first.roundId()));

        log.command(again);

        log.await(again.roundId(), RoundEvent.Succeeded.class);
        assertEquals(dataSet.sha256(), manifest("v2").dataSet().orElseThrow().sha256());
        assertEquals(sha256s(manifest("v1")), sha256s(manifest("v2")));
    }

    private static List<String> sha256s(AdapterManifest manifest) {
        return manifest.files().stream()
                .map(AdapterManifest.ArtifactFile::sha256)
                .toList();
    }

    private static List<ConsumerRecord<byte[], byte[]>> deadLetters(String key) {
        return log.read(Topics.DEAD_LETTERS).stream()
                .filter(record -> record.key() != null && new String(record.key(), UTF_8).equals(key))
                .toList();
    }

    @Test
    void secondTrainerInTheSameFolderIsRefused() {
        var refused = org.junit.jupiter.api.Assertions.assertThrows(
                java.io.IOException.class, () -> WorkFolder.open(folder.resolve("work")));
        assertTrue(String.valueOf(refused.getMessage()).contains("podium.work.dir"));
    }

    private RoundCommand.StartRound trigger(String version) throws Exception {
        prefer();
        RoundCommand.StartRound round = log.dpo(project, version);
        log.command(round);
        return round;
    }

    private void prefer() throws Exception {
        for (int i = 0; i < 4; i++) {
            log.prefer(RoundLog.set(project, project + "-" + i, true, "good"));
        }
    }

    private AdapterManifest manifest(String version) throws Exception {
        try (BoundedReader reader = BoundedReader.connect(log.kafka())) {
            return Manifests.find(reader, project, version).orElseThrow();
        }
    }

    private List<DataSetLine> dataSet(AdapterManifest manifest) throws Exception {
        Path file = Files.createTempFile(folder, "data-set", ".jsonl");
        try (BoundedReader reader = BoundedReader.connect(log.kafka())) {
            new ArtifactReader(reader).fetch(manifest.dataSet().orElseThrow(), file);
        }
        return Files.readAllLines(file).stream()
                .map(line -> parse(line.getBytes(UTF_8), DataSetLine.class))
                .toList();
    }

    private static <T> T parse(byte[] json, Class<T> type) {
        try {
            return EventJson.read(json, type);
        } catch (dev.podium.contracts.InvalidEventException e) {
            throw new AssertionError(e);
        }
    }

    static void untilStopped(RoundContext context) throws RoundCancelled {
        CountDownLatch never = new CountDownLatch(1);
        while (true) {
            context.checkCancelled(3);
            try {
                if (never.await(20, TimeUnit.MILLISECONDS)) {
                    return;
                }
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertTrue(latch.await(60, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
