package dev.podium.feedback.projection;

import dev.podium.contracts.AdapterLoad;
import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.LabelerStatistics;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.SampleSet;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import dev.podium.contracts.adapter.SigningKey;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.rest.UncheckedSqlException;
import dev.podium.feedback.security.ErasedNames;
import dev.podium.feedback.task.Tasks;
import dev.podium.feedback.task.Urgencies;
import io.agroal.api.AgroalDataSource;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.transaction.Transactional;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.ZoneOffset;
import java.util.Collection;
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
    private final AgroalDataSource database;
    private final Tasks tasks;
    private final Urgencies urgencies;
    private final ErasedNames erased;

    Projection(
            EntityManager entities, AgroalDataSource database, Tasks tasks, Urgencies urgencies, ErasedNames erased) {
        this.entities = entities;
        this.database = database;
        this.urgencies = urgencies;
        this.tasks = tasks;
        this.erased = erased;
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
        Newest newest = new Newest();
        for (ConsumerRecord<byte[], byte[]> record : records) {
            TopicPartition partition = new TopicPartition(record.topic(), record.partition());
            if (record.offset() < before.getOrDefault(partition, 0L)) {
                continue;
            }
            positions.put(partition, record.offset() + 1);
            try {
                applyOne(record, newest);
            } catch (InvalidEventException e) {
                // The writers of these topics are ours. What cannot be read is shown nowhere, and nothing stops.
                LOG.error(skipped(record, e));
            }
        }
        preferences(newest.sets.values());
        labelers(newest.labelers.values());
        move(positions);
    }

    /** Of what a batch says of one key again and again only the last word is written, and all in one statement. */
    private static final class Newest {
        private final Map<String, Said<PreferenceSet>> sets = new LinkedHashMap<>();
        private final Map<String, Said<LabelerStatistics>> labelers = new LinkedHashMap<>();
    }

    /** An event and its JSON. */
    private record Said<T>(T event, String body) {}

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

    /** All before these positions is applied, by whichever instance. */
    @Transactional
    void reached(Map<TopicPartition, Long> positions) {
        oneAtATime();
        move(positions);
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
                                + " on conflict (topic, partition) do update set next_offset = excluded.next_offset"
                                + " where projection_position.next_offset < excluded.next_offset")
                .setParameter("t", partition.topic())
                .setParameter("p", partition.partition())
                .setParameter("n", next)
                .executeUpdate());
    }

    private void applyOne(ConsumerRecord<byte[], byte[]> record, Newest newest) throws InvalidEventException {
        if (record.value() == null) {
            tombstone(record);
            if (record.topic().equals(Topics.PREFERENCES)) {
                newest.sets.remove(new String(record.key(), StandardCharsets.UTF_8));
            }
            return;
        }
        String body = new String(record.value(), StandardCharsets.UTF_8);
        switch (record.topic()) {
            case Topics.PREFERENCES -> {
                PreferenceSet set = EventJson.read(record.value(), PreferenceSet.class);
                newest.sets.put(set.taskId(), new Said<>(set, body));
            }
            case Topics.ROUND_EVENTS -> roundEvent(record, EventJson.read(record.value(), RoundEvent.class), body);
            case Topics.ADAPTERS -> adapter(record, EventJson.read(record.value(), AdapterManifest.class), body);
            case Topics.ADAPTER_LOADS -> load(EventJson.read(record.value(), AdapterLoad.class), body);
            case Topics.LABELERS -> {
                LabelerStatistics figures = EventJson.read(record.value(), LabelerStatistics.class);
                newest.labelers.put(
                        LabelerStatistics.key(figures.projectId(), figures.labelerId()), new Said<>(figures, body));
            }
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

    private void preferences(Collection<Said<PreferenceSet>> sets) {
        if (sets.isEmpty()) {
            return;
        }
        try (Connection connection = database.getConnection();
                PreparedStatement insert = connection.prepareStatement(
                        "insert into preference (task_id, project_id, pairs, ties, rankings, decided, decided_since,"
                                + " contested, body)"
                                + " values (?, ?, ?, ?, ?, ?, case when ? then cast(? as timestamptz) end, ?, ?)"
                                + " on conflict (task_id) do update set pairs = excluded.pairs, ties = excluded.ties,"
                                + " rankings = excluded.rankings, decided = excluded.decided,"
                                + " contested = excluded.contested, body = excluded.body,"
                                // A correction of what was decided before is nothing new.
                                + " decided_since = case when preference.decided and excluded.decided"
                                + " then preference.decided_since else excluded.decided_since end")) {
            for (Said<PreferenceSet> each : sets) {
                PreferenceSet set = each.event();
                insert.setString(1, set.taskId());
                insert.setString(2, set.projectId());
                insert.setInt(3, set.pairs().size());
                insert.setInt(4, set.ties().size());
                insert.setInt(5, set.rankings().size());
                insert.setBoolean(6, set.decided());
                insert.setBoolean(7, set.decided());
                insert.setObject(8, set.updatedAt().atOffset(ZoneOffset.UTC));
                insert.setBoolean(9, isContested(set));
                insert.setString(10, each.body());
                insert.addBatch();
            }
            insert.executeBatch();
        } catch (SQLException e) {
            throw new UncheckedSqlException(e);
        }
        urgencies.update(sets.stream().map(Said::event).toList());
    }

    /** People contradict one another on some pair and the rules decide nothing, or majorities run in a cycle. */
    private static boolean isContested(PreferenceSet set) {
        return set.cycle() || set.ties().stream().anyMatch(tie -> tie.votesFirst() > 0 && tie.votesSecond() > 0);
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

    private void adapter(ConsumerRecord<byte[], byte[]> record, AdapterManifest manifest, String body) {
        // A version is immutable: the first manifest counts. The same one may come again with another signature.
        entities.createNativeQuery("insert into adapter (project_id, version, kind, created_at, body, signature)"
                        + " values (:p, :v, :k, :c, :b, nullif(:s, '')) on conflict (project_id, version) do update"
                        + " set signature = excluded.signature where adapter.body = excluded.body")
                .setParameter(
                        "s",
                        CloudEvents.text(record.headers(), SigningKey.HEADER).orElse(""))
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

    private void labelers(Collection<Said<LabelerStatistics>> labelers) {
        if (labelers.isEmpty()) {
            return;
        }
        try (Connection connection = database.getConnection();
                PreparedStatement insert = connection.prepareStatement(
                        "insert into labeler_statistics (project_id, labeler, body) values (?, ?, ?)"
                                + " on conflict (project_id, labeler) do update set body = excluded.body")) {
            for (Said<LabelerStatistics> each : labelers) {
                if (erased.contains(each.event().labelerId())) {
                    continue;
                }
                insert.setString(1, each.event().projectId());
                insert.setString(2, each.event().labelerId());
                insert.setString(3, each.body());
                insert.addBatch();
            }
            insert.executeBatch();
        } catch (SQLException e) {
            throw new UncheckedSqlException(e);
        }
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
