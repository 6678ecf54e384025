package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.LabelerStatistics;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.Task;
import dev.podium.contracts.TaskAdjudicated;
import dev.podium.contracts.Topics;
import dev.podium.contracts.preference.HeldAdjudication;
import dev.podium.contracts.preference.HeldRanking;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import java.util.function.LongSupplier;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.jspecify.annotations.Nullable;

/** Holds each task's state, and publishes its preference set soon after the set has changed. */
final class TaskProcessor implements Processor<byte[], byte[], byte[], byte[]> {
    /** Labelers on one task; each is named in the preference set, which must fit in a record. */
    static final int MAX_LABELERS = 1000;

    // In one transaction.
    private static final int MOST_GIVEN_UP = 1000;

    // Sets made anew in one go after a labeler's weight has changed, by number and by time; the others wait for the
    // next one, so that rankings are not kept waiting.
    private static final int MOST_WEIGHED_ANEW = 1000;
    private static final int WEIGHED_AT_ONCE = 50;
    private static final long WEIGH_AT_MOST_MILLIS = 50;
    private static final long WEIGH_ANEW_EVERY_MILLIS = 200;

    // Sets are published so often, and less often while many change: rankings of one task come near each other.
    static final Duration SETS_EVERY = Duration.ofMillis(20);
    private static final int FEW_SETS = 50;
    private static final long LONGEST_DUE_MILLIS = 250;
    // A record that was written longer ago is one of many that wait; until the next commit nobody misses its set.
    static final long BEHIND_MILLIS = 1_000;
    private static final int FEW_SETS_BEHIND = 5;
    // Of Kafka Streams where each record counts exactly once.
    private static final long DEFAULT_COMMIT_MILLIS = 100;

    private static final String SOURCE = "/ranking-stream";
    private static final String SET_TYPE = "dev.podium." + PreferenceSet.class.getSimpleName() + ".v1";

    private final Duration parkTime;
    private final StreamMetrics metrics;
    private final LongSupplier steadyMillis;
    private final SetBackClock clock;
    private final SetJson json = new SetJson();
    private @Nullable Instant lastUpdatedAt;
    private String lastUpdatedAtText = "";
    private @Nullable DueSets dueSets;
    private long lastSetsMillis;
    private boolean behind;
    private long commitEveryMillis = DEFAULT_COMMIT_MILLIS;
    private long startMillis;
    private @Nullable ProcessorContext<byte[], byte[]> context;
    private @Nullable LiveCommits commits;
    private @Nullable TaskStore tasks;
    private @Nullable ParkingLot parking;
    private @Nullable Reliabilities reliabilities;
    private @Nullable Survey survey;
    private long lastWeighedMillis;

    /**
     * @param parkTime how long a ranking waits for its task
     * @param steadyMillis a clock that never jumps
     */
    TaskProcessor(Duration parkTime, StreamMetrics metrics, LongSupplier steadyMillis) {
        this.parkTime = parkTime;
        this.metrics = metrics;
        this.steadyMillis = steadyMillis;
        this.clock = new SetBackClock(steadyMillis);
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> newContext) {
        UnfinishedState.begins(newContext);
        context = newContext;
        tasks = new TaskStore(
                newContext.getStateStore(RankingTopology.TASKS),
                newContext.getStateStore(RankingTopology.RANKINGS),
                newContext.getStateStore(RankingTopology.WEIGHTS),
                newContext.getStateStore(RankingTopology.DECISIONS));
        reliabilities = new Reliabilities(
                newContext.getStateStore(RankingTopology.RELIABILITIES),
                newContext.getStateStore(RankingTopology.TASKS_OF_LABELERS),
                newContext.getStateStore(RankingTopology.WEIGHED_ANEW));
        parking = new ParkingLot(newContext.getStateStore(RankingTopology.PARKED));
        survey = new Survey(tasks, newContext.getStateStore(RankingTopology.COUNTED), reliabilities, steadyMillis);
        dueSets = new DueSets(newContext.getStateStore(RankingTopology.PENDING));
        startMillis = steadyMillis.getAsLong();
        lastSetsMillis = startMillis;
        behind = false;
        commitEveryMillis = commitEveryMillis(newContext);
        commits = new LiveCommits(commitEveryMillis, steadyMillis);
        BeforeCommit beforeCommit = newContext.getStateStore(RankingTopology.BEFORE_COMMIT);
        beforeCommit.does(this::beforeCommit);
        newContext.schedule(SETS_EVERY, PunctuationType.WALL_CLOCK_TIME, nowMillis -> lookAtDue());
        lastWeighedMillis = startMillis;
        long lookMillis = Math.clamp(parkTime.toMillis() / 20, 100, 30_000);
        newContext.schedule(
                Duration.ofMillis(lookMillis), PunctuationType.WALL_CLOCK_TIME, nowMillis -> giveUpParked());
        newContext.schedule(
                Duration.ofMillis(WEIGH_ANEW_EVERY_MILLIS),
                PunctuationType.WALL_CLOCK_TIME,
                nowMillis -> weighAnew(nowMillis));
        newContext.schedule(
                Duration.ofMillis(Survey.EVERY_MILLIS), PunctuationType.WALL_CLOCK_TIME, nowMillis -> goOnSurveying());
    }

