package dev.podium.contracts;

import java.time.Duration;
import java.util.ArrayList;
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

    private static final Map<String, String> COMPACT = Map.of("cleanup.policy", "compact");
    private static final Map<String, String> FOR_EVER = Map.of("cleanup.policy", "delete", "retention.ms", "-1");
    // What is derived from a record of the broker's default limit, 1 MB, is larger.
    private static final String MAX_DERIVED_BYTES = Integer.toString(4 * 1024 * 1024);
    // What a round pinned must still be readable: compaction waits a day.
    private static final Map<String, String> COMPACT_AFTER_A_DAY = Map.of(
            "cleanup.policy",
            "compact",
            "min.compaction.lag.ms",
            Long.toString(Duration.ofDays(1).toMillis()),
            "max.message.bytes",
            MAX_DERIVED_BYTES);
    private static final Map<String, String> THIRTY_DAYS = Map.of(
            "cleanup.policy",
            "delete",
            "retention.ms",
            Long.toString(Duration.ofDays(30).toMillis()),
            "max.message.bytes",
            MAX_DERIVED_BYTES);

    private static final Map<String, Map<String, String>> CONFIGURATION = Map.ofEntries(
            Map.entry(TASKS, COMPACT),
            Map.entry(RANKINGS, FOR_EVER),
            Map.entry(PREFERENCES, COMPACT_AFTER_A_DAY),
            Map.entry(LABELERS, COMPACT),
            Map.entry(SAMPLES, FOR_EVER),
            Map.entry(ROUND_COMMANDS, FOR_EVER),
            Map.entry(ROUND_EVENTS, FOR_EVER),
            Map.entry(ADAPTERS, COMPACT),
            Map.entry(ARTIFACT_CHUNKS, COMPACT),
            Map.entry(CHANNELS, COMPACT),
            Map.entry(ADAPTER_LOADS, COMPACT),
            Map.entry(DEAD_LETTERS, THIRTY_DAYS));

    private Topics() {}

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
