package dev.podium.rankingstream;

import static jakarta.interceptor.Interceptor.Priority.PLATFORM_BEFORE;

import dev.podium.contracts.KafkaSettings;
import io.micrometer.core.instrument.MeterRegistry;
import io.opentelemetry.api.trace.Tracer;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.Stores;
import org.eclipse.microprofile.config.Config;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/**
 * The application around the topology: topics, failures, and the end of its parent. The extension starts the stream as
 * soon as its topics exist.
 */
@Singleton
public class RankingStream {
    private static final Logger LOG = Logger.getLogger(RankingStream.class);
    // Less than the 30 s that Kubernetes gives a pod.
    private static final Duration LONGEST_STOP = Duration.ofSeconds(20);
    private static final Duration STOP_POLL = Duration.ofMillis(50);

    private final StreamTopics topics;
    private final Path state;
    private final Duration parkTime;
    private final boolean watchParent;

    RankingStream(
            Config config,
            @ConfigProperty(name = "quarkus.kafka-streams.application-id") String applicationId,
            @ConfigProperty(name = "kafka-streams.state.dir") Path stateDir,
            @ConfigProperty(name = "podium.topics.partitions") int partitions,
            @ConfigProperty(name = "podium.topics.replication") short replication,
            @ConfigProperty(name = "podium.unknown-task.park") Duration parkTime,
            @ConfigProperty(name = "podium.parent.watch", defaultValue = "false") boolean watchParent) {
        this.topics = new StreamTopics(
                KafkaSettings.from(name -> config.getOptionalValue(name, String.class)),
                Repartitions.of(applicationId),
                partitions,
                replication);
        this.state = stateDir.resolve(applicationId);
        this.parkTime = parkTime;
        this.watchParent = watchParent;
    }

    @Produces
    @Singleton
    StreamMetrics metrics(MeterRegistry registry, Tracer tracer) {
        return new StreamMetrics(registry, tracer);
    }

    @Produces
    @Singleton
    Topology topology(StreamMetrics metrics) {
        // The extension makes the stream of it.
        UnfinishedState.clear(state);
        return RankingTopology.build(
                topics.shares(), parkTime, Stores::persistentKeyValueStore, metrics, RankingTopology.STEADY_MILLIS);
    }

    /**
     * A stream that fails ends its process, and whoever looks after the process starts it again: under the name that it
     * had, so with its partitions and its stores, and unnoticed by the others. A thread that is replaced within the
     * process would be another member of the group, and its partitions would wait for the session of the old one to end.
     */
    @Produces
    @Singleton
    StreamsUncaughtExceptionHandler failures() {
        return failures(() -> Quarkus.asyncExit(1));
    }

    static StreamsUncaughtExceptionHandler failures(Runnable end) {
        return failure -> {
            LOG.error(
                    "the stream failed, and its process ends to be started again; its open transaction is done again",
                    failure);
            end.run();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        };
    }

    void start(@Observes StartupEvent event) {
        daemon(this::createTopics, "topics");
        if (watchParent) {
            daemon(RankingStream::waitForTheParentsEnd, "parent-watch");
        }
    }

    /**
     * Without Kafka the stream would wait for the end of its transaction for ever, and whoever stops the process with it.
     * Begins before the extension stops the stream, which returns when that is done.
     */
    void stop(@Observes @Priority(PLATFORM_BEFORE) ShutdownEvent event, KafkaStreams streams) {
        daemon(
                () -> {
                    if (!hasStopped(streams::state, LONGEST_STOP)) {
                        LOG.errorf(
                                "the stream has not stopped within %d s, as where Kafka is away; the process ends now,"
                                        + " and what was not committed is done again at its next start",
                                LONGEST_STOP.toSeconds());
                        Runtime.getRuntime().halt(1);
                    }
                },
                "end-at-last");
    }

    /** Whether a stream that is told to stop does so in time. */
    static boolean hasStopped(Supplier<KafkaStreams.State> state, Duration within) {
        long deadlineNanos = System.nanoTime() + within.toNanos();
        while (!state.get().hasCompletedShutdown()) {
            if (System.nanoTime() > deadlineNanos) {
                return false;
            }
            LockSupport.parkNanos(STOP_POLL.toNanos());
        }
        return true;
    }

    private static void daemon(Runnable work, String name) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
    }

    private void createTopics() {
        try {
            topics.createUntilDone();
        } catch (IllegalStateException e) {
            LOG.fatal(e.getMessage());
            Quarkus.asyncExit(1);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
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
}
