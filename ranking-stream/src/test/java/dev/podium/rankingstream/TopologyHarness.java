package dev.podium.rankingstream;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.LabelerReliability;
import dev.podium.contracts.LabelerStatistics;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.ProjectTotals;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.Task;
import dev.podium.contracts.TaskAdjudicated;
import dev.podium.contracts.Topics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.test.TestRecord;

/**
 * The real topology without a broker: records in, records out, and a clock that moves when told. Its stores are in
 * memory, because the driver would write those on disk through to the platters after each record.
 */
final class TopologyHarness implements AutoCloseable {
    static final Duration PARK = Duration.ofMinutes(10);

    final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private final AtomicLong steadyMillis = new AtomicLong();
    private final TopologyTestDriver driver;
    private int labelerRecords;
    private final TestInputTopic<byte[], byte[]> tasks;
    private final TestInputTopic<byte[], byte[]> rankings;
    private final TestInputTopic<byte[], byte[]> reliabilities;
    private final TestInputTopic<byte[], byte[]> adjudications;
    private final TestOutputTopic<byte[], byte[]> preferences;
    private final TestOutputTopic<byte[], byte[]> labelers;
    private final TestOutputTopic<byte[], byte[]> projects;
    private final TestOutputTopic<byte[], byte[]> deadLetters;

    TopologyHarness() {
        this(Duration.ZERO);
    }

    /** @param tick how far the clock moves whenever somebody looks at it */
    TopologyHarness(Duration tick) {
        Properties properties = new Properties();
        properties.put("application.id", "test");
        properties.put("bootstrap.servers", "none:1");
        properties.put("processing.guarantee", "exactly_once_v2");
        properties.put("state.dir", "target/topology-" + UUID.randomUUID());
        driver = new TopologyTestDriver(
                RankingTopology.build(
                        Repartitions.of("test"),
                        PARK,
                        Stores::inMemoryKeyValueStore,
                        new StreamMetrics(meters),
                        () -> steadyMillis.addAndGet(tick.toMillis())),
                properties,
                Facts.NOON);
        ByteArraySerializer in = new ByteArraySerializer();
        ByteArrayDeserializer out = new ByteArrayDeserializer();
        tasks = driver.createInputTopic(Topics.TASKS, in, in);
        rankings = driver.createInputTopic(Topics.RANKINGS, in, in);
        reliabilities = driver.createInputTopic(Topics.RELIABILITIES, in, in);
        adjudications = driver.createInputTopic(Topics.ADJUDICATIONS, in, in);
        preferences = driver.createOutputTopic(Topics.PREFERENCES, out, out);
        labelers = driver.createOutputTopic(Topics.LABELERS, out, out);
        projects = driver.createOutputTopic(Topics.PROJECTS, out, out);
        deadLetters = driver.createOutputTopic(Topics.DEAD_LETTERS, out, out);
    }

    void task(Task task) {
        tasks.pipeInput(record(task.taskId(), EventJson.write(task), headers(task, task.taskId())));
        settle();
    }

    void ranking(RankingEvent event) {
        rankings.pipeInput(record(event.taskId(), EventJson.write(event), headers(event, event.eventId())));
        settle();
    }

    /** Tasks without a look between them. */
    void tasks(List<Task> all) {
        all.forEach(
                task -> tasks.pipeInput(record(task.taskId(), EventJson.write(task), headers(task, task.taskId()))));
    }

    /** Records that come before the next look at what is due. */
    void together(List<? extends RankingEvent> events) {
        events.forEach(event ->
                rankings.pipeInput(record(event.taskId(), EventJson.write(event), headers(event, event.eventId()))));
        settle();
    }

    /** Time passes, and a record comes, while the wall clock stands still. */
    void withoutTheWallClock(RankingEvent event, Duration time) {
        steadyMillis.addAndGet(time.toMillis());
        rankings.pipeInput(record(event.taskId(), EventJson.write(event), headers(event, event.eventId())));
    }

