package dev.podium.local.bench.streams;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.RankingRules;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import dev.podium.embedded.BrokerMain;
import dev.podium.embedded.FreePort;
import dev.podium.local.stack.Application;
import dev.podium.local.stack.Installation;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * How many rankings per second become preference sets when a long log is worked off, next to a topology that only passes
 * the same log on.
 *
 * <p>The log is as feedback-api writes it: a task's rankings come near each other, because the oldest open task is given
 * out first, but not one after the other.
 */
final class Throughput {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int PARTITIONS = 3;
    private static final int RANKINGS_PER_TASK = 4;
    private static final int LABELERS = 200;
    private static final int OUTPUTS = 3;
    // Tasks that are open at one time.
    private static final int OPEN_TASKS = 500;
    private static final String OUT = "bench-pass-through";
    private static final String STREAM = "podium-ranking-stream";
    private static final long LOOK_MILLIS = 100;
    private static final long SAMPLE_EVERY = 20;
    private static final Instant NOON = Instant.parse("2026-01-01T12:00:00Z");

    private final Installation installation;
    private final Path folder;
    private final Consumer<String> progress;

    Throughput(Installation installation, Path folder, Consumer<String> progress) {
        this.installation = installation;
        this.folder = folder;
        this.progress = progress;
    }

    void measure(int rankings, StreamsBench.Figures figures)
            throws IOException, InterruptedException, ExecutionException, StackException {
        int port = FreePort.find();
        String servers = "127.0.0.1:" + port;
        Process broker = launch(broker(port), Map.of(), "broker");
        try (Admin admin = awaitBroker(servers)) {
            Topics.createMissing(admin, PARTITIONS, (short) 1);
            admin.createTopics(List.of(
                            new NewTopic(OUT, PARTITIONS, (short) 1).configs(Topics.configuration(Topics.PREFERENCES))))
                    .all()
                    .get();
            int tasks = rankings / RANKINGS_PER_TASK;
            write(servers, tasks, false);
            Run warm = stream(admin, servers, Topics.TASKS);
            progress.accept("tasks: " + warm.told());
            write(servers, tasks, true);
            Run before = passThrough(admin, servers, "before");
            progress.accept("pass-through: " + before.told());
            Run ours = stream(admin, servers, Topics.RANKINGS);
            progress.accept("ranking-stream: " + ours.told());
            Run after = passThrough(admin, servers, "after");
            progress.accept("pass-through: " + after.told());
            ObjectNode more = JSON.createObjectNode()
                    .put("rankings", rankings)
                    .put("tasks", tasks)
                    .put("labelers", LABELERS)
                    .put("partitions", PARTITIONS);
            figures.print(
                    "rankings_to_preferences_per_second",
                    ours.perSecond(),
                    "1/s",
                    "pass_through",
                    (before.perSecond() + after.perSecond()) / 2,
                    more);
            memory("ranking_stream_rss_mb_in_the_last_quarter", ours.rssMb(), rankings, figures);
            memory("ranking_stream_heap_mb_in_the_last_quarter", ours.heapMb(), rankings, figures);
        } finally {
            end(broker);
        }
    }

    private static void memory(String figure, List<Double> samples, int rankings, StreamsBench.Figures figures) {
        int quarter = Math.max(1, samples.size() / 4);
        ObjectNode more = JSON.createObjectNode().put("rankings", rankings);
        samples.forEach(sample -> more.withArray("/over_time").add(StreamsBench.rounded(sample)));
        figures.print(
                figure,
                StreamsBench.quantile(samples.subList(samples.size() - quarter, samples.size()), 0.5),
                "MB",
                "in_the_second_quarter",
                StreamsBench.quantile(samples.subList(quarter, Math.max(quarter + 1, 2 * quarter)), 0.5),
                more);
    }

    // ---- the log

