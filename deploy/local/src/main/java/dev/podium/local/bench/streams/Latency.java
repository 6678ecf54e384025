package dev.podium.local.bench.streams;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.contracts.Topics;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.Application;
import dev.podium.local.stack.Installation;
import dev.podium.local.stack.LocalStack;
import dev.podium.local.stack.Ports;
import dev.podium.local.stack.StackException;
import dev.podium.local.stack.StackFolder;
import dev.podium.local.stack.StackOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * From a labeler's click to a preference set that a reader of what is committed can see: through HTTP, PostgreSQL,
 * outbox, Kafka and the stream. Rankings are sent at fixed times, whether the ones before were answered or not, and a
 * time counts from when its ranking was due.
 */
final class Latency {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String PROJECT = "latency";
    private static final int PER_SECOND = 100;
    // Servers that have just started compile what they run: labelers go as fast as they can before the clock starts.
    private static final Duration WARM_UP = Duration.ofSeconds(180);
    private static final int WARM_UP_PER_SECOND = 600;
    private static final Duration REST = Duration.ofSeconds(5);
    private static final Duration DRAIN = Duration.ofMinutes(4);
    private static final int LABELERS = 20;
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Installation installation;
    private final Path folder;
    private final Consumer<String> progress;
    // By task, which has one ranking.
    private final Map<String, Long> dueNanos = new ConcurrentHashMap<>();
    private final Map<String, Double> seenMillis = new ConcurrentHashMap<>();
    private final Map<String, Double> answeredMillis = new ConcurrentHashMap<>();
    private final AtomicInteger failures = new AtomicInteger();
    private volatile boolean reading = true;

    Latency(Installation installation, Path folder, Consumer<String> progress) {
        this.installation = installation;
        this.folder = folder;
        this.progress = progress;
    }

    void measure(int seconds, StreamsBench.Figures figures)
            throws IOException, StackException, ApiException, InterruptedException {
        StackOptions options = new StackOptions(
                new StackFolder(folder.resolve("stack")),
                installation,
                Ports.free(),
                List.of(Application.FEEDBACK_API, Application.RANKING_STREAM),
                Map.of(),
                progress);
        try (LocalStack stack = LocalStack.start(options);
                Api operator = new Api(
                        stack.url(), stack.operator().user(), stack.operator().password())) {
            int each = seconds * PER_SECOND / LABELERS;
            int warmUp = (int) WARM_UP.toSeconds() * WARM_UP_PER_SECOND;
            List<Api> labelers = prepare(stack, operator, warmUp + each * LABELERS);
            Thread reader = Thread.ofPlatform().daemon().start(() -> read(stack.bootstrapServers()));
            progress.accept("warming up for " + WARM_UP.toSeconds() + " s");
            warmUp(labelers, warmUp);
            progress.accept(PER_SECOND + " rankings a second for " + seconds + " s");
            submit(labelers, each);
            awaitSets(each * LABELERS);
            reading = false;
            reader.join();
            labelers.forEach(Api::close);
            print(each * LABELERS, seconds, figures);
        }
    }

