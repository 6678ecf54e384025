package dev.podium.contracts;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.errors.TopicExistsException;

/**
 * Every topic: name, cleanup and retention in one place. Topics are created by name with this configuration;
 * auto-creation is off. The partition count is fixed once.
 */
public final class Topics {
    public static final String TASKS = "rlhf.tasks.v1";
    public static final String RANKINGS = "rlhf.rankings.v1";
    public static final String PREFERENCES = "rlhf.preferences.v1";
    public static final String LABELERS = "rlhf.labelers.v1";
    public static final String PROJECTS = "rlhf.projects.v1";
    public static final String ADJUDICATIONS = "rlhf.adjudications.v1";
    public static final String RELIABILITIES = "rlhf.reliabilities.v1";
    public static final String SAMPLES = "rlhf.samples.v1";
    public static final String ROUND_COMMANDS = "rlhf.round-commands.v1";
    public static final String ROUND_EVENTS = "rlhf.round-events.v1";
    public static final String ADAPTERS = "rlhf.adapters.v1";
    public static final String ARTIFACT_CHUNKS = "rlhf.artifact-chunks.v1";
    public static final String CHANNELS = "rlhf.channels.v1";
    public static final String ADAPTER_LOADS = "rlhf.adapter-loads.v1";
    public static final String DEAD_LETTERS = "rlhf.dead-letters.v1";

    /** Largest chunk of an artifact; the broker's default limit is 1 MB a message. */
    public static final int MAX_CHUNK_BYTES = 900 * 1024;

    /** Largest value of a task or a ranking, bytes. What follows from it is larger, and must fit in a record too. */
    public static final int MAX_FACT_BYTES = 2 * 1024 * 1024;

    /** Largest value of a round's command, with its prompts or records, bytes. */
    public static final int MAX_COMMAND_BYTES = 16 * 1024 * 1024;

    /** Largest record of any topic with its key and headers, bytes: what a producer's requests may be. */
    public static final int MAX_REQUEST_BYTES = MAX_COMMAND_BYTES + 1024 * 1024;

    private static final String MAX_DERIVED_BYTES = Integer.toString(8 * 1024 * 1024);
    // What is derived carries the time of its cause, which may be older than any retention: the log's own time counts.
    private static final Map<String, String> DERIVED =
            Map.of("message.timestamp.type", "LogAppendTime", "max.message.bytes", MAX_DERIVED_BYTES);

    private static final Map<String, String> COMPACT = Map.of("cleanup.policy", "compact");
    private static final Map<String, String> FOR_EVER = Map.of("cleanup.policy", "delete", "retention.ms", "-1");
    // What a round pinned must still be readable: compaction waits a day.
    private static final Map<String, String> COMPACT_AFTER_A_DAY = Map.of(
            "cleanup.policy",
            "compact",
            "min.compaction.lag.ms",
            Long.toString(Duration.ofDays(1).toMillis()));
    private static final Map<String, String> THIRTY_DAYS = Map.of(
            "cleanup.policy",
            "delete",
            "retention.ms",
            Long.toString(Duration.ofDays(30).toMillis()));

    private static final Map<String, Map<String, String>> CONFIGURATION = Map.ofEntries(
            Map.entry(TASKS, with(COMPACT, limit(MAX_FACT_BYTES))),
            Map.entry(RANKINGS, with(FOR_EVER, limit(MAX_FACT_BYTES))),
            Map.entry(PREFERENCES, with(COMPACT_AFTER_A_DAY, DERIVED)),
            Map.entry(LABELERS, with(COMPACT, DERIVED)),
            Map.entry(PROJECTS, with(COMPACT, DERIVED)),
            Map.entry(ADJUDICATIONS, with(FOR_EVER, limit(MAX_FACT_BYTES))),
            Map.entry(RELIABILITIES, COMPACT),
            Map.entry(SAMPLES, with(FOR_EVER, limit(MAX_FACT_BYTES))),
            Map.entry(ROUND_COMMANDS, with(FOR_EVER, limit(MAX_COMMAND_BYTES))),
            Map.entry(ROUND_EVENTS, FOR_EVER),
            Map.entry(ADAPTERS, COMPACT),
            Map.entry(ARTIFACT_CHUNKS, COMPACT),
            Map.entry(CHANNELS, COMPACT),
            Map.entry(ADAPTER_LOADS, COMPACT),
            Map.entry(DEAD_LETTERS, with(THIRTY_DAYS, DERIVED)));

    private Topics() {}

    /** Room for the key and the headers beside the value. */
    private static Map<String, String> limit(int valueBytes) {
        return Map.of("max.message.bytes", Integer.toString(valueBytes + 256 * 1024));
    }

    private static Map<String, String> with(Map<String, String> some, Map<String, String> more) {
        Map<String, String> all = new HashMap<>(some);
        all.putAll(more);
        return Map.copyOf(all);
    }

    /** Largest value that a topic takes, bytes; what is larger is refused before it is written anywhere. */
    public static int maxValueBytes(String topic) {
        return switch (topic) {
            case TASKS, RANKINGS, SAMPLES -> MAX_FACT_BYTES;
            case ROUND_COMMANDS -> MAX_COMMAND_BYTES;
            default -> MAX_CHUNK_BYTES;
        };
    }

    /**
     * Configuration of a stream's own topic of what follows from events, e.g. sums by labeler.
     *
     * @param retention how long a record can be needed
     */
    public static Map<String, String> derived(Duration retention) {
        return with(DERIVED, Map.of("retention.ms", Long.toString(retention.toMillis())));
    }

    /** Names of all topics. */
    public static Set<String> all() {
        return CONFIGURATION.keySet();
    }

    /** The configuration a topic is created with. */
    public static Map<String, String> configuration(String topic) {
        Map<String, String> configuration = CONFIGURATION.get(topic);
        if (configuration == null) {
            throw new IllegalArgumentException("unknown topic " + topic);
        }
        return configuration;
    }

    /**
     * Creates the topics that do not exist; several applications may do so at once.
     *
     * @param partitions partition count of every topic, fixed at creation
     * @throws ExecutionException when the cluster refuses for another reason than that a topic exists
     */
    public static void createMissing(Admin admin, int partitions, short replication)
            throws ExecutionException, InterruptedException {
        Set<String> existing = admin.listTopics().names().get();
        List<NewTopic> missing = new ArrayList<>();
        for (Map.Entry<String, Map<String, String>> topic : CONFIGURATION.entrySet()) {
            if (!existing.contains(topic.getKey())) {
                missing.add(new NewTopic(topic.getKey(), partitions, replication).configs(topic.getValue()));
            }
        }
        for (var created : admin.createTopics(missing).values().values()) {
            try {
                created.get();
            } catch (ExecutionException e) {
                if (!(e.getCause() instanceof TopicExistsException)) {
                    throw e;
                }
            }
        }
    }
}
