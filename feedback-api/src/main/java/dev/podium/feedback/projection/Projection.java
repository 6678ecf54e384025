package dev.podium.feedback.projection;

import dev.podium.contracts.AdapterLoad;
import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.LabelerStatistics;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.SampleSet;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.task.Tasks;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.transaction.Transactional;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.jboss.logging.Logger;

/** Writes what a record says into its table, and how far the topic was read, in one transaction. */
@Singleton
class Projection {
    static final List<String> TOPICS = List.of(
            Topics.PREFERENCES,
            Topics.ROUND_EVENTS,
            Topics.ADAPTERS,
            Topics.ADAPTER_LOADS,
            Topics.LABELERS,
            Topics.SAMPLES);

    private static final Logger LOG = Logger.getLogger(Projection.class);
    private static final long PROJECTION_LOCK = 0x70726f6a656374L;

    private final EntityManager entities;
    private final Tasks tasks;

    Projection(EntityManager entities, Tasks tasks) {
        this.entities = entities;
        this.tasks = tasks;
    }

    /** How far each partition was read. */
    @Transactional
    Map<TopicPartition, Long> positions() {
        Map<TopicPartition, Long> positions = new HashMap<>();
        for (Object row : entities.createNativeQuery("select topic, partition, next_offset from projection_position")
                .getResultList()) {
            Object[] values = (Object[]) row;
            positions.put(
                    new TopicPartition((String) values[0], ((Number) values[1]).intValue()),
                    ((Number) values[2]).longValue());
        }
        return positions;
    }

    /** Begins a partition anew, where its topic is not the one that was read. */
    @Transactional
    void forget(TopicPartition partition) {
        entities.createNativeQuery("delete from projection_position where topic = :t and partition = :p")
                .setParameter("t", partition.topic())
                .setParameter("p", partition.partition())
                .executeUpdate();
    }