    private static List<Api> prepare(LocalStack stack, Api operator, int tasks) throws ApiException {
        operator.post(
                "/projects",
                Map.of("id", PROJECT, "name", "Latency", "baseModel", "podium-nano", "rules", Map.of("overlap", 1)));
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < tasks; i++) {
            ObjectNode line = JSON.createObjectNode().put("prompt", "My lamp number " + i + " does not start.");
            ArrayNode outputs = line.putArray("outputs");
            IntStream.range(0, 3).forEach(n -> outputs.add("Answer " + n + ": please try another wall socket."));
            lines.append(line).append('\n');
        }
        operator.upload(Api.path("projects", PROJECT, "import") + "?format=auto", lines.toString());
        List<Api> labelers = new ArrayList<>();
        for (int i = 0; i < LABELERS; i++) {
            String name = "labeler-" + i;
            String password = UUID.randomUUID().toString();
            operator.post(
                    "/users", Map.of("name", name, "password", password, "role", "labeler", "projects", List.of("*")));
            labelers.add(new Api(stack.url(), name, password));
        }
        return labelers;
    }

    /** @param tasks that may be taken; the others are to be measured with */
    private void warmUp(List<Api> labelers, int tasks) throws InterruptedException {
        AtomicInteger left = new AtomicInteger(tasks);
        long untilNanos = System.nanoTime() + WARM_UP.toNanos();
        List<Thread> threads = new ArrayList<>();
        for (Api labeler : labelers) {
            threads.add(Thread.ofVirtual().start(() -> {
                while (System.nanoTime() < untilNanos && left.getAndDecrement() > 0) {
                    rank(labeler, System.nanoTime());
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        // The clock starts when nothing of it is under way any more.
        long deadlineNanos = System.nanoTime() + DRAIN.toNanos();
        do {
            Thread.sleep(REST);
            progress.accept(seenMillis.size() + " of " + answeredMillis.size() + " preference sets are there");
        } while (seenMillis.size() < answeredMillis.size() && System.nanoTime() < deadlineNanos);
        for (Map<?, ?> each : List.of(dueNanos, answeredMillis, seenMillis)) {
            each.clear();
        }
        failures.set(0);
    }

    private void submit(List<Api> labelers, int each) throws InterruptedException {
        long startNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(2);
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < labelers.size(); i++) {
            int first = i;
            threads.add(Thread.ofVirtual().start(() -> {
                for (int n = 0; n < each; n++) {
                    int number = first + n * LABELERS;
                    rank(labelers.get(first), startNanos + number * (TimeUnit.SECONDS.toNanos(1) / PER_SECOND));
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    /** Takes a task, looks at it until the time has come, and sends the ranking. */
    private void rank(Api labeler, long due) {
        try {
            JsonNode next = labeler.post(Api.path("projects", PROJECT, "tasks", "next"), Map.of(), Map.of())
                    .orElseThrow();
            String task = next.path("task").path("id").asText();
            List<List<String>> groups = new ArrayList<>();
            next.path("task")
                    .path("outputs")
                    .forEach(output -> groups.add(List.of(output.path("id").asText())));
            JsonNode lease =
                    next.has("lease") ? next.path("lease") : next.path("task").path("lease");
            dueNanos.put(task, due);
            TimeUnit.NANOSECONDS.sleep(Math.max(0, due - System.nanoTime()));
            labeler.put(
                    Api.path("projects", PROJECT, "tasks", task, "ranking"),
                    Map.of(
                            "groups", groups,
                            "unacceptable", List.of(),
                            "leaseId", lease.path("id").asText()),
                    Map.of("Idempotency-Key", UUID.randomUUID().toString()));
            answeredMillis.put(task, (System.nanoTime() - due) / 1e6);
        } catch (ApiException | RuntimeException e) {
            failures.incrementAndGet();
            progress.accept("a ranking failed: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void read(String servers) {
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", servers, "isolation.level", "read_committed"),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(Topics.PREFERENCES).stream()
                    .map(info -> new TopicPartition(info.topic(), info.partition()))
                    .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            while (reading) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    long nowNanos = System.nanoTime();
                    String task = new String(record.key(), java.nio.charset.StandardCharsets.UTF_8);
                    Long due = dueNanos.get(task);
                    if (due != null) {
                        seenMillis.putIfAbsent(task, (nowNanos - due) / 1e6);
                    }
                }
            }
        }
    }

    private void awaitSets(int wanted) throws InterruptedException {
        long deadlineNanos = System.nanoTime() + PATIENCE.toNanos();
        while (seenMillis.size() < wanted - failures.get() && System.nanoTime() < deadlineNanos) {
            TimeUnit.MILLISECONDS.sleep(50);
        }
    }

    private void print(int wanted, int seconds, StreamsBench.Figures figures) {
        List<Double> seen = List.copyOf(seenMillis.values());
        List<Double> answered = List.copyOf(answeredMillis.values());
        ObjectNode more = JSON.createObjectNode()
                .put("rankings_per_second", PER_SECOND)
                .put("seconds", seconds)
                .put("labelers", LABELERS)
                .put("rankings", seen.size())
                .put("failed", failures.get())
                .put("never_seen", wanted - failures.get() - seenMillis.size());
        figures.print("ranking_to_preference_p50_ms", StreamsBench.quantile(seen, 0.5), "ms", more);
        figures.print("ranking_to_preference_p99_ms", StreamsBench.quantile(seen, 0.99), "ms", more);
        figures.print("submit_answer_p99_ms", StreamsBench.quantile(answered, 0.99), "ms", more);
    }
}
