package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.DeadLetterHeaders;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.LabelerStatistics;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.jspecify.annotations.Nullable;

/** Holds each task's state, and publishes its preference set whenever the state has changed. */
final class TaskProcessor implements Processor<byte[], byte[], byte[], byte[]> {
    private static final Duration LOOK_AT_PARKED = Duration.ofSeconds(5);
    private static final double RELIABILITY = 1.0;

    private final Duration parkTime;
    private @Nullable ProcessorContext<byte[], byte[]> context;
    private @Nullable KeyValueStore<String, byte[]> states;
    private @Nullable KeyValueStore<String, byte[]> parked;

    TaskProcessor(Duration parkTime) {
        this.parkTime = parkTime;
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> newContext) {
        context = newContext;
        states = newContext.getStateStore(RankingTopology.STATES);
        parked = newContext.getStateStore(RankingTopology.PARKED);
        newContext.schedule(LOOK_AT_PARKED, PunctuationType.WALL_CLOCK_TIME, this::giveUpParked);
    }

    private ProcessorContext<byte[], byte[]> context() {
        return java.util.Objects.requireNonNull(context);
    }

    private KeyValueStore<String, byte[]> states() {
        return java.util.Objects.requireNonNull(states);
    }

    private KeyValueStore<String, byte[]> parked() {
        return java.util.Objects.requireNonNull(parked);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        RecordMetadata origin = context().recordMetadata().orElseThrow();
        try {
            if (origin.topic().equals(Topics.TASKS)) {
                task(record);
            } else {
                ranking(record, origin);
            }
        } catch (RejectedRecord e) {
            deadLetter(record, e, origin.topic(), origin.partition(), origin.offset());
        }
    }

    private void task(Record<byte[], byte[]> record) throws RejectedRecord {
        Task task = RecordParser.parse(record.key(), record.value(), record.headers(), Task.class);
        RecordParser.requireKey(record.key(), task.taskId());
        TaskState before = state(task.taskId());
        TaskState after = before.with(task);
        for (ParkedRankings.Parked waiting : takeParked(task.taskId())) {
            byte[] value = waiting.value().getBytes(UTF_8);
            try {
                RankingEvent event = EventJson.read(value, RankingEvent.class);
                RecordParser.requireFits(event, task);
                after = after.with(new HeldRanking(event, waiting.partition(), waiting.offset()));
            } catch (InvalidEventException e) {
                throw new IllegalStateException("a parked ranking cannot be read any more", e);
            } catch (RejectedRecord e) {
                deadLetter(
                        new Record<>(record.key(), value, record.timestamp()),
                        e,
                        Topics.RANKINGS,
                        waiting.partition(),
                        waiting.offset());
            }
        }
        update(before, after, record.timestamp());
    }

    private void ranking(Record<byte[], byte[]> record, RecordMetadata origin) throws RejectedRecord {
        RankingEvent event = RecordParser.parse(record.key(), record.value(), record.headers(), RankingEvent.class);
        RecordParser.requireKey(record.key(), event.taskId());
        TaskState before = state(event.taskId());
        if (before.task().isEmpty()) {
            park(record, event.taskId(), origin);
            return;
        }
        RecordParser.requireFits(event, before.task().get());
        update(before, before.with(new HeldRanking(event, origin.partition(), origin.offset())), record.timestamp());
    }

    private TaskState state(String taskId) {
        byte[] bytes = states().get(taskId);
        if (bytes == null) {
            return TaskState.EMPTY;
        }
        try {
            return EventJson.read(bytes, TaskState.class);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("the state of task " + taskId + " cannot be read", e);
        }
    }

    /** Stores what is new and publishes what follows from it; a repeated fact changes nothing and publishes nothing. */
    private void update(TaskState before, TaskState after, long timestamp) {
        if (after.equals(before)) {
            return;
        }
        Task task = after.task().orElseThrow();
        states().put(task.taskId(), EventJson.write(after));
        if (after.byLabeler().isEmpty()) {
            return;
        }
        PreferenceSet set = aggregate(after);
        byte[] value = EventJson.write(set);
        context()
                .forward(
                        new Record<>(
                                task.taskId().getBytes(UTF_8),
                                value,
                                timestamp,
                                headers(set, task.taskId(), set.updatedAt(), value)),
                        RankingTopology.PREFERENCES_SINK);
        shares(before, after, set, timestamp);
    }

    private static PreferenceSet aggregate(TaskState state) {
        return PreferenceAggregation.aggregate(
                state.task().orElseThrow(), state.byLabeler().values(), labeler -> RELIABILITY);
    }

