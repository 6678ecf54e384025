package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.LabelerStatistics;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import dev.podium.contracts.preference.DistinctOutputs;
import dev.podium.contracts.preference.HeldRanking;
import dev.podium.contracts.preference.PreferenceAggregation;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.TreeSet;
import java.util.UUID;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.jspecify.annotations.Nullable;

/** Holds each task's state, and publishes its preference set whenever the set has changed. */
final class TaskProcessor implements Processor<byte[], byte[], byte[], byte[]> {
    /** Labelers on one task; each is named in the preference set, which must fit in a record. */
    static final int MAX_LABELERS = 1000;

    // In one transaction.
    private static final int MOST_GIVEN_UP = 1000;

    /** Every labeler counts alike; see ADR 0012. */
    static final double RELIABILITY = 1.0;

    private final Duration parkTime;
    private final StreamMetrics metrics;
    private @Nullable ProcessorContext<byte[], byte[]> context;
    private @Nullable TaskStore tasks;
    private @Nullable ParkingLot parking;

    TaskProcessor(Duration parkTime, StreamMetrics metrics) {
        this.parkTime = parkTime;
        this.metrics = metrics;
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> newContext) {
        context = newContext;
        tasks = new TaskStore(
                newContext.getStateStore(RankingTopology.TASKS), newContext.getStateStore(RankingTopology.RANKINGS));
        parking = new ParkingLot(newContext.getStateStore(RankingTopology.PARKED));
        long lookMillis = Math.clamp(parkTime.toMillis() / 20, 100, 30_000);
        newContext.schedule(Duration.ofMillis(lookMillis), PunctuationType.WALL_CLOCK_TIME, this::giveUpParked);
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
        Task task = RecordParser.task(record);
        TaskState before = tasks().read(task.taskId());
        if (before.task().isPresent()) {
            RecordParser.requireSameTask(before.task().get(), task);
        }
        TaskState after = before.with(task);
        for (ParkingLot.Parked waiting : parking().take(task.taskId())) {
            try {
                after = withRanking(
                        after, RecordParser.ranking(waiting.record()), waiting.partition(), waiting.offset());
            } catch (RejectedRecord e) {
                deadLetter(waiting.record(), e, Topics.RANKINGS, waiting.partition(), waiting.offset());
            }
        }
        update(before, after, record);
    }

    private void ranking(Record<byte[], byte[]> record, RecordMetadata origin) throws RejectedRecord {
        RankingEvent event = RecordParser.ranking(record);
        TaskState before = tasks().read(event.taskId());
        if (before.task().isEmpty()) {
            metrics.parked();
            parking()
                    .park(
                            event.taskId(),
                            record,
                            origin.partition(),
                            origin.offset(),
                            context().currentSystemTimeMs());
            return;
        }
        update(before, withRanking(before, event, origin.partition(), origin.offset()), record);
    }

    private static TaskState withRanking(TaskState state, RankingEvent event, int partition, long offset)
            throws RejectedRecord {
        RecordParser.requireFits(event, state.task().orElseThrow());
        if (state.byLabeler().size() >= MAX_LABELERS && !state.byLabeler().containsKey(event.labelerId())) {
            throw new RejectedRecord("too_many_labelers", "a task takes rankings of " + MAX_LABELERS + " labelers");
        }
        return state.with(HeldRanking.of(event, partition, offset));
    }

    /** Stores what is new and publishes what follows from it; a repeated fact changes nothing and publishes nothing. */
    private void update(TaskState before, TaskState after, Record<byte[], byte[]> cause) {
        if (after.equals(before)) {
            metrics.repeated();
            return;
        }
        metrics.applied();
        tasks().write(before, after);
        if (after.byLabeler().isEmpty()) {
            return;
        }
        PreferenceSet set = aggregate(after);
        boolean hadSet = before.task().isPresent() && !before.byLabeler().isEmpty();
        Optional<PreferenceSet> earlier = hadSet ? Optional.of(aggregate(before)) : Optional.empty();
        if (!Optional.of(set).equals(earlier)) {
            byte[] value = EventJson.write(set);
            RecordHeaders headers = headers(set, set.taskId(), set.updatedAt(), value, cause.headers());
            context()
                    .forward(
                            new Record<>(set.taskId().getBytes(UTF_8), value, cause.timestamp(), headers),
                            RankingTopology.PREFERENCES_SINK);
        }
        shares(before, earlier, after, set, cause);
    }

    private static PreferenceSet aggregate(TaskState state) {
        return PreferenceAggregation.aggregate(
                state.task().orElseThrow(), state.byLabeler().values(), labeler -> RELIABILITY);
    }

    private void shares(
            TaskState before,
            Optional<PreferenceSet> earlier,
            TaskState after,
            PreferenceSet set,
            Record<byte[], byte[]> cause) {
        DistinctOutputs outputs = DistinctOutputs.of(after.task().orElseThrow());
        for (String labeler : new TreeSet<>(after.byLabeler().keySet())) {
            LabelerShare share =
                    LabelerShare.of(requireNonNull(after.byLabeler().get(labeler)), set, outputs);
            HeldRanking held = before.byLabeler().get(labeler);
            if (held != null && earlier.isPresent()) {
                share = share.minus(LabelerShare.of(
                        held, earlier.get(), DistinctOutputs.of(before.task().orElseThrow())));
            }
            if (!share.isNothing()) {
                byte[] key = LabelerStatistics.key(set.projectId(), labeler).getBytes(UTF_8);
                RecordHeaders headers = new RecordHeaders();
                CloudEvents.text(cause.headers(), CloudEvents.TRACE_PARENT)
                        .ifPresent(trace -> headers.add(CloudEvents.TRACE_PARENT, trace.getBytes(UTF_8)));
                context()
                        .forward(
                                new Record<>(key, EventJson.write(share), cause.timestamp(), headers),
                                RankingTopology.SHARES_SINK);
            }
        }
    }

    private void giveUpParked(long nowMillis) {
        for (ParkingLot.Parked waiting : parking().takeOlder(nowMillis - parkTime.toMillis(), MOST_GIVEN_UP)) {
            deadLetter(
                    waiting.record(),
                    new RejectedRecord(
                            "unknown_task",
                            "no task " + waiting.taskId() + " came within " + parkTime
                                    + "; publish it, then replay this ranking"),
                    Topics.RANKINGS,
                    waiting.partition(),
                    waiting.offset());
        }
    }

    private void deadLetter(
            Record<byte[], byte[]> record, RejectedRecord why, String topic, int partition, long offset) {
        metrics.rejected(why.reason());
        context().forward(DeadLetters.of(record, why, topic, partition, offset), RankingTopology.DEAD_LETTERS_SINK);
    }

    /** The event id is a hash of the value: the same set has the same id, whichever attempt publishes it. */
    static RecordHeaders headers(Object event, String subject, Instant at, byte[] value, Headers cause) {
        return CloudEvents.headers(
                UUID.nameUUIDFromBytes(value).toString(),
                "/ranking-stream",
                CloudEvents.type(event),
                subject,
                at,
                CloudEvents.text(cause, CloudEvents.TRACE_PARENT).orElse(null));
    }

    private ProcessorContext<byte[], byte[]> context() {
        return requireNonNull(context);
    }

    private TaskStore tasks() {
        return requireNonNull(tasks);
    }

    private ParkingLot parking() {
        return requireNonNull(parking);
    }
}
