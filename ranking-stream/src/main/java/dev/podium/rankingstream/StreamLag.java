package dev.podium.rankingstream;

import dev.podium.contracts.KafkaSettings;
import dev.podium.contracts.Topics;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.streams.KafkaStreams;
import org.eclipse.microprofile.config.Config;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/**
 * How far preference sets are behind rankings ({@code podium.stream.lag.seconds}, {@code podium.stream.lag.records}), and
 * whether this process takes part ({@code podium.stream.running}). The lag is that of the whole group, so each process
 * tells the same, and one tells it for another that has stopped.
 */
@Singleton
public class StreamLag {
    private static final Logger LOG = Logger.getLogger(StreamLag.class);
    private static final Duration LOOK_EVERY = Duration.ofSeconds(5);
    // Of one look that failed nobody needs to know.
    private static final long STALE_MILLIS = 30_000;
    /** What preference sets are made of. */
    private static final List<String> FACTS =
            List.of(Topics.TASKS, Topics.RANKINGS, Topics.ADJUDICATIONS, Topics.RELIABILITIES);

    private final KafkaStreams streams;
    private final Map<String, Object> kafka;
    private final String group;
    private final Clock clock;
    private final CountDownLatch stop = new CountDownLatch(1);
    private volatile Look look;

    /** What was seen, and when. */
    record Look(GroupLag.Seen seen, long atMillis) {
        /** Age of what waits longest. What was seen long ago may have grown by as much since then. */
        double seconds(long nowMillis) {
            if (nowMillis - atMillis > STALE_MILLIS) {
                return (nowMillis - Math.min(atMillis, seen.oldestMillis().orElse(atMillis))) / 1000.0;
            }
            return seen.oldestMillis().isEmpty()
                    ? 0
                    : Math.max(0, nowMillis - seen.oldestMillis().getAsLong()) / 1000.0;
        }
    }

    StreamLag(
            KafkaStreams streams,
            Config config,
            @ConfigProperty(name = "quarkus.kafka-streams.application-id") String applicationId) {
        this.streams = streams;
        this.kafka = KafkaSettings.from(name -> config.getOptionalValue(name, String.class));
        this.group = applicationId;
        this.clock = Clock.systemUTC();
        this.look = new Look(new GroupLag.Seen(0, OptionalLong.empty()), clock.millis());
    }

    void register(@Observes StartupEvent event, MeterRegistry registry) {
        Gauge.builder("podium.stream.lag.records", this, lag -> lag.look.seen().records())
                .description("Records that have arrived and are not processed and committed, of the whole group")
                .register(registry);
        Gauge.builder("podium.stream.lag.seconds", this, lag -> lag.look.seconds(lag.clock.millis()))
                .description("Age of the record that has waited longest; 0 when none waits. Grows while Kafka is away")
                .register(registry);
        Gauge.builder("podium.stream.running", streams, s -> s.state() == KafkaStreams.State.RUNNING ? 1 : 0)
                .description("1 when this process has its partitions and has restored their stores")
                .register(registry);
        Thread thread = new Thread(this::watch, "stream-lag");
        thread.setDaemon(true);
        thread.start();
    }

    void stop(@Observes ShutdownEvent event) {
        stop.countDown();
    }

    private void watch() {
        try {
            while (stop.getCount() > 0) {
                lookUntilError();
                pause();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void lookUntilError() throws InterruptedException {
        try (GroupLag lag = new GroupLag(kafka, group, FACTS)) {
            while (stop.getCount() > 0) {
                look = new Look(lag.look(), clock.millis());
                pause();
            }
        } catch (ExecutionException | KafkaException e) {
            // The gauge says it by growing; topics are missing at the very first start.
            LOG.debugf("the group's lag was not seen, trying again: %s", e.getMessage());
        }
    }

    private void pause() throws InterruptedException {
        if (stop.await(LOOK_EVERY.toMillis(), TimeUnit.MILLISECONDS)) {
            LOG.trace("the lag is not looked at any more");
        }
    }
}