    /** Applies what no instance has applied yet. Of several instances one writes at a time, and none goes back. */
    @Transactional
    void apply(Iterable<ConsumerRecord<byte[], byte[]>> records) {
        oneAtATime();
        Map<TopicPartition, Long> before = positions();
        Map<TopicPartition, Long> positions = new LinkedHashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : records) {
            TopicPartition partition = new TopicPartition(record.topic(), record.partition());
            if (record.offset() < before.getOrDefault(partition, 0L)) {
                continue;
            }
            positions.put(partition, record.offset() + 1);
            try {
                applyOne(record);
            } catch (InvalidEventException e) {
                // The writers of these topics are ours. What cannot be read is shown nowhere, and nothing stops.
                LOG.error(skipped(record, e));
            }
        }
        move(positions);
    }

    /** Goes on behind a record that can never be applied. */
    @Transactional
    void skip(ConsumerRecord<byte[], byte[]> record, RuntimeException reason) {
        LOG.error(skipped(record, reason));
        oneAtATime();
        TopicPartition partition = new TopicPartition(record.topic(), record.partition());
        if (positions().getOrDefault(partition, 0L) <= record.offset()) {
            move(Map.of(partition, record.offset() + 1));
        }
    }

    private static String skipped(ConsumerRecord<byte[], byte[]> record, Exception reason) {
        return record.topic() + "[" + record.partition() + "]@" + record.offset() + " is skipped: "
                + reason.getMessage();
    }

    private void oneAtATime() {
        entities.createNativeQuery("select cast(pg_advisory_xact_lock(:lock) as text)", String.class)
                .setParameter("lock", PROJECTION_LOCK)
                .getSingleResult();
    }

    private void move(Map<TopicPartition, Long> positions) {
        positions.forEach((partition, next) -> entities.createNativeQuery(
                        "insert into projection_position (topic, partition, next_offset) values (:t, :p, :n)"
                                + " on conflict (topic, partition) do update set next_offset = excluded.next_offset")
                .setParameter("t", partition.topic())
                .setParameter("p", partition.partition())
                .setParameter("n", next)
                .executeUpdate());
    }

    private void applyOne(ConsumerRecord<byte[], byte[]> record) throws InvalidEventException {
        if (record.value() == null) {
            tombstone(record);
            return;
        }
        String body = new String(record.value(), StandardCharsets.UTF_8);
        switch (record.topic()) {
            case Topics.PREFERENCES -> preference(EventJson.read(record.value(), PreferenceSet.class), body);
            case Topics.ROUND_EVENTS -> roundEvent(record, EventJson.read(record.value(), RoundEvent.class), body);
            case Topics.ADAPTERS -> adapter(EventJson.read(record.value(), AdapterManifest.class), body);
            case Topics.ADAPTER_LOADS -> load(EventJson.read(record.value(), AdapterLoad.class), body);
            case Topics.LABELERS -> labeler(EventJson.read(record.value(), LabelerStatistics.class), body);
            case Topics.SAMPLES -> sample(EventJson.read(record.value(), SampleSet.class));
            default -> throw new IllegalStateException("no projection of " + record.topic());
        }
    }

    private void tombstone(ConsumerRecord<byte[], byte[]> record) throws InvalidEventException {
        if (record.key() == null) {
            throw new InvalidEventException("it has neither key nor value", null);
        }
        String key = new String(record.key(), StandardCharsets.UTF_8);
        switch (record.topic()) {
            case Topics.PREFERENCES ->
                entities.createNativeQuery("delete from preference where task_id = :k")
                        .setParameter("k", key)
                        .executeUpdate();
            case Topics.ADAPTER_LOADS ->
                entities.createNativeQuery("delete from adapter_load where instance_id = :k")
                        .setParameter("k", key)
                        .executeUpdate();
            default -> LOG.debugf("a tombstone in %s for %s", record.topic(), key);
        }
    }

    private void preference(PreferenceSet set, String body) {
        entities.createNativeQuery("insert into preference"
                        + " (task_id, project_id, pairs, ties, rankings, decided, decided_since, body)"
                        + " values (:t, :p, :pairs, :ties, :rankings, :decided,"
                        + " case when :decided then cast(:at as timestamptz) end, :body)"
                        + " on conflict (task_id) do update set pairs = excluded.pairs, ties = excluded.ties,"
                        + " rankings = excluded.rankings, decided = excluded.decided, body = excluded.body,"
                        // A correction of what was decided before is nothing new.
                        + " decided_since = case when preference.decided and excluded.decided"
                        + " then preference.decided_since else excluded.decided_since end")
                .setParameter("at", set.updatedAt())
                .setParameter("t", set.taskId())
                .setParameter("p", set.projectId())
                .setParameter("pairs", set.pairs().size())
                .setParameter("ties", set.ties().size())
                .setParameter("rankings", set.rankings().size())
                .setParameter("decided", set.decided())
                .setParameter("body", body)
                .executeUpdate();
    }

    private void roundEvent(ConsumerRecord<byte[], byte[]> record, RoundEvent event, String body) {
        entities.createNativeQuery("insert into round_event (partition, \"offset\", round_id, type, body)"
                        + " values (:p, :o, :r, :t, :b) on conflict do nothing")
                .setParameter("p", record.partition())
                .setParameter("o", record.offset())
                .setParameter("r", event.roundId())
                .setParameter("t", event.getClass().getSimpleName())
                .setParameter("b", body)
                .executeUpdate();
    }

    private void adapter(AdapterManifest manifest, String body) {
        // A version is immutable: the first manifest counts.
        entities.createNativeQuery("insert into adapter (project_id, version, kind, created_at, body)"
                        + " values (:p, :v, :k, :c, :b) on conflict do nothing")
                .setParameter("p", manifest.projectId())
                .setParameter("v", manifest.version())
                .setParameter("k", manifest.kind().name())
                .setParameter("c", manifest.createdAt())
                .setParameter("b", body)
                .executeUpdate();
    }

    private void load(AdapterLoad load, String body) {
        entities.createNativeQuery(
                        "insert into adapter_load (instance_id, project_id, body) values (:i, :p, :b) on conflict"
                                + " (instance_id) do update set project_id = excluded.project_id, body = excluded.body")
                .setParameter("i", load.instanceId())
                .setParameter("p", load.projectId())
                .setParameter("b", body)
                .executeUpdate();
    }

    private void labeler(LabelerStatistics statistics, String body) {
        entities.createNativeQuery("insert into labeler_statistics (project_id, labeler, body) values (:p, :l, :b)"
                        + " on conflict (project_id, labeler) do update set body = excluded.body")
                .setParameter("p", statistics.projectId())
                .setParameter("l", statistics.labelerId())
                .setParameter("b", body)
                .executeUpdate();
    }

    /** A sampled prompt becomes a task; its id follows from round and index, so a repeat is harmless. */
    private void sample(SampleSet set) throws InvalidEventException {
        Project project = Project.findById(set.projectId());
        if (project == null) {
            throw new InvalidEventException("it is of project " + set.projectId() + ", which is not there", null);
        }
        String id = UUID.nameUUIDFromBytes((set.roundId() + "/" + set.index()).getBytes(StandardCharsets.UTF_8))
                .toString();
        try {
            tasks.add(new Task(
                    set.projectId(),
                    id,
                    set.prompt(),
                    set.outputs(),
                    project.rules(),
                    Optional.of(project.baseModel),
                    Optional.of(set.roundId()),
                    set.at(),
                    set.group(),
                    set.selection()));
        } catch (IllegalArgumentException | Refusal e) {
            throw new InvalidEventException("no task can be made of it: " + e.getMessage(), e);
        }
    }
}
