package dev.podium.rankingstream;

import dev.podium.contracts.Topics;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;
import org.jboss.logging.Logger;

/** The application around the topology: topics, failures, readiness, and the end of its parent. */
@Singleton
public class RankingStream {
    private static final Logger LOG = Logger.getLogger(RankingStream.class);
    private static final Duration RETRY = Duration.ofSeconds(2);

    private final String servers;
    private final String applicationId;
    private final int partitions;
    private final short replication;
    private final Duration parkTime;
    private final boolean watchParent;

    RankingStream(
            @ConfigProperty(name = "kafka.bootstrap.servers") String servers,
            @ConfigProperty(name = "quarkus.kafka-streams.application-id") String applicationId,
            @ConfigProperty(name = "podium.topics.partitions") int partitions,
            @ConfigProperty(name = "podium.topics.replication") short replication,
            @ConfigProperty(name = "podium.unknown-task.park") Duration parkTime,
            @ConfigProperty(name = "podium.parent.watch", defaultValue = "false") boolean watchParent) {
        this.servers = servers;
        this.applicationId = applicationId;
        this.partitions = partitions;
        this.replication = replication;
        this.parkTime = parkTime;
        this.watchParent = watchParent;
    }

    @Produces
    @Singleton
    Topology topology() {
        return RankingTopology.build(sharesTopic(), parkTime);
    }

    private String sharesTopic() {
        return applicationId + "-labeler-shares";
    }

    /** A failed thread is replaced: its open transaction is aborted, and the work is done again. */
    @Produces
    @Singleton
    StreamsUncaughtExceptionHandler failures() {
        return failure -> {
            LOG.error("a stream thread failed and is replaced; its work is done again", failure);
            return StreamThreadExceptionResponse.REPLACE_THREAD;
        };
    }

    void start(@Observes StartupEvent event) {
        daemon(this::createTopics, "topics");
        if (watchParent) {
            daemon(RankingStream::waitForTheParentsEnd, "parent-watch");
        }
    }

    private static void daemon(Runnable work, String name) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
    }

    private void createTopics() {
        while (true) {
            try (Admin admin = Admin.create(Map.of("bootstrap.servers", servers))) {
                Topics.createMissing(admin, partitions, replication);
                createSharesTopic(admin);
                return;
            } catch (ExecutionException | KafkaException e) {
                LOG.warnf("Kafka at %s does not answer: %s", servers, e.getMessage());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
            try {
                Thread.sleep(RETRY);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    private void createSharesTopic(Admin admin) throws ExecutionException, InterruptedException {
        try {
            // What was summed is not needed again; a day is for a stream that was down.
            admin.createTopics(List.of(new NewTopic(sharesTopic(), partitions, replication)
                            .configs(Map.of(
                                    "retention.ms",
                                    Long.toString(Duration.ofDays(7).toMillis())))))
                    .all()
                    .get();
        } catch (ExecutionException e) {
            if (!(e.getCause() instanceof TopicExistsException)) {
                throw e;
            }
        }
    }

    private static void waitForTheParentsEnd() {
        try {
            while (System.in.read() >= 0) {
                // Whatever comes is of no interest; only the end is.
            }
        } catch (IOException e) {
            LOG.debug("standard input broke", e);
        }
        Quarkus.asyncExit();
    }

    /** Ready means that the stream runs: partitions assigned, stores restored. */
    @Readiness
    @Singleton
    public static class Running implements HealthCheck {
        private final KafkaStreams streams;

        Running(KafkaStreams streams) {
            this.streams = streams;
        }

        @Override
        public HealthCheckResponse call() {
            KafkaStreams.State state = streams.state();
            return HealthCheckResponse.named("stream")
                    .status(state == KafkaStreams.State.RUNNING)
                    .withData("state", state.name())
                    .build();
        }
    }
}
