package dev.podium.rankingstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.LabelerStatistics;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.Topics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KafkaStreams.State;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.apache.kafka.streams.state.Stores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.WriteBufferManager;

/** Two processes share the partitions of a real broker; one of them is started anew. */
class RestartTest {
    private static final Duration WAIT = Duration.ofMinutes(1);
    private static final int TASKS = 12;

    private final String application = "restart-" + UUID.randomUUID();
    private final List<State> statesOfTheOther = new CopyOnWriteArrayList<>();

    @TempDir
    Path folder;

    @Test
    void aRestartOfOneMemberIsNoRebalanceForTheOthersAndLosesNothing() throws Exception {
        try (Broker broker = new Broker(Broker.sharedServers())) {
            new StreamTopics(Map.of("bootstrap.servers", broker.servers), Repartitions.of(application), 3, (short) 1)
                    .create(broker.admin);
            try (KafkaStreams stays = member("stays")) {
                stays.setStateListener((now, before) -> statesOfTheOther.add(now));
                stays.start();
                KafkaStreams goes = member("goes");
                goes.start();
                await("both to share the partitions", () -> has(stays) && has(goes));
                rank(broker, 0);
                // From here on it must not notice anything.
                await("a quiet group", () -> stays.state() == State.RUNNING && goes.state() == State.RUNNING);
                statesOfTheOther.clear();

                goes.close(Duration.ofSeconds(20));
                rank(broker, 1);
                try (KafkaStreams again = member("goes")) {
                    again.start();
                    await("its partitions again", () -> has(again));
                    await("the sets of all tasks", () -> sets(broker) == 2 * TASKS);
                }
                assertEquals(List.of(), statesOfTheOther);
            }
        }
    }

    /** A process that was killed leaves a folder, in which there may be rows of the transaction that was open. */
    @Test
    void whatAKilledMemberHasStoredButNotCommittedIsDoneAgain() throws Exception {
        try (Broker broker = new Broker(Broker.sharedServers())) {
            new StreamTopics(Map.of("bootstrap.servers", broker.servers), Repartitions.of(application), 3, (short) 1)
                    .create(broker.admin);
            Properties unfinished = settings("killed");
            unfinished.put("commit.interval.ms", "600000");
            unfinished.put("producer.transaction.timeout.ms", "900000");
            unfinished.put("rocksdb.config.setter", WritesAtOnce.class.getName());
            // It lives on until its successor fences it.
            try (KafkaStreams killed = new KafkaStreams(topology(), unfinished)) {
                killed.start();
                await("its partitions", () -> has(killed));
                rank(broker, 0);
                await("rows on the disk", () -> isOnDisk("killed", "tasks") && isOnDisk("killed", "rankings"));
                copyAtRest(folder.resolve("killed"), folder.resolve("left"));
                Properties successor = settings("left");
                successor.put("consumer.group.instance.id", unfinished.get("consumer.group.instance.id"));
                try (KafkaStreams again = new KafkaStreams(topology(), successor)) {
                    again.start();
                    await("the figures of all who ranked", () -> rankings(broker) == TASKS);
                }
            }
        }
    }

    /** Writes each row to the disk as soon as the next one comes. */
    public static final class WritesAtOnce implements RocksDBConfigSetter {
        static {
            RocksDB.loadLibrary();
        }

        private static final WriteBufferManager NOTHING_IS_HELD = new WriteBufferManager(1, new LRUCache(1024));

        @Override
        public void setConfig(String storeName, Options options, Map<String, Object> configs) {
            options.setWriteBufferManager(NOTHING_IS_HELD);
        }

        @Override
        public void close(String storeName, Options options) {
            // Shared by all stores.
        }
    }

    private boolean isOnDisk(String member, String store) throws IOException {
        try (Stream<Path> files = Files.walk(folder.resolve(member))) {
            return files.anyMatch(file -> file.toString().endsWith(".sst")
                    && file.getParent().getFileName().toString().equals(store));
        } catch (UncheckedIOException e) {
            // A file went away meanwhile.
            return false;
        }
    }

    /** RocksDB works on: a copy that was made while files came and went would be one that no kill leaves. */
    private static void copyAtRest(Path from, Path to) throws Exception {
        await("a folder that rests", () -> {
            Map<Path, Long> before = sizes(from);
            Thread.sleep(300);
            return before.equals(sizes(from));
        });
        copy(from, to);
    }

    private static Map<Path, Long> sizes(Path folder) throws IOException {
        Map<Path, Long> sizes = new HashMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.toList()) {
                sizes.put(file, Files.size(file));
            }
        } catch (NoSuchFileException | UncheckedIOException e) {
            // A file went away meanwhile; the next look differs.
            sizes.put(folder, System.nanoTime());
        }
        return sizes;
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(from.relativize(file)), StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }

    private long rankings(Broker broker) throws Exception {
        return broker.newest(Topics.LABELERS, LabelerStatistics.class).values().stream()
                .filter(figures -> figures.labelerId().startsWith(application))
                .mapToLong(LabelerStatistics::rankings)
                .sum();
    }

    private static boolean has(KafkaStreams member) {
        return member.state() == State.RUNNING
                && member.metadataForLocalThreads().stream()
                        .anyMatch(thread -> !thread.activeTasks().isEmpty());
    }

    private void rank(Broker broker, int round) {
        IntStream.range(round * TASKS, (round + 1) * TASKS).forEach(i -> {
            broker.task(Facts.task(application + i));
            broker.ranking(Facts.ranking(application + i, application + "-ann-" + i, 1, "a>b>c"));
        });
        broker.flush();
    }

    private long sets(Broker broker) throws Exception {
        return broker.newest(Topics.PREFERENCES, PreferenceSet.class).keySet().stream()
                .filter(task -> task.startsWith(application))
                .count();
    }

    private KafkaStreams member(String name) throws IOException {
        return new KafkaStreams(topology(), settings(name));
    }

    private Topology topology() {
        return RankingTopology.build(
                Repartitions.of(application),
                Duration.ofMinutes(10),
                Stores::persistentKeyValueStore,
                new StreamMetrics(new SimpleMeterRegistry()),
                RankingTopology.STEADY_MILLIS);
    }

    private Properties settings(String name) throws IOException {
        return StreamSettings.of(application, Broker.sharedServers(), folder.resolve(name));
    }

    private static void await(String what, Callable<Boolean> condition) throws Exception {
        long deadlineNanos = System.nanoTime() + WAIT.toNanos();
        while (!condition.call()) {
            assertTrue(System.nanoTime() < deadlineNanos, what + " did not come within " + WAIT);
            Thread.sleep(50);
        }
    }
}
