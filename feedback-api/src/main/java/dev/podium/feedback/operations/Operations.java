package dev.podium.feedback.operations;

import dev.podium.feedback.kafka.KafkaAccess;
import io.quarkus.narayana.jta.QuarkusTransaction;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.Tuple;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

/** What waits: events in the outbox, records that groups have not read. */
@Singleton
class Operations {
    private static final String OURS = "podium";
    private static final String PROJECTION = "feedback-api (projection)";
    private static final int PATIENCE_SECONDS = 6;

    private final EntityManager entities;
    private final KafkaAccess kafka;
    private final DeadLetterCount deadLetters;

    Operations(EntityManager entities, KafkaAccess kafka, DeadLetterCount deadLetters) {
        this.entities = entities;
        this.kafka = kafka;
        this.deadLetters = deadLetters;
    }

    /**
     * The state of things.
     *
     * @param outboxRefused events that Kafka refuses for good
     * @param kafkaProblem why nothing is known of Kafka, where that is so
     */
    public record State(
            long outboxRows,
            double outboxAgeSeconds,
            long outboxRefused,
            List<Lag> lags,
            long deadLetters,
            Optional<String> kafkaProblem) {}

    /** Records of a topic that a group has not read. */
    public record Lag(String group, String topic, long records) {}

    private record Outbox(long rows, double ageSeconds, long refused) {}

    State now() {
        Outbox outbox = QuarkusTransaction.requiringNew().call(this::outbox);
        Map<TopicPartition, Long> projected = QuarkusTransaction.requiringNew().call(this::projected);
        try {
            return kafka.ask(admin -> {
                Map<String, Map<TopicPartition, Long>> read = new TreeMap<>(groups(admin));
                read.put(PROJECTION, projected);
                Set<TopicPartition> all = read.values().stream()
                        .flatMap(each -> each.keySet().stream())
                        .collect(Collectors.toSet());
                Map<TopicPartition, Long> ends = ends(admin, all);
                return new State(
                        outbox.rows(),
                        outbox.ageSeconds(),
                        outbox.refused(),
                        lags(read, ends),
                        deadLetters(admin),
                        Optional.empty());
            });
        } catch (ExecutionException | TimeoutException | KafkaException e) {
            return new State(
                    outbox.rows(),
                    outbox.ageSeconds(),
                    outbox.refused(),
                    List.of(),
                    0,
                    Optional.of(
                            "Kafka does not answer" + (e.getMessage() == null ? " in time" : ": " + e.getMessage())));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    private Outbox outbox() {
        Tuple row = (Tuple) entities.createNativeQuery(
                        "select count(*) filter (where refused is null) as waiting,"
                                + " coalesce(cast(extract(epoch from now() - min(created_at)"
                                + " filter (where refused is null)) as float8), 0) as age,"
                                + " count(*) filter (where refused is not null) as refused from outbox",
                        Tuple.class)
                .getSingleResult();
        return new Outbox(
                row.get("waiting", Number.class).longValue(),
                Math.max(0, row.get("age", Number.class).doubleValue()),
                row.get("refused", Number.class).longValue());
    }

    private Map<TopicPartition, Long> projected() {
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

    private static Map<String, Map<TopicPartition, Long>> groups(Admin admin)
            throws ExecutionException, InterruptedException, TimeoutException {
        Map<String, ListConsumerGroupOffsetsSpec> ours = admin
                .listGroups(ListGroupsOptions.forConsumerGroups())
                .all()
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS)
                .stream()
                .map(GroupListing::groupId)
                .filter(group -> group.startsWith(OURS))
                .collect(Collectors.toMap(group -> group, group -> new ListConsumerGroupOffsetsSpec()));
        Map<String, Map<TopicPartition, Long>> read = new HashMap<>();
        if (!ours.isEmpty()) {
            admin.listConsumerGroupOffsets(ours)
                    .all()
                    .get(PATIENCE_SECONDS, TimeUnit.SECONDS)
                    .forEach((group, offsets) -> {
                        Map<TopicPartition, Long> next = new HashMap<>();
                        for (Map.Entry<TopicPartition, OffsetAndMetadata> each : offsets.entrySet()) {
                            if (each.getValue() != null) {
                                next.put(each.getKey(), each.getValue().offset());
                            }
                        }
                        read.put(group, next);
                    });
        }
        return read;
    }

    private static Map<TopicPartition, Long> ends(Admin admin, Set<TopicPartition> partitions)
            throws ExecutionException, InterruptedException, TimeoutException {
        Map<TopicPartition, Long> ends = new HashMap<>();
        admin.listOffsets(partitions.stream().collect(Collectors.toMap(p -> p, p -> OffsetSpec.latest())))
                .all()
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS)
                .forEach((partition, info) -> ends.put(partition, info.offset()));
        return ends;
    }

    private static List<Lag> lags(Map<String, Map<TopicPartition, Long>> read, Map<TopicPartition, Long> ends) {
        List<Lag> lags = new ArrayList<>();
        read.forEach((group, offsets) -> {
            Map<String, Long> byTopic = new TreeMap<>();
            offsets.forEach((partition, next) -> byTopic.merge(
                    partition.topic(), Math.max(0, ends.getOrDefault(partition, next) - next), Long::sum));
            byTopic.forEach((topic, records) -> lags.add(new Lag(group, topic, records)));
        });
        return lags;
    }

    private long deadLetters(Admin admin) throws ExecutionException, InterruptedException, TimeoutException {
        String topic = dev.podium.contracts.Topics.DEAD_LETTERS;
        Set<TopicPartition> partitions = new HashSet<>();
        for (TopicDescription description : admin.describeTopics(List.of(topic))
                .allTopicNames()
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS)
                .values()) {
            description.partitions().forEach(info -> partitions.add(new TopicPartition(topic, info.partition())));
        }
        Map<TopicPartition, Long> begins = new HashMap<>();
        admin.listOffsets(partitions.stream().collect(Collectors.toMap(p -> p, p -> OffsetSpec.earliest())))
                .all()
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS)
                .forEach((partition, info) -> begins.put(partition, info.offset()));
        return deadLetters.between(begins, ends(admin, partitions));
    }
}