    /** Kafka Streams' interval of commits. */
    static long commitEveryMillis(ProcessorContext<?, ?> context) {
        Object interval = context.appConfigs().get(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG);
        return interval == null ? DEFAULT_COMMIT_MILLIS : Long.parseLong(interval.toString());
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        commits().changed();
        if (survey().isDue()) {
            goOnSurveying();
        }
        if (clock.wantsCommit(context().currentSystemTimeMs())) {
            context().commit();
        }
        // Punctuation goes by the wall clock, which may go back for an hour.
        if (steadyMillis.getAsLong() - lastWeighedMillis >= 2 * WEIGH_ANEW_EVERY_MILLIS) {
            weighAnew(record.timestamp());
        }
        behind = context().currentSystemTimeMs() - record.timestamp() > BEHIND_MILLIS;
        if (dueSets().size() > 0) {
            long nowMillis = steadyMillis.getAsLong();
            if (nowMillis - lastSetsMillis >= 2 * longestDueMillis()) {
                publishDue(true);
            }
        }
        RecordMetadata origin = context().recordMetadata().orElseThrow();
        try {
            if (origin.topic().equals(Topics.TASKS)) {
                task(record);
            } else if (origin.topic().equals(Topics.RANKINGS)) {
                ranking(record, origin);
            } else if (origin.topic().equals(Topics.ADJUDICATIONS)) {
                decision(record, origin);
            } else {
                reliability(record);
            }
        } catch (RejectedRecord e) {
            deadLetter(record, e, origin.topic(), origin.partition(), origin.offset());
        }
        publishBeforeACommit();
    }

    /** A commit would keep a row of each set that is due. */
    private void publishBeforeACommit() {
        if (dueSets().size() > 0 && commits().isNear(behind)) {
            publishDue(true);
        }
    }

    private boolean areMany() {
        return dueSets().size() > (behind ? FEW_SETS_BEHIND : FEW_SETS);
    }

    private long longestDueMillis() {
        return behind ? commitEveryMillis : LONGEST_DUE_MILLIS;
    }

    private void lookAtDue() {
        publishDue(commits().isNear(behind));
        if (!behind && commits().wantsOne()) {
            context().commit();
        }
    }

    /** What is held in memory alone becomes rows of the transaction. */
    private void beforeCommit() {
        write();
        dueSets().keep();
        commits().begins();
    }

    private void write() {
        tasks().write();
        reliabilities().write();
    }

    private void task(Record<byte[], byte[]> record) throws RejectedRecord {
        Task task = RecordParser.task(record);
        TaskState before = tasks().read(task.taskId());
        if (before.known().isPresent()) {
            RecordParser.requireSameTask(before.known().get().task(), task);
        }
        TaskState after = before.with(task);
        for (ParkingLot.Parked waiting : parking().take(task.taskId())) {
            try {
                after = withWaiting(after, waiting);
            } catch (RejectedRecord e) {
                deadLetter(waiting.record(), e, waiting.origin(), waiting.partition(), waiting.offset());
            }
        }
        update(before, after, record);
    }

    private void ranking(Record<byte[], byte[]> record, RecordMetadata origin) throws RejectedRecord {
        RankingEvent event = RecordParser.ranking(record);
        TaskState before = tasks().read(event.taskId());
        if (before.known().isEmpty()) {
            park(event.taskId(), record, origin);
            return;
        }
        update(before, withRanking(before, event, origin.partition(), origin.offset()), record);
    }

    /** Somebody decides the task. */
    private void decision(Record<byte[], byte[]> record, RecordMetadata origin) throws RejectedRecord {
        TaskAdjudicated event = RecordParser.adjudication(record);
        TaskState before = tasks().read(event.taskId());
        if (before.known().isEmpty()) {
            park(event.taskId(), record, origin);
            return;
        }
        update(before, withDecision(before, event, origin.partition(), origin.offset()), record);
    }