    private static void write(String servers, int tasks, boolean rankings) {
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", servers, "acks", "all", "linger.ms", 20, "batch.size", 256 * 1024),
                new ByteArraySerializer(),
                new ByteArraySerializer())) {
            Random random = new Random(1);
            for (int from = 0; from < tasks; from += OPEN_TASKS) {
                int to = Math.min(tasks, from + OPEN_TASKS);
                if (!rankings) {
                    IntStream.range(from, to).forEach(i -> send(producer, Topics.TASKS, id(i), task(i)));
                    continue;
                }
                List<Integer> turns = new ArrayList<>();
                for (int n = 0; n < RANKINGS_PER_TASK; n++) {
                    IntStream.range(from, to).forEach(turns::add);
                }
                Collections.shuffle(turns, random);
                int[] seen = new int[to - from];
                for (int i : turns) {
                    int nth = seen[i - from];
                    seen[i - from]++;
                    send(producer, Topics.RANKINGS, id(i), ranking(i, nth, random));
                }
            }
        }
    }

    private static void send(KafkaProducer<byte[], byte[]> producer, String topic, String key, Object event) {
        String id = event instanceof RankingSubmitted ranking ? ranking.eventId() : key;
        var unused = producer.send(new ProducerRecord<>(
                topic,
                null,
                null,
                key.getBytes(UTF_8),
                EventJson.write(event),
                CloudEvents.headers(id, "/bench", CloudEvents.type(event), key, NOON, null)));
    }

    private static String id(int task) {
        return UUID.nameUUIDFromBytes(("task " + task).getBytes(UTF_8)).toString();
    }

    private static Task task(int number) {
        List<Output> outputs = new ArrayList<>();
        for (int i = 0; i < OUTPUTS; i++) {
            outputs.add(new Output(
                    "o" + i,
                    "Answer " + i + " to question " + number
                            + ": please try another wall socket, charge the lamp for at least one hour, and write to"
                            + " us again if it stays dark; we will send you a new one.",
                    Output.Provenance.imported(),
                    List.of()));
        }
        return new Task(
                "bench",
                id(number),
                List.of(new Message("user", "My lamp number " + number + " does not start. What can I do about it?")),
                outputs,
                RankingRules.DEFAULT,
                Optional.of("podium-nano"),
                Optional.empty(),
                NOON);
    }

    private static RankingSubmitted ranking(int task, int nth, Random random) {
        List<List<String>> groups = new ArrayList<>(
                IntStream.range(0, OUTPUTS).mapToObj(i -> List.of("o" + i)).toList());
        // Labelers mostly agree.
        if (random.nextInt(4) == 0) {
            Collections.shuffle(groups, random);
        }
        return new RankingSubmitted(
                UUID.nameUUIDFromBytes((task + " " + nth).getBytes(UTF_8)).toString(),
                "bench",
                id(task),
                "labeler-" + (task * 31 + nth) % LABELERS,
                1,
                groups,
                List.of(),
                List.of("o0", "o1", "o2"),
                10_000 + random.nextInt(20_000),
                Optional.empty(),
                NOON.plusMillis(task));
    }

    // ---- the runs

    /** How long it took from the first commit on, and what the process held meanwhile. */
    private record Run(long records, double seconds, List<Double> rssMb, List<Double> heapMb) {
        double perSecond() {
            return records / seconds;
        }

        String told() {
            return Math.round(perSecond()) + "/s, " + records + " in " + StreamsBench.rounded(seconds) + " s, at most "
                    + rssMb.stream().mapToDouble(Double::doubleValue).max().orElse(0) + " MB";
        }
    }

    private Run stream(Admin admin, String servers, String topic)
            throws IOException, InterruptedException, ExecutionException, StackException {
        int port = FreePort.find();
        Process process = launch(
                installation.command(Application.RANKING_STREAM),
                Map.ofEntries(
                        Map.entry("KAFKA_BOOTSTRAP_SERVERS", servers),
                        Map.entry("QUARKUS_KAFKA_STREAMS_BOOTSTRAP_SERVERS", servers),
                        Map.entry("PODIUM_TOPICS_PARTITIONS", Integer.toString(PARTITIONS)),
                        Map.entry("PODIUM_TOPICS_REPLICATION", "1"),
                        Map.entry("PODIUM_WORK_DIR", folder.resolve("work").toString()),
                        Map.entry("QUARKUS_HTTP_HOST", "127.0.0.1"),
                        Map.entry("PODIUM_PARENT_WATCH", "true"),
                        Map.entry("MALLOC_ARENA_MAX", "2"),
                        Map.entry("QUARKUS_HTTP_PORT", Integer.toString(port)),
                        Map.entry("PODIUM_STANDBY_REPLICAS", "0")),
                "ranking-stream");
        return follow(admin, process, STREAM, topic, "http://127.0.0.1:" + port + "/q/metrics");
    }

    private Run passThrough(Admin admin, String servers, String name)
            throws IOException, InterruptedException, ExecutionException, StackException {
        List<String> command = new ArrayList<>(List.of(java()));
        command.addAll(Application.RANKING_STREAM.jvmFlags());
        // Kafka Streams comes with the application that it is measured against.
        command.addAll(List.of(
                "-cp",
                Installation.classPath() + java.io.File.pathSeparator
                        + installation.root().resolve("ranking-stream/target/quarkus-app/lib/main") + "/*",
                PassThrough.class.getName(),
                servers,
                OUT + "-" + name,
                Topics.RANKINGS,
                OUT,
                folder.resolve("pass-through-" + name).toString()));
        Process process = launch(command, Map.of("MALLOC_ARENA_MAX", "2"), "pass-through-" + name);
        return follow(admin, process, OUT + "-" + name, Topics.RANKINGS, "");
    }

    /** Watches the group's committed offsets until all records of the topic are behind them. */
    private Run follow(Admin admin, Process process, String group, String topic, String metrics)
            throws IOException, InterruptedException, ExecutionException {
        try {
            List<Double> rss = new ArrayList<>();
            List<Double> heap = new ArrayList<>();
            long first = committed(admin, group, topic);
            long end = ends(admin, topic);
            long last = first;
            long beginNanos = 0;
            long begun = 0;
            for (int look = 0; last < end; look++) {
                if (!process.isAlive()) {
                    throw new IOException(group + " ended with " + process.exitValue() + "; its log is "
                            + Files.readString(folder.resolve(group + ".log")));
                }
                TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
                last = committed(admin, group, topic);
                if (beginNanos == 0 && last > first) {
                    beginNanos = System.nanoTime();
                    begun = last;
                }
                if (beginNanos != 0 && look % SAMPLE_EVERY == 0) {
                    rss.add(Memory.residentMb(process.pid()));
                    if (!metrics.isEmpty()) {
                        heap.add(Memory.heapMb(metrics));
                    }
                }
            }
            rss.add(Memory.residentMb(process.pid()));
            return new Run(end - begun, (System.nanoTime() - beginNanos) / 1e9, rss, heap.isEmpty() ? rss : heap);
        } finally {
            end(process);
        }
    }

    private static long committed(Admin admin, String group, String topic)
            throws ExecutionException, InterruptedException {
        Map<TopicPartition, OffsetAndMetadata> offsets;
        try {
            offsets = admin.listConsumerGroupOffsets(group)
                    .partitionsToOffsetAndMetadata()
                    .get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof org.apache.kafka.common.errors.GroupIdNotFoundException) {
                return 0;
            }
            throw e;
        }
        return offsets.entrySet().stream()
                .filter(each -> each.getKey().topic().equals(topic) && each.getValue() != null)
                .mapToLong(each -> each.getValue().offset())
                .sum();
    }

    private static long ends(Admin admin, String topic) throws ExecutionException, InterruptedException {
        Map<TopicPartition, OffsetSpec> latest = new java.util.HashMap<>();
        for (int partition = 0; partition < PARTITIONS; partition++) {
            latest.put(new TopicPartition(topic, partition), OffsetSpec.latest());
        }
        return admin.listOffsets(latest).all().get().values().stream()
                .mapToLong(each -> each.offset())
                .sum();
    }

    // ---- processes

    private List<String> broker(int port) throws StackException {
        List<String> command = new ArrayList<>(List.of(
                java(),
                "-Xmx512m",
                "-XX:+UseSerialGC",
                "-XX:+IgnoreUnrecognizedVMOptions",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow"));
        command.addAll(List.of(
                "-Djava.util.logging.config.file="
                        + installation.root().resolve("deploy/local/src/main/resources/logging.properties"),
                "-cp",
                Installation.classPath(),
                BrokerMain.class.getName(),
                folder.resolve("kafka").toString(),
                Integer.toString(port)));
        return command;
    }

    private static String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    private Process launch(List<String> command, Map<String, String> environment, String name) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve(name + ".log").toFile());
        builder.environment().putAll(environment);
        return builder.start();
    }

    private static Admin awaitBroker(String servers) throws InterruptedException, ExecutionException {
        Admin admin = Admin.create(Map.of("bootstrap.servers", servers, "default.api.timeout.ms", 60_000));
        admin.describeCluster().nodes().get();
        return admin;
    }

    /** Its standard input ends, and so does it. */
    private static void end(Process process) throws IOException, InterruptedException {
        process.getOutputStream().close();
        if (!process.waitFor(30, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            process.waitFor();
        }
    }
}
