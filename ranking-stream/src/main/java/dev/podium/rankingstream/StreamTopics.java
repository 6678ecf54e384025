package dev.podium.rankingstream;

import dev.podium.contracts.Topics;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.jboss.logging.Logger;

/**
 * Sees to it that the stream's topics exist, and that facts about tasks are cut into the same partitions.
 *
 * @param kafka settings of every client
 * @param shares the repartition topics of shares
 */
record StreamTopics(Map<String, Object> kafka, Repartitions shares, int partitions, short replication) {
    private static final Logger LOG = Logger.getLogger(StreamTopics.class);
    private static final Duration RETRY = Duration.ofSeconds(2);
    // What was summed is not needed again; a week is for a stream that was down.
    private static final Duration SHARES_RETENTION = Duration.ofDays(7);

    /**
     * Creates what is missing; waits for Kafka as long as it takes.
     *
     * @throws IllegalStateException when the topics that exist do not fit
     */
    void createUntilDone() throws InterruptedException {
        while (true) {
            try (Admin admin = Admin.create(kafka)) {
                create(admin);
                return;
            } catch (ExecutionException | KafkaException e) {
                LOG.warnf(
                        "Kafka at %s does not create topics, trying again: %s",
                        kafka.get("bootstrap.servers"), e.getMessage());
            }
            Thread.sleep(RETRY);
        }
    }

    void create(Admin admin) throws ExecutionException, InterruptedException {
        Topics.createMissing(admin, partitions, replication);
        Map<String, TopicDescription> found = admin.describeTopics(
                        List.of(Topics.TASKS, Topics.RANKINGS, Topics.ADJUDICATIONS, Topics.RELIABILITIES))
                .allTopicNames()
                .get();
        int tasks = count(found, Topics.TASKS);
        requireSame(found, Topics.RANKINGS, tasks, "a ranking would not meet its task");
        requireSame(found, Topics.ADJUDICATIONS, tasks, "a decision would not meet its task");
        requireSame(found, Topics.RELIABILITIES, tasks, "a labeler's weight would not meet the labeler's figures");
        for (String topic : shares.all()) {
            try {
                admin.createTopics(List.of(
                                new NewTopic(topic, tasks, replication).configs(Topics.derived(SHARES_RETENTION))))
                        .all()
                        .get();
            } catch (ExecutionException e) {
                if (!(e.getCause() instanceof TopicExistsException)) {
                    throw e;
                }
            }
        }
    }

    private static void requireSame(Map<String, TopicDescription> found, String topic, int tasks, String otherwise) {
        if (tasks != count(found, topic)) {
            throw new IllegalStateException(Topics.TASKS + " has " + tasks + " partitions, " + topic + " has "
                    + count(found, topic) + ": " + otherwise + "; create them anew with one count");
        }
    }

    private static int count(Map<String, TopicDescription> found, String topic) {
        TopicDescription description = found.get(topic);
        return description == null ? 0 : description.partitions().size();
    }
}