    private void park(String taskId, Record<byte[], byte[]> record, RecordMetadata origin) {
        metrics.parked();
        parking().park(taskId, record, origin, steadyMillis.getAsLong());
    }

    /** A labeler's weight: from now on for what comes, and bit by bit for what is there. */
    private void reliability(Record<byte[], byte[]> record) throws RejectedRecord {
        if (reliabilities().take(RecordParser.reliability(record))) {
            metrics.applied();
            weighAnew(record.timestamp());
        } else {
            metrics.repeated();
        }
    }

    private void weighAnew(long timestamp) {
        if (!reliabilities().isComplete()) {
            // Nobody knows yet which tasks a labeler has ranked; the line waits.
            return;
        }
        long beganMillis = steadyMillis.getAsLong();
        for (int weighed = 0; weighed < MOST_WEIGHED_ANEW; ) {
            var some = reliabilities().takeDue(WEIGHED_AT_ONCE);
            for (Reliabilities.Due due : some) {
                TaskState before = tasks().look(due.taskId());
                TaskState after = before.weighing(due.labelerId(), due.weight());
                if (!after.saysTheSameAs(before)) {
                    update(before, after, new Record<>(due.taskId().getBytes(UTF_8), new byte[0], timestamp));
                }
            }
            if (!some.isEmpty()) {
                commits().changed();
            }
            weighed += some.size();
            if (some.size() < WEIGHED_AT_ONCE || steadyMillis.getAsLong() - beganMillis >= WEIGH_AT_MOST_MILLIS) {
                break;
            }
        }
        publishBeforeACommit();
        // From the end: rankings have the time between, however long it took.
        lastWeighedMillis = steadyMillis.getAsLong();
    }

    private TaskState withWaiting(TaskState state, ParkingLot.Parked waiting) throws RejectedRecord {
        return waiting.origin().equals(Topics.ADJUDICATIONS)
                ? withDecision(
                        state, RecordParser.adjudication(waiting.record()), waiting.partition(), waiting.offset())
                : withRanking(state, RecordParser.ranking(waiting.record()), waiting.partition(), waiting.offset());
    }

    private static TaskState withDecision(TaskState state, TaskAdjudicated event, int partition, long offset)
            throws RejectedRecord {
        RecordParser.requireFits(event, state.task().orElseThrow());
        return state.with(new HeldAdjudication(event, partition, offset));
    }

    private TaskState withRanking(TaskState state, RankingEvent event, int partition, long offset)
            throws RejectedRecord {
        RecordParser.requireFits(event, state.task().orElseThrow());
        if (state.byLabeler().size() >= MAX_LABELERS && !state.byLabeler().containsKey(event.labelerId())) {
            throw new RejectedRecord("too_many_labelers", "a task takes rankings of " + MAX_LABELERS + " labelers");
        }
        String labelerKey = LabelerStatistics.key(event.projectId(), event.labelerId());
        if (!state.byLabeler().containsKey(event.labelerId())) {
            reliabilities().ranked(labelerKey, event.taskId());
        }
        return state.with(HeldRanking.of(event, partition, offset))
                .weighing(event.labelerId(), reliabilities().of(labelerKey));
    }

    /** Stores what is new and publishes what follows from it; a repeated fact changes nothing and publishes nothing. */
    private void update(TaskState before, TaskState after, Record<byte[], byte[]> cause) {
        if (after.saysTheSameAs(before)) {
            metrics.repeated();
            return;
        }
        metrics.applied();
        tasks().change(before, after);
        String taskId = after.known().orElseThrow().taskId();
        dueSets().add(before, after, survey().hasCounted(taskId), cause.timestamp(), traceParent(cause));
        if (dueSets().isFull()) {
            publishDue(true);
        }
    }

