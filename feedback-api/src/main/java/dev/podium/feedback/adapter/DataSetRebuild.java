package dev.podium.feedback.adapter;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.DataSetLine;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.PreferenceSet.RankingUsed;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.contracts.preference.HeldRanking;
import dev.podium.contracts.preference.PreferenceAggregation;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * Makes a round's data set anew from the logs. The stored file is only the index: which tasks, in which order, and where
 * each set stood. A set comes from its record in {@link Topics#PREFERENCES}; where compaction has removed that, from the
 * task and its rankings, played in their order until the set of the line comes out. See docs/adr/0030.
 */
final class DataSetRebuild {
    private static final int MOST_NAMED = 20;

    private final BoundedReader reader;
    private final Path stored;
    private final List<Entry> entries = new ArrayList<>();
    private final Map<String, Entry> missing = new HashMap<>();
    private final List<Unlike> unlike = new ArrayList<>();
    private int fromPreferences;
    private int fromRankings;

    private DataSetRebuild(BoundedReader reader, Path stored) {
        this.reader = reader;
        this.stored = stored;
    }

    /**
     * How it went.
     *
     * @param sha256 of what was rebuilt
     * @param fromPreferences sets whose record was still there
     * @param fromRankings sets that were made of the task and its rankings
     * @param unlike tasks that could not be rebuilt, the first of them
     */
    record Report(String sha256, int lines, int fromPreferences, int fromRankings, List<Unlike> unlike) {}

    /** A task whose set did not come out as it was read. */
    record Unlike(String taskId, String why) {}

    /** A line of the stored file, and where its rebuilt form lies in the spool. */
    private static final class Entry {
        private final String taskId;
        private final TopicPartition partition;
        private final long offset;
        private final boolean heldOut;
        private final byte[] sha256;
        private long at = -1;
        private int bytes;

        Entry(DataSetLine line, byte[] sha256) {
            this.taskId = line.set().taskId();
            this.partition = new TopicPartition(line.topic(), line.partition());
            this.offset = line.offset();
            this.heldOut = line.heldOut();
            this.sha256 = sha256;
        }

        DataSetLine line(PreferenceSet set) {
            return new DataSetLine(partition.topic(), partition.partition(), offset, heldOut, set);
        }
    }

    /**
     * Rebuilds a data set.
     *
     * @param stored the file that the manifest names, as index
     * @param target is written
     */
    static Report rebuild(BoundedReader reader, Path stored, Path target) throws IOException {
        DataSetRebuild rebuild = new DataSetRebuild(reader, stored);
        Path spool = Files.createTempFile("podium-rebuild", ".spool");
        try (RandomAccessFile file = new RandomAccessFile(spool.toFile(), "rw")) {
            rebuild.index();
            rebuild.fromPreferences(file);
            rebuild.fromRankings(file);
            return rebuild.write(file, target);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        } finally {
            Files.deleteIfExists(spool);
        }
    }

    private void index() throws IOException {
        try (BufferedReader in = Files.newBufferedReader(stored)) {
            for (String text = in.readLine(); text != null; text = in.readLine()) {
                byte[] bytes = text.getBytes(UTF_8);
                Entry entry = new Entry(parse(bytes), sha256().digest(bytes));
                entries.add(entry);
                missing.put(entry.taskId, entry);
            }
        }
    }

    private static DataSetLine parse(byte[] line) throws IOException {
        try {
            return EventJson.read(line, DataSetLine.class);
        } catch (InvalidEventException e) {
            throw new IOException("a line of the stored data set cannot be read: " + e.getMessage(), e);
        }
    }

    // ---- from the records that the round read

    private void fromPreferences(RandomAccessFile spool) {
        Map<TopicPartition, Map<Long, Entry>> wanted = new HashMap<>();
        Map<TopicPartition, Long> from = new HashMap<>();
        Map<TopicPartition, Long> until = new HashMap<>();
        for (Entry entry : entries) {
            wanted.computeIfAbsent(entry.partition, p -> new HashMap<>()).put(entry.offset, entry);
            from.merge(entry.partition, entry.offset, Math::min);
            until.merge(entry.partition, entry.offset + 1, Math::max);
        }
        Map<TopicPartition, Long> ends = reader.ends(existing(wanted.keySet()));
        from.keySet().retainAll(ends.keySet());
        Map<TopicPartition, Long> beginnings = reader.beginnings(from.keySet());
        from.replaceAll((partition, offset) -> Math.max(offset, beginnings.getOrDefault(partition, 0L)));
        until.replaceAll((partition, offset) -> Math.min(offset, ends.getOrDefault(partition, 0L)));
        reader.read(from, until, record -> {
            Entry entry = wanted.getOrDefault(new TopicPartition(record.topic(), record.partition()), Map.of())
                    .get(record.offset());
            if (entry != null && record.value() != null) {
                preference(entry, record, spool);
            }
            return true;
        });
    }

    private Set<TopicPartition> existing(Set<TopicPartition> partitions) {
        Set<TopicPartition> existing = new HashSet<>(reader.partitions(Topics.PREFERENCES));
        existing.retainAll(partitions);
        return existing;
    }

    private void preference(Entry entry, ConsumerRecord<byte[], byte[]> record, RandomAccessFile spool) {
        try {
            PreferenceSet set = EventJson.read(record.value(), PreferenceSet.class);
            if (!set.taskId().equals(entry.taskId)) {
                return;
            }
            byte[] line = EventJson.write(entry.line(set));
            if (!isLike(entry, line)) {
                // Written before a field was added: as the record has it.
                line = spliced(entry, record.value());
            }
            if (isLike(entry, line)) {
                keep(entry, line, spool);
                fromPreferences++;
            }
        } catch (InvalidEventException e) {
            // Not what the round read; the rankings may tell.
            entry.at = -1;
        }
    }

    /** The line around the record's own bytes; fields of a line are sorted by name. */
    private static byte[] spliced(Entry entry, byte[] set) {
        return ("{\"heldOut\":" + entry.heldOut + ",\"offset\":" + entry.offset + ",\"partition\":"
                        + entry.partition.partition() + ",\"set\":" + new String(set, UTF_8) + ",\"topic\":\""
                        + entry.partition.topic() + "\"}")
                .getBytes(UTF_8);
    }

    // ---- from the facts behind them

    private void fromRankings(RandomAccessFile spool) throws IOException {
        if (missing.isEmpty()) {
            return;
        }
        Map<String, List<Task>> tasks = tasks();
        Map<String, List<Fact>> facts = facts();
        Map<String, Map<String, Double>> reliabilities = reliabilities();
        for (Entry entry : List.copyOf(missing.values())) {
            List<Fact> played = facts.getOrDefault(entry.taskId, List.of());
            Optional<byte[]> line = Optional.empty();
            for (Task task : tasks.getOrDefault(entry.taskId, List.of()).reversed()) {
                line = line.or(() -> play(entry, task, played, reliabilities.getOrDefault(entry.taskId, Map.of())));
            }
            if (line.isPresent()) {
                keep(entry, line.get(), spool);
                fromRankings++;
            } else if (unlike.size() < MOST_NAMED) {
                unlike.add(
                        new Unlike(
                                entry.taskId,
                                !tasks.containsKey(entry.taskId)
                                        ? "its record is compacted away, and the task is not in " + Topics.TASKS
                                        : "its record is compacted away, and its " + played.size()
                                                + " rankings do not give the set again; were its project's rules changed since?"));
            }
        }
    }

    /** One ranking or retraction with its place in the log. */
    private record Fact(RankingEvent event, int partition, long offset) {}

    /** Plays the facts in their order; the set that the round read was one of those that come out. */
    private static Optional<byte[]> play(Entry entry, Task task, List<Fact> facts, Map<String, Double> reliabilityOf) {
        Map<String, HeldRanking> held = new TreeMap<>();
        for (Fact fact : facts) {
            held.merge(
                    fact.event().labelerId(),
                    HeldRanking.of(fact.event(), fact.partition(), fact.offset()),
                    HeldRanking::and);
            byte[] line = EventJson.write(entry.line(PreferenceAggregation.aggregate(
                    task, held.values(), labeler -> reliabilityOf.getOrDefault(labeler, 1.0))));
            if (isLike(entry, line)) {
                return Optional.of(line);
            }
        }
        return Optional.empty();
    }

    private Map<String, List<Task>> tasks() {
        Map<String, List<Task>> tasks = new HashMap<>();
        reader.readAll(partitionsOfMissing(Topics.TASKS), record -> {
            String key = key(record);
            if (missing.containsKey(key) && record.value() != null) {
                read(record.value(), Task.class)
                        .ifPresent(task -> tasks.computeIfAbsent(key, k -> new ArrayList<>())
                                .add(task));
            }
            return true;
        });
        return tasks;
    }

    private Map<String, List<Fact>> facts() {
        Map<String, List<Fact>> facts = new HashMap<>();
        reader.readAll(partitionsOfMissing(Topics.RANKINGS), record -> {
            String key = key(record);
            if (missing.containsKey(key) && record.value() != null) {
                read(record.value(), RankingEvent.class)
                        .ifPresent(event -> facts.computeIfAbsent(key, k -> new ArrayList<>())
                                .add(new Fact(event, record.partition(), record.offset())));
            }
            return true;
        });
        return facts;
    }

    private Set<TopicPartition> partitionsOfMissing(String topic) {
        Set<TopicPartition> partitions = new HashSet<>();
        missing.keySet().forEach(task -> partitions.add(reader.partitionOf(topic, task.getBytes(UTF_8))));
        return partitions;
    }

    /** The weights that the votes had are part of the lineage, not of the rankings. */
    private Map<String, Map<String, Double>> reliabilities() throws IOException {
        Map<String, Map<String, Double>> all = new HashMap<>();
        try (BufferedReader in = Files.newBufferedReader(stored)) {
            for (String text = in.readLine(); text != null; text = in.readLine()) {
                DataSetLine line = parse(text.getBytes(UTF_8));
                if (missing.containsKey(line.set().taskId())) {
                    Map<String, Double> weights = new HashMap<>();
                    for (RankingUsed used : line.set().rankings()) {
                        weights.put(used.labelerId(), used.reliability());
                    }
                    all.put(line.set().taskId(), weights);
                }
            }
        }
        return all;
    }

    // ---- the file

    private static boolean isLike(Entry entry, byte[] line) {
        return Arrays.equals(entry.sha256, sha256().digest(line));
    }

    private void keep(Entry entry, byte[] line, RandomAccessFile spool) {
        try {
            entry.at = spool.length();
            entry.bytes = line.length;
            spool.seek(entry.at);
            spool.write(line);
            missing.remove(entry.taskId);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Report write(RandomAccessFile spool, Path target) throws IOException {
        MessageDigest digest = sha256();
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(target))) {
            for (Entry entry : entries) {
                if (entry.at >= 0) {
                    byte[] line = new byte[entry.bytes + 1];
                    spool.seek(entry.at);
                    spool.readFully(line, 0, entry.bytes);
                    line[entry.bytes] = '\n';
                    digest.update(line);
                    out.write(line);
                }
            }
        }
        return new Report(
                HexFormat.of().formatHex(digest.digest()), entries.size(), fromPreferences, fromRankings, unlike);
    }

    private static String key(ConsumerRecord<byte[], byte[]> record) {
        return record.key() == null ? "" : new String(record.key(), UTF_8);
    }

    private static <T> Optional<T> read(byte[] value, Class<T> type) {
        try {
            return Optional.of(EventJson.read(value, type));
        } catch (InvalidEventException e) {
            // ranking-stream left it out as well.
            return Optional.empty();
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
