package dev.podium.feedback.kafka;

import dev.podium.contracts.KafkaSettings;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.eclipse.microprofile.config.Config;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;
import org.jboss.logging.Logger;

/** Where Kafka is, and what is asked of it now and then. The application starts and takes rankings without it. */
@Singleton
public class KafkaAccess {
    private static final Logger LOG = Logger.getLogger(KafkaAccess.class);
    private static final Duration RETRY = Duration.ofSeconds(2);

    private final Map<String, Object> settings;
    private final String servers;
    private final int partitions;
    private final short replication;
    private volatile boolean topicsReady;

    KafkaAccess(
            Config config,
            @ConfigProperty(name = "podium.topics.partitions") int partitions,
            @ConfigProperty(name = "podium.topics.replication") short replication) {
        this.settings = KafkaSettings.from(name -> config.getOptionalValue(name, String.class));
        this.servers = String.valueOf(settings.get("bootstrap.servers"));
        this.partitions = partitions;
        this.replication = replication;
    }

    void createTopics(@Observes StartupEvent start) {
        Thread thread = new Thread(this::createTopicsUntilThere, "topics");
        thread.setDaemon(true);
        thread.start();
    }

    private void createTopicsUntilThere() {
        boolean said = false;
        while (!topicsReady) {
            try (Admin admin = admin()) {
                Topics.createMissing(admin, partitions, replication);
                topicsReady = true;
                LOG.infof("Kafka at %s has all topics", servers);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            } catch (ExecutionException | KafkaException e) {
                if (!said) {
                    LOG.warnf("Kafka at %s does not answer (%s); rankings wait in the outbox", servers, e.getMessage());
                    said = true;
                }
                try {
                    Thread.sleep(RETRY);
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                    return;
                }
            }
        }
    }

    /** Whether the topics are known to exist. */
    public boolean topicsReady() {
        return topicsReady;
    }

    /** Configuration that every client shares. */
    public Map<String, Object> clientConfiguration() {
        Map<String, Object> properties = new HashMap<>(settings);
        properties.put("client.id", "feedback-api-" + ProcessHandle.current().pid());
        return properties;
    }

    /** What is asked of the cluster. */
    public interface Question<T> {
        /** Asks, and waits for the answer. */
        T ask(Admin admin) throws ExecutionException, TimeoutException, InterruptedException;
    }

    /**
     * Asks about the cluster.
     *
     * @throws KafkaException when no client can be made
     */
    public <T> T ask(Question<T> question) throws ExecutionException, TimeoutException, InterruptedException {
        Admin admin = admin();
        try {
            return question.ask(admin);
        } finally {
            // A close without a limit waits for what Kafka has not answered.
            admin.close(Duration.ZERO);
        }
    }

    private Admin admin() {
        Map<String, Object> properties = clientConfiguration();
        properties.put("request.timeout.ms", 5000);
        properties.put("default.api.timeout.ms", 8000);
        return Admin.create(properties);
    }

    /** A consumer without a group that reads what is committed. */
    public KafkaConsumer<byte[], byte[]> consumer() {
        Map<String, Object> properties = clientConfiguration();
        properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        properties.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        properties.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 500);
        properties.put(ConsumerConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, 10_000);
        return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /** Reads artifacts and manifests. */
    public BoundedReader reader() {
        return BoundedReader.connect(clientConfiguration());
    }

    /** End offset of each partition of a topic, of what is committed. */
    public Map<TopicPartition, Long> endOffsets(String topic) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            List<TopicPartition> all = new ArrayList<>();
            for (PartitionInfo info : consumer.partitionsFor(topic)) {
                all.add(new TopicPartition(topic, info.partition()));
            }
            return consumer.endOffsets(all);
        }
    }

    /** Shows Kafka's state without making the application unready: rankings are taken without it. */
    @Readiness
    @Singleton
    public static class KafkaState implements HealthCheck {
        private final KafkaAccess kafka;

        KafkaState(KafkaAccess kafka) {
            this.kafka = kafka;
        }

        @Override
        public HealthCheckResponse call() {
            boolean answers;
            try {
                kafka.ask(admin -> admin.describeCluster().clusterId().get(2, TimeUnit.SECONDS));
                answers = true;
            } catch (ExecutionException | TimeoutException | KafkaException e) {
                answers = false;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                answers = false;
            }
            return HealthCheckResponse.named("kafka")
                    .up()
                    .withData("answers", answers)
                    .withData("topicsReady", kafka.topicsReady())
                    .build();
        }
    }
}
