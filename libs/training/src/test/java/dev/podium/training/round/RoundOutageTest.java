package dev.podium.training.round;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.Topics;
import dev.podium.embedded.EmbeddedKafka;
import dev.podium.embedded.FreePort;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A broker of its own that goes away and comes back. */
class RoundOutageTest {
    @TempDir
    Path folder;

    private final String project = "p" + UUID.randomUUID();

    @Test
    void brokerThatRestartsInMidRoundCostsNoStepAndEndsNothingTwice() throws Exception {
        int port = FreePort.find();
        EmbeddedKafka[] broker = {EmbeddedKafka.start(folder.resolve("kafka"), port)};
        CountDownLatch atWork = new CountDownLatch(1);
        CountDownLatch queued = new CountDownLatch(1);
        int[] begun = {0};
        try (RoundLog log = new RoundLog("127.0.0.1:" + port)) {
            StepTrainer trainer = new StepTrainer((context, step) -> {
                if (!context.command().version().equals("v1")) {
                    return;
                }
                begun[0] += step == 0 ? 1 : 0;
                if (step == 3) {
                    atWork.countDown();
                    await(queued);
                    broker[0].close();
                }
                if (step == 5) {
                    broker[0] = start(port);
                }
            });
            try (RoundRunner runner = RoundRunner.start(
                    RoundRunnerConfig.policyTrainer(log.kafka(), folder.resolve("work")),
                    Map.of(
                            RoundKind.DPO, trainer,
                            RoundKind.SFT, trainer,
                            RoundKind.PPO, trainer,
                            RoundKind.SAMPLE, trainer),
                    RoundRunnerTest::open,
                    () -> {})) {
                for (int i = 0; i < 4; i++) {
                    log.prefer(RoundLog.set(project, project + "-" + i, true, "good"));
                }
                RoundCommand.StartRound first = log.dpo(project, "v1");
                RoundCommand.StartRound second = log.dpo(project, "v2");
                RoundCommand.StartRound third = log.dpo(project, "v3");
                // One after the other: commands of different rounds have no order.
                log.command(first);
                await(atWork);
                log.command(second);
                log.command(third);
                awaitWaiting(runner, 2);
                log.cancel(second);
                // The cancellation is read before the broker goes; it may be told before, meanwhile or after.
                awaitWaiting(runner, 1);
                queued.countDown();

                log.await(third.roundId(), RoundEvent.Succeeded.class);

                assertEquals(
                        1,
                        log.events(first.roundId(), RoundEvent.Succeeded.class).size());
                assertEquals(1, begun[0], "the round at work was not given up");
                List<RoundEvent> ofSecond = log.events(second.roundId());
                assertEquals(1, ofSecond.size(), ofSecond.toString());
                assertTrue(ofSecond.getFirst() instanceof RoundEvent.Cancelled, ofSecond.toString());
            }
        } finally {
            broker[0].close();
        }
    }

    /** As a right that is missing does, a limit of the topic refuses what the trainer writes, and no waiting mends it. */
    @Test
    void aRoundWhoseEventsAreRefusedIsTriedAgainWithPausesThatGrow() throws Exception {
        StepTrainer trainer = new StepTrainer((context, step) -> {});
        try (EmbeddedKafka broker = EmbeddedKafka.start(folder.resolve("kafka"), 0);
                RoundLog log = new RoundLog(broker.bootstrapServers());
                Admin admin = Admin.create(log.kafka());
                RoundRunner runner = RoundRunner.start(
                        RoundRunnerConfig.policyTrainer(log.kafka(), folder.resolve("work")),
                        Map.of(
                                RoundKind.DPO, trainer,
                                RoundKind.SFT, trainer,
                                RoundKind.PPO, trainer,
                                RoundKind.SAMPLE, trainer),
                        RoundRunnerTest::open,
                        () -> {})) {
            limitEvents(admin, AlterConfigOp.OpType.SET);
            log.prefer(RoundLog.set(project, project + "-1", true, "good"));
            RoundCommand.StartRound round = log.dpo(project, "v1");
            log.command(round);
            awaitLeft(runner, 1);
            long firstNanos = System.nanoTime();
            awaitLeft(runner, 3);
            long pausesNanos = System.nanoTime() - firstNanos;

            limitEvents(admin, AlterConfigOp.OpType.DELETE);

            log.await(round.roundId(), RoundEvent.Succeeded.class);
            // The first was seen a little after it happened.
            assertTrue(pausesNanos > TimeUnit.SECONDS.toNanos(5), "2 s and 4 s, not " + pausesNanos / 1e9 + " s");
        }
    }

    private static void limitEvents(Admin admin, AlterConfigOp.OpType operation) throws Exception {
        ConfigEntry tiny = new ConfigEntry(TopicConfig.MAX_MESSAGE_BYTES_CONFIG, "10");
        admin.incrementalAlterConfigs(Map.of(
                        new ConfigResource(ConfigResource.Type.TOPIC, Topics.ROUND_EVENTS),
                        List.of(new AlterConfigOp(tiny, operation))))
                .all()
                .get();
    }

    private static void awaitLeft(RoundRunner runner, long times) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (runner.ended().getOrDefault("abandoned", 0L) < times) {
            assertTrue(System.nanoTime() < end, runner.ended().toString());
            TimeUnit.MILLISECONDS.sleep(20);
        }
    }

    private EmbeddedKafka start(int port) {
        try {
            return EmbeddedKafka.start(folder.resolve("kafka"), port);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void awaitWaiting(RoundRunner runner, int rounds) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (runner.waiting() != rounds) {
            assertTrue(System.nanoTime() < end, runner.waiting() + " rounds wait, not " + rounds);
            TimeUnit.MILLISECONDS.sleep(20);
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
