package dev.podium.training.round;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.embedded.EmbeddedKafka;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two trainers in processes of their own share rounds; one is stopped for so long that the group gives it up, then killed.
 * Their poll interval is two seconds, a held round is several times as long.
 */
class RoundSharingTest {
    private static final String GROUP = "podium-policy-trainer";
    private static final long PATIENCE_SECONDS = 60;

    @TempDir
    Path folder;

    /** A process and what it has said. */
    private record Worker(Process process, Path work, List<String> said) implements AutoCloseable {
        String instance() {
            try {
                return "policy-trainer-"
                        + Files.readString(work.resolve("instance-id")).strip();
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }

        boolean says(String line) {
            return said.contains(line);
        }

        /** What stopped, goes on or ends it. */
        void signal(String name) throws Exception {
            assertEquals(
                    0,
                    new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                            .start()
                            .waitFor());
        }

        @Override
        public void close() {
            process.destroyForcibly();
        }
    }

    @Test
    void roundsAreSharedAndEachIsWorkedOnByOneTrainerAlsoWhenOneHangsOrIsKilled() throws Exception {
        try (EmbeddedKafka broker = EmbeddedKafka.start(folder.resolve("kafka"), 0);
                RoundLog log = new RoundLog(broker.bootstrapServers());
                Admin admin = Admin.create(log.kafka());
                BoundedReader reader = BoundedReader.connect(log.kafka());
                Worker one = worker(broker, "one");
                Worker other = worker(broker, "other")) {
            log.prefer(RoundLog.set("p", "t", true, "good"));
            await(
                    "both have partitions",
                    () -> members(admin).size() == 2
                            && members(admin).stream()
                                    .noneMatch(member -> member.assignment()
                                            .topicPartitions()
                                            .isEmpty()));

            // Given a long round at one trainer, another round ends at the other.
            RoundCommand.StartRound held = round(log, reader, partitionOf(admin, one), "p", "hold");
            RoundCommand.StartRound quick = round(log, reader, partitionOf(admin, other), "p", "v2");
            log.command(held);
            log.await(held.roundId(), RoundEvent.Progress.class, progress -> progress.step() == 5);
            log.command(quick);
            log.await(quick.roundId(), RoundEvent.Succeeded.class);
            assertTrue(one.says("at " + held.roundId()) && !other.says("at " + held.roundId()));
            assertTrue(other.says("at " + quick.roundId()) && !one.says("at " + quick.roundId()));

            // When one hangs, the group gives it up, and the other begins the round anew.
            one.signal("STOP");
            await("the other takes the round over", () -> other.says("step " + held.roundId() + " 5"));
            // A round several times as long as the poll interval: the group still has its member.
            long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
            await("the long round keeps its membership", () -> {
                assertTrue(members(admin).stream().anyMatch(member -> isOf(member, other)), "left the group");
                return System.nanoTime() > until;
            });
            Files.createFile(folder.resolve("gate"));
            log.await(held.roundId(), RoundEvent.Succeeded.class);

            // Then what hung says nothing that counts when it wakes up.
            one.signal("CONT");
            await("the first leaves the round", () -> one.said().getLast().equals("idle"));
            assertEquals(
                    1, log.events(held.roundId(), RoundEvent.Succeeded.class).size());
            assertEquals(
                    1, log.events(held.roundId(), RoundEvent.Accepted.class).size());
            assertEquals(2, log.events(held.roundId(), RoundEvent.Started.class).size());
            assertEquals(1, versions(log, "hold"));

            // When the other is killed in a round, the first finishes it.
            Files.delete(folder.resolve("gate"));
            await(
                    "both have partitions again",
                    () -> members(admin).stream()
                                    .filter(member -> !member.assignment()
                                            .topicPartitions()
                                            .isEmpty())
                                    .count()
                            == 2);
            log.prefer(RoundLog.set("q", "u", true, "good"));
            RoundCommand.StartRound last = round(log, reader, partitionOf(admin, other), "q", "hold");
            log.command(last);
            await("the other works on it", () -> other.says("step " + last.roundId() + " 5"));
            other.signal("KILL");
            Files.createFile(folder.resolve("gate"));
            log.await(last.roundId(), RoundEvent.Succeeded.class);
            assertTrue(one.says("at " + last.roundId()));
            assertEquals(
                    1, log.events(last.roundId(), RoundEvent.Succeeded.class).size());
        }
    }

    /** A round whose command goes to a partition. */
    private static RoundCommand.StartRound round(
            RoundLog log, BoundedReader reader, int partition, String project, String version) {
        RoundCommand.StartRound any =
                log.round(project, version, RoundConfig.Dpo.DEFAULT, TinyAdapter.BASE, Optional.empty());
        String id = UUID.randomUUID().toString();
        while (reader.partitionOf(Topics.ROUND_COMMANDS, id.getBytes(UTF_8)).partition() != partition) {
            id = UUID.randomUUID().toString();
        }
        return new RoundCommand.StartRound(
                id,
                project,
                any.kind(),
                version,
                any.baseModel(),
                any.config(),
                any.dataPin(),
                Optional.empty(),
                Optional.empty(),
                List.of(),
                List.of(),
                "operator",
                any.at());
    }

    private static long versions(RoundLog log, String version) {
        return log.read(Topics.ADAPTERS).stream()
                .filter(record -> new String(record.key(), UTF_8).equals("p/" + version))
                .count();
    }

    private static boolean isOf(MemberDescription member, Worker worker) {
        return member.groupInstanceId().equals(Optional.of(worker.instance()));
    }

    private static int partitionOf(Admin admin, Worker worker) {
        return members(admin).stream()
                .filter(member -> isOf(member, worker))
                .flatMap(member -> member.assignment().topicPartitions().stream())
                .mapToInt(TopicPartition::partition)
                .min()
                .orElseThrow();
    }

    private static List<MemberDescription> members(Admin admin) {
        try {
            return List.copyOf(admin.describeConsumerGroups(List.of(GROUP))
                    .describedGroups()
                    .get(GROUP)
                    .get()
                    .members());
        } catch (Exception e) {
            return List.of();
        }
    }

    private Worker worker(EmbeddedKafka broker, String name) throws IOException {
        Path work = folder.resolve(name);
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx192m",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        SharingTrainer.class.getName(),
                        broker.bootstrapServers(),
                        work.toString(),
                        folder.resolve("gate").toString()))
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        List<String> said = new CopyOnWriteArrayList<>();
        Thread.ofPlatform().daemon().start(() -> {
            try (BufferedReader lines = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8))) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    said.add(line);
                }
            } catch (IOException e) {
                said.add("gone: " + e);
            }
        });
        return new Worker(process, work, said);
    }

    private static void await(String what, BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, "in vain: " + what);
            TimeUnit.MILLISECONDS.sleep(50);
        }
    }
}
