package dev.podium.rankingstream;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.time.Clock;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.streams.KafkaStreams;

/** How far preference sets are behind rankings: {@code podium.stream.lag.seconds} and {@code podium.stream.lag.records}. */
@Singleton
public class StreamLag {
    private final KafkaStreams streams;
    private final StreamMetrics metrics;
    private final Clock clock;

    StreamLag(KafkaStreams streams, StreamMetrics metrics) {
        this.streams = streams;
        this.metrics = metrics;
        this.clock = Clock.systemUTC();
    }

    void register(@Observes StartupEvent event, MeterRegistry registry) {
        Gauge.builder("podium.stream.lag.records", this, StreamLag::records)
                .description("Records that have arrived and are not processed")
                .register(registry);
        Gauge.builder("podium.stream.lag.seconds", this, StreamLag::seconds)
                .description("Age of the record processed last, while more are waiting; 0 when none is")
                .register(registry);
    }

    /** As the consumers saw it at their last fetch. */
    double records() {
        double sum = 0;
        for (var entry : streams.metrics().entrySet()) {
            MetricName name = entry.getKey();
            Metric metric = entry.getValue();
            if (name.name().equals("records-lag")
                    && name.tags().containsKey("partition")
                    && metric.metricValue() instanceof Double lag
                    && !lag.isNaN()) {
                sum += lag;
            }
        }
        return sum;
    }

    private double seconds() {
        long last = metrics.newestMillis();
        return records() == 0 || last == 0 ? 0 : Math.max(0, clock.millis() - last) / 1000.0;
    }
}
