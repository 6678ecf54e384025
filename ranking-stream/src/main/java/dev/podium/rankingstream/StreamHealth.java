package dev.podium.rankingstream;

import dev.podium.contracts.KafkaSettings;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.streams.KafkaStreams;
import org.eclipse.microprofile.config.Config;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Liveness;
import org.eclipse.microprofile.health.Readiness;
import org.jspecify.annotations.Nullable;

/**
 * What probes are told. The extension's own checks are switched off: its readiness waits for Kafka as long as its start
 * may wait for topics, so it would not answer while Kafka is away.
 */
public final class StreamHealth {
    private StreamHealth() {}

    /** Ready means that the stream runs (partitions assigned, stores restored), and that Kafka answers. */
    @Readiness
    @Singleton
    public static class Running implements HealthCheck {
        private static final Duration LIMIT = Duration.ofSeconds(2);

        private final KafkaStreams streams;
        private final Map<String, Object> kafka;
        private @Nullable Admin admin;

        Running(KafkaStreams streams, Config config) {
            this.streams = streams;
            this.kafka = KafkaSettings.from(name -> config.getOptionalValue(name, String.class));
            int millis = (int) LIMIT.toMillis();
            kafka.put("request.timeout.ms", millis);
            kafka.put("default.api.timeout.ms", millis);
        }

        @Override
        public HealthCheckResponse call() {
            KafkaStreams.State state = streams.state();
            boolean answers = kafkaAnswers();
            return HealthCheckResponse.named("stream")
                    .status(state == KafkaStreams.State.RUNNING && answers)
                    .withData("state", state.name())
                    .withData("kafkaAnswers", answers)
                    .build();
        }

        private synchronized boolean kafkaAnswers() {
            try {
                Admin client = admin;
                if (client == null) {
                    client = Admin.create(kafka);
                    admin = client;
                }
                client.describeCluster().clusterId().get(LIMIT.toMillis(), TimeUnit.MILLISECONDS);
                return true;
            } catch (ExecutionException | TimeoutException | KafkaException e) {
                return false;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
            }
        }

        @PreDestroy
        synchronized void close() {
            if (admin != null) {
                admin.close(Duration.ZERO);
            }
        }
    }

    /** A stream that has failed or was stopped does not come back within its process; one that waits for Kafka does. */
    @Liveness
    @Singleton
    public static class Alive implements HealthCheck {
        private final KafkaStreams streams;

        Alive(KafkaStreams streams) {
            this.streams = streams;
        }

        @Override
        public HealthCheckResponse call() {
            KafkaStreams.State state = streams.state();
            return HealthCheckResponse.named("stream")
                    .status(isAlive(state))
                    .withData("state", state.name())
                    .build();
        }

        /** Before its start a stream waits for Kafka and for its topics, as long as it takes. */
        static boolean isAlive(KafkaStreams.State state) {
            return !state.hasStartedOrFinishedShuttingDown();
        }
    }
}
