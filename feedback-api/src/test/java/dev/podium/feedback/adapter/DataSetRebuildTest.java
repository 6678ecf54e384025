package dev.podium.feedback.adapter;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.DataSetLine;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.RankingRules;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import dev.podium.contracts.adapter.ArtifactFiles;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.contracts.preference.HeldRanking;
import dev.podium.contracts.preference.PreferenceAggregation;
import dev.podium.embedded.EmbeddedKafka;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On a broker of its own, whose compaction really removes what it may. */
class DataSetRebuildTest {
    private static final Instant AT = Instant.parse("2026-11-01T10:00:00Z");

    @TempDir
    Path folder;

    private final Map<String, Map<String, HeldRanking>> held = new HashMap<>();
    private final Map<String, DataSetLine> newest = new TreeMap<>();

    @Test
    void aDataSetComesOutOfTheLogsAgainAlsoWhereCompactionHasRemovedWhatTheRoundRead() throws Exception {
        try (EmbeddedKafka broker = EmbeddedKafka.start(folder.resolve("kafka"), 0);
                Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()));
                KafkaProducer<byte[], byte[]> log = new KafkaProducer<>(
                        Map.of("bootstrap.servers", broker.bootstrapServers()),
                        new ByteArraySerializer(),
                        new ByteArraySerializer());
                BoundedReader reader = BoundedReader.connect(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
            Topics.createMissing(admin, 2, (short) 1);
            for (String task : List.of("a", "b", "c")) {
                send(log, Topics.TASKS, task, task(task));
            }
            rank(log, "a", "ann", 1, "o1", "o2", "o3");
            rank(log, "a", "bob", 1, "o2", "o1", "o3");
            rank(log, "a", "bob", 2, "o1", "o3", "o2");
            rank(log, "b", "ann", 1, "o3", "o2", "o1");
            rank(log, "c", "cyd", 1, "o3", "o2", "o1");
            retract(log, "c", "cyd", 2);
            rank(log, "c", "ann", 1, "o1", "o2", "o3");
            // What a round reads now.
            Path stored = dataSet("stored.jsonl");
            String sha256 = ArtifactFiles.describe(stored).sha256();

            DataSetRebuild.Report fresh = DataSetRebuild.rebuild(reader, stored, folder.resolve("fresh.jsonl"));

            assertEquals(new DataSetRebuild.Report(sha256, 3, 3, 0, List.of()), fresh);

            // What labelers do later replaces the sets, and compaction removes those that the round read.
            List<DataSetLine> read = List.of(newest.get("a"), newest.get("c"));
            rank(log, "a", "ann", 2, "o3", "o2", "o1");
            retract(log, "c", "ann", 2);
            compact(admin);
            awaitGone(log, reader, read);
            Path rebuilt = folder.resolve("rebuilt.jsonl");

            DataSetRebuild.Report report = DataSetRebuild.rebuild(reader, stored, rebuilt);

            assertEquals(new DataSetRebuild.Report(sha256, 3, 1, 2, List.of()), report);
            assertArrayEquals(Files.readAllBytes(stored), Files.readAllBytes(rebuilt));

            // A copy that somebody has changed is found out.
            Path forged = Files.writeString(
                    folder.resolve("forged.jsonl"),
                    Files.readString(stored).replace("\"votesFor\":2.0", "\"votesFor\":3.0"));
            DataSetRebuild.Report unlike = DataSetRebuild.rebuild(reader, forged, folder.resolve("unlike.jsonl"));
            assertNotEquals(ArtifactFiles.describe(forged).sha256(), unlike.sha256());
            assertEquals(
                    List.of("a"),
                    unlike.unlike().stream().map(DataSetRebuild.Unlike::taskId).toList());
        }
    }

    private static Task task(String id) {
        return new Task(
                "p",
                id,
                List.of(Message.user("question " + id + " \"ü\"")),
                List.of(output("o1", "good"), output("o2", "fair"), output("o3", "poor")),
                RankingRules.DEFAULT,
                Optional.of("podium-nano"),
                Optional.empty(),
                AT);
    }

    private static Output output(String id, String text) {
        return new Output(id, text, Output.Provenance.imported(), List.of());
    }

    private void rank(KafkaProducer<byte[], byte[]> log, String task, String labeler, int revision, String... order)
            throws Exception {
        fact(
                log,
                new RankingEvent.RankingSubmitted(
                        task + labeler + revision,
                        "p",
                        task,
                        labeler,
                        revision,
                        List.of(order).stream().map(List::of).toList(),
                        List.of(),
                        List.of(),
                        0,
                        Optional.of("a comment is not kept in sets"),
                        AT.plusSeconds(revision)));
    }

    private void retract(KafkaProducer<byte[], byte[]> log, String task, String labeler, int revision)
            throws Exception {
        fact(
                log,
                new RankingEvent.RankingRetracted(
                        task + labeler + revision,
                        "p",
                        task,
                        labeler,
                        revision,
                        Optional.empty(),
                        AT.plusSeconds(10L * revision)));
    }

    /** As feedback-api and ranking-stream do together. */
    private void fact(KafkaProducer<byte[], byte[]> log, RankingEvent event) throws Exception {
        RecordMetadata at = send(log, Topics.RANKINGS, event.taskId(), event);
        Map<String, HeldRanking> ofTask = held.computeIfAbsent(event.taskId(), t -> new TreeMap<>());
        ofTask.merge(event.labelerId(), HeldRanking.of(event, at.partition(), at.offset()), HeldRanking::and);
        var set = PreferenceAggregation.aggregate(task(event.taskId()), ofTask.values(), labeler -> 1);
        RecordMetadata stands = send(log, Topics.PREFERENCES, event.taskId(), set);
        newest.put(
                event.taskId(), new DataSetLine(Topics.PREFERENCES, stands.partition(), stands.offset(), false, set));
    }

    private static RecordMetadata send(KafkaProducer<byte[], byte[]> log, String topic, String key, Object event)
            throws Exception {
        return log.send(new ProducerRecord<>(topic, key.getBytes(UTF_8), EventJson.write(event)))
                .get();
    }

    private Path dataSet(String name) throws Exception {
        List<String> lines = new ArrayList<>();
        newest.values().stream()
                .sorted(Comparator.comparing(line -> line.set().taskId()))
                .forEach(line -> lines.add(EventJson.writeText(line) + "\n"));
        return Files.writeString(folder.resolve(name), String.join("", lines));
    }

    private static void compact(Admin admin) throws Exception {
        Map<ConfigResource, java.util.Collection<AlterConfigOp>> changes = Map.of(
                new ConfigResource(ConfigResource.Type.TOPIC, Topics.PREFERENCES),
                List.of(
                        set("min.compaction.lag.ms", "0"),
                        set("segment.ms", "50"),
                        set("min.cleanable.dirty.ratio", "0.001")),
                new ConfigResource(ConfigResource.Type.BROKER, ""),
                List.of(set("log.cleaner.backoff.ms", "50")));
        admin.incrementalAlterConfigs(changes).all().get();
    }

    private static AlterConfigOp set(String name, String value) {
        return new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET);
    }

    /** The newest segment is never compacted: further records push what is to go out of it. */
    private static void awaitGone(KafkaProducer<byte[], byte[]> log, BoundedReader reader, List<DataSetLine> read)
            throws Exception {
        long deadline = System.nanoTime() + Duration.ofSeconds(90).toNanos();
        while (read.stream()
                .anyMatch(line -> reader.at(new TopicPartition(line.topic(), line.partition()), line.offset())
                        .filter(record -> record.offset() == line.offset())
                        .isPresent())) {
            assertTrue(System.nanoTime() < deadline, "nothing was compacted");
            for (int partition : Set.of(0, 1)) {
                log.send(new ProducerRecord<>(
                                Topics.PREFERENCES, partition, "filler".getBytes(UTF_8), "{}".getBytes(UTF_8)))
                        .get();
            }
            Thread.sleep(100);
        }
    }
}