    private void shares(TaskState before, TaskState after, PreferenceSet set, long timestamp) {
        boolean hadSet = before.task().isPresent() && !before.byLabeler().isEmpty();
        @Nullable PreferenceSet earlier = hadSet ? aggregate(before) : null;
        Set<String> labelers = new TreeSet<>(after.byLabeler().keySet());
        for (String labeler : labelers) {
            HeldRanking now = java.util.Objects.requireNonNull(after.byLabeler().get(labeler));
            HeldRanking then = before.byLabeler().get(labeler);
            LabelerShare newShare = LabelerShare.of(now, set);
            LabelerShare oldShare =
                    then == null || earlier == null ? LabelerShare.NONE : LabelerShare.of(then, earlier);
            LabelerShare difference = newShare.minus(oldShare);
            if (!difference.isNothing()) {
                context()
                        .forward(
                                new Record<>(
                                        LabelerStatistics.key(set.projectId(), labeler)
                                                .getBytes(UTF_8),
                                        EventJson.write(difference),
                                        timestamp),
                                RankingTopology.SHARES_SINK);
            }
        }
    }

    // ---- rankings that came before their task

    private void park(Record<byte[], byte[]> record, String taskId, RecordMetadata origin) {
        List<ParkedRankings.Parked> all = new ArrayList<>(parkedOf(taskId));
        all.add(new ParkedRankings.Parked(
                new String(record.value(), UTF_8),
                origin.partition(),
                origin.offset(),
                context().currentSystemTimeMs()));
        parked().put(taskId, EventJson.write(new ParkedRankings(all)));
    }

    private List<ParkedRankings.Parked> parkedOf(String taskId) {
        return parked(parked().get(taskId));
    }

    private static List<ParkedRankings.Parked> parked(byte @Nullable [] bytes) {
        if (bytes == null) {
            return List.of();
        }
        try {
            return EventJson.read(bytes, ParkedRankings.class).records();
        } catch (InvalidEventException e) {
            throw new IllegalStateException("parked rankings cannot be read", e);
        }
    }

    private List<ParkedRankings.Parked> takeParked(String taskId) {
        List<ParkedRankings.Parked> all = parkedOf(taskId);
        if (!all.isEmpty()) {
            parked().delete(taskId);
        }
        return all;
    }

    private void giveUpParked(long nowMillis) {
        List<KeyValue<String, byte[]>> old = new ArrayList<>();
        try (KeyValueIterator<String, byte[]> all = parked().all()) {
            while (all.hasNext()) {
                KeyValue<String, byte[]> entry = all.next();
                boolean ripe =
                        parked(entry.value).stream().anyMatch(p -> nowMillis - p.sinceMillis() >= parkTime.toMillis());
                if (ripe) {
                    old.add(entry);
                }
            }
        }
        for (KeyValue<String, byte[]> entry : old) {
            parked().delete(entry.key);
            for (ParkedRankings.Parked waiting : parked(entry.value)) {
                deadLetter(
                        new Record<>(entry.key.getBytes(UTF_8), waiting.value().getBytes(UTF_8), nowMillis),
                        new RejectedRecord(
                                "unknown_task",
                                "no task " + entry.key + " came within " + parkTime
                                        + "; publish it, then replay this ranking"),
                        Topics.RANKINGS,
                        waiting.partition(),
                        waiting.offset());
            }
        }
    }

    // ---- records

    private void deadLetter(
            Record<byte[], byte[]> record, RejectedRecord why, String topic, int partition, long offset) {
        RecordHeaders headers = new RecordHeaders();
        record.headers().forEach(headers::add);
        add(headers, DeadLetterHeaders.REASON, why.reason());
        add(headers, DeadLetterHeaders.MESSAGE, String.valueOf(why.getMessage()));
        add(headers, DeadLetterHeaders.TOPIC, topic);
        add(headers, DeadLetterHeaders.PARTITION, Integer.toString(partition));
        add(headers, DeadLetterHeaders.OFFSET, Long.toString(offset));
        context().forward(record.withHeaders(headers), RankingTopology.DEAD_LETTERS_SINK);
    }

    private static void add(Headers headers, String name, String value) {
        headers.add(name, value.getBytes(UTF_8));
    }

    static RecordHeaders headers(Object event, String subject, Instant at, byte[] value) {
        byte[] named = Arrays.copyOf(value, value.length);
        return CloudEvents.headers(
                UUID.nameUUIDFromBytes(named).toString(),
                "/ranking-stream",
                CloudEvents.type(event),
                subject,
                at,
                null);
    }
}