    void reliability(LabelerReliability event) {
        String key = LabelerStatistics.key(event.projectId(), event.labelerId());
        reliabilities.pipeInput(record(key, EventJson.write(event), headers(event, key + event.sequence())));
        settle();
    }

    void adjudication(TaskAdjudicated event) {
        adjudications.pipeInput(record(event.taskId(), EventJson.write(event), headers(event, event.eventId())));
        settle();
    }

    void rawReliability(String key, String json) {
        reliabilities.pipeInput(new TestRecord<>(bytes(key), bytes(json), new RecordHeaders(), Facts.NOON));
        settle();
    }

    void rawRanking(byte[] key, byte[] value, Headers headers) {
        rankings.pipeInput(new TestRecord<>(key, value, headers, Facts.NOON));
        settle();
    }

    void rawRanking(String key, String json) {
        rawRanking(bytes(key), bytes(json), new RecordHeaders());
    }

    void rawTask(byte[] key, byte[] value, Headers headers) {
        tasks.pipeInput(new TestRecord<>(key, value, headers, Facts.NOON));
        settle();
    }

    /** The time after which a set is published that has changed. */
    private void settle() {
        pass(TaskProcessor.SETS_EVERY);
    }

    void pass(Duration time) {
        steadyMillis.addAndGet(time.toMillis());
        driver.advanceWallClockTime(time);
    }

    /** Sums are published at a beat; after two whatever was sent is. */
    private void beats() {
        pass(SummingProcessor.BEAT);
        pass(SummingProcessor.BEAT);
    }

    /** The wall clock alone is set; no time passes. */
    void setClockForward(Duration jump) {
        driver.advanceWallClockTime(jump);
    }

    /** A store, to look into or to fill as an earlier version did. */
    KeyValueStore<String, byte[]> store(String name) {
        return driver.getKeyValueStore(name);
    }

    double count(String meter, String tag, String value) {
        return meters.counter(meter, tag, value).count();
    }

    /** Sets published since the last look, oldest first. */
    List<PreferenceSet> sets() {
        return preferences.readValuesToList().stream()
                .map(value -> read(value, PreferenceSet.class))
                .toList();
    }

    PreferenceSet newestSet() {
        return sets().getLast();
    }

    List<TestRecord<byte[], byte[]>> rawSets() {
        return preferences.readRecordsToList();
    }

    List<TestRecord<byte[], byte[]>> deadLetters() {
        return deadLetters.readRecordsToList();
    }

    TestRecord<byte[], byte[]> onlyDeadLetter() {
        List<TestRecord<byte[], byte[]>> all = deadLetters();
        if (all.size() != 1) {
            throw new AssertionError(all.size() + " dead letters instead of one: " + all);
        }
        return all.getFirst();
    }

    /** The newest figures per labeler since the last look. */
    Map<String, LabelerStatistics> labelers() {
        beats();
        Map<String, LabelerStatistics> newest = new HashMap<>();
        List<byte[]> values = labelers.readValuesToList();
        labelerRecords = values.size();
        values.forEach(value -> {
            LabelerStatistics statistics = read(value, LabelerStatistics.class);
            newest.put(statistics.labelerId(), statistics);
        });
        return newest;
    }

    /** How many records the last look at the labelers' figures has read. */
    int labelerRecords() {
        return labelerRecords;
    }

    /** The newest totals of a project since the last look. */
    ProjectTotals totals() {
        beats();
        return read(projects.readValuesToList().getLast(), ProjectTotals.class);
    }

    static String header(TestRecord<byte[], byte[]> record, String name) {
        return CloudEvents.text(record.headers(), name).orElse("");
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static TestRecord<byte[], byte[]> record(String key, byte[] value, Headers headers) {
        return new TestRecord<>(bytes(key), value, headers, Facts.NOON);
    }

    private static Headers headers(Object event, String id) {
        return CloudEvents.headers(id, "/test", CloudEvents.type(event), id, Instant.EPOCH, null);
    }

    private static <T> T read(byte[] value, Class<T> type) {
        try {
            return EventJson.read(value, type);
        } catch (InvalidEventException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        driver.close();
    }
}