    /** Makes known what has changed; while many tasks change they wait a little for each other. */
    private void publishDue(boolean now) {
        boolean wait = areMany() && steadyMillis.getAsLong() - lastSetsMillis < longestDueMillis();
        if (wait && !now) {
            return;
        }
        lastSetsMillis = steadyMillis.getAsLong();
        if (dueSets().size() > 0) {
            commits().changed();
        }
        write();
        Sums<LabelerShare> labelers = new Sums<>();
        Sums<ProjectShare> projects = new Sums<>();
        dueSets().takeLeftovers("labeler/", LabelerShare.class, labelers);
        dueSets().takeLeftovers("project/", ProjectShare.class, projects);
        for (DueSets.Due due : dueSets().take()) {
            TaskState state = due.now() == null ? tasks().look(due.taskId()) : due.now();
            long timestamp = timestamp(state, due);
            if (!due.isPublished(state)) {
                state.set().ifPresent(set -> publish(state.known().orElseThrow(), set, timestamp, due.traceParent()));
            }
            due.counted()
                    .ifPresent(before -> Contribution.of(state, survey().hasCounted(due.taskId()))
                            .addTo(labelers, projects, before, timestamp, due.traceParent()));
            state.forgetSet();
        }
        labelers.records().forEach(share -> context().forward(share, RankingTopology.SHARES_SINK));
        projects.records().forEach(share -> context().forward(share, RankingTopology.PROJECT_SHARES_SINK));
    }

    private static long timestamp(TaskState state, DueSets.Due due) {
        return Math.max(
                0,
                due.timestamp()
                        .orElseGet(() -> state.set()
                                .map(PreferenceSet::updatedAt)
                                .orElse(state.task().orElseThrow().createdAt())
                                .toEpochMilli()));
    }

    private void publish(KnownTask task, PreferenceSet set, long timestamp, Optional<String> traceParent) {
        String updatedAt = set.updatedAt().equals(lastUpdatedAt)
                ? lastUpdatedAtText
                : set.updatedAt().toString();
        lastUpdatedAt = set.updatedAt();
        lastUpdatedAtText = updatedAt;
        byte[] value = json.write(task, set, updatedAt);
        RecordHeaders headers = CloudEvents.headers(
                UUID.nameUUIDFromBytes(value).toString(),
                SOURCE,
                SET_TYPE,
                set.taskId(),
                updatedAt,
                traceParent.orElse(null));
        context()
                .forward(
                        new Record<>(set.taskId().getBytes(UTF_8), value, timestamp, headers),
                        RankingTopology.PREFERENCES_SINK);
    }

    private void goOnSurveying() {
        if (survey().isComplete()) {
            return;
        }
        commits().changed();
        // A task that is met is counted as it is; what is due of it would count twice.
        publishDue(true);
        Sums<ProjectShare> totals = new Sums<>();
        survey().goOn(share -> totals.add(share, share.at().toEpochMilli(), Optional.empty()));
        totals.records().forEach(share -> context().forward(share, RankingTopology.PROJECT_SHARES_SINK));
    }

    private static Optional<String> traceParent(Record<byte[], byte[]> cause) {
        return CloudEvents.text(cause.headers(), CloudEvents.TRACE_PARENT);
    }

    /**
     * By a clock that never jumps. It tells only how long this process has lived, so whatever was there at its start
     * waits once more: a ranking is never given up too early, and a clock set forward by an hour does no harm.
     */
    private void giveUpParked() {
        long limitMillis = steadyMillis.getAsLong() - parkTime.toMillis();
        if (limitMillis < startMillis) {
            return;
        }
        for (ParkingLot.Parked waiting : parking().takeOlder(limitMillis, startMillis, MOST_GIVEN_UP)) {
            deadLetter(
                    waiting.record(),
                    new RejectedRecord(
                            "unknown_task",
                            "no task " + waiting.taskId() + " came within " + parkTime
                                    + "; publish it, then replay this record"),
                    waiting.origin(),
                    waiting.partition(),
                    waiting.offset());
        }
    }

    private void deadLetter(
            Record<byte[], byte[]> record, RejectedRecord why, String topic, int partition, long offset) {
        metrics.rejected(why.reason());
        commits().changed();
        context().forward(DeadLetters.of(record, why, topic, partition, offset), RankingTopology.DEAD_LETTERS_SINK);
    }

    /** The event id is a hash of the value: the same set has the same id, whichever attempt publishes it. */
    static RecordHeaders headers(Object event, String subject, Instant at, byte[] value, @Nullable String traceParent) {
        return CloudEvents.headers(
                UUID.nameUUIDFromBytes(value).toString(), SOURCE, CloudEvents.type(event), subject, at, traceParent);
    }

    private ProcessorContext<byte[], byte[]> context() {
        return requireNonNull(context);
    }

    private LiveCommits commits() {
        return requireNonNull(commits);
    }

    private TaskStore tasks() {
        return requireNonNull(tasks);
    }

    private Reliabilities reliabilities() {
        return requireNonNull(reliabilities);
    }

    private Survey survey() {
        return requireNonNull(survey);
    }

    private DueSets dueSets() {
        return requireNonNull(dueSets);
    }

    private ParkingLot parking() {
        return requireNonNull(parking);
    }
}
