package dev.podium.adapterclient;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.AdapterLoad;
import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.Topics;
import dev.podium.contracts.TraceParent;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Tells what this instance runs now, or why it refused. */
final class LoadReports implements AutoCloseable {
    private final Producer<byte[], byte[]> producer;

    LoadReports(Map<String, Object> kafka) {
        Map<String, Object> properties = new HashMap<>(kafka);
        properties.put(ProducerConfig.ACKS_CONFIG, "all");
        properties.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 10_000);
        properties.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, 10_000);
        properties.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, 20_000);
        this.producer = new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
    }

    /**
     * Returns when the report is stored.
     *
     * @param trace of the pointer that the load follows
     */
    void report(AdapterLoad load, Optional<TraceParent> trace) {
        var headers = CloudEvents.headers(
                UUID.randomUUID().toString(),
                "/adapter-client/" + load.instanceId(),
                CloudEvents.type(load),
                load.instanceId(),
                load.at(),
                trace.map(TraceParent::toString).orElse(null));
        send(new ProducerRecord<>(
                Topics.ADAPTER_LOADS,
                null,
                load.at().toEpochMilli(),
                load.instanceId().getBytes(UTF_8),
                EventJson.write(load),
                headers));
    }

    /** Takes back what an instance has told: it ends, and its silence is no failure. */
    void forget(String instanceId) {
        send(new ProducerRecord<>(Topics.ADAPTER_LOADS, instanceId.getBytes(UTF_8), null));
    }

    private void send(ProducerRecord<byte[], byte[]> record) {
        try {
            producer.send(record).get();
        } catch (ExecutionException e) {
            throw e.getCause() instanceof KafkaException cause ? cause : new KafkaException(e.getCause());
        } catch (InterruptedException e) {
            throw new InterruptException(e);
        }
    }

    @Override
    public void close() {
        producer.close(Duration.ofSeconds(2));
    }
}
