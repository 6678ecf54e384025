package dev.podium.training.publish;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.SampleSet;
import dev.podium.contracts.Topics;
import dev.podium.contracts.TraceParent;
import dev.podium.contracts.adapter.SigningKey;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;

/** The records that trainers write, with their keys and headers. */
final class EventRecords {
    private EventRecords() {}

    static ProducerRecord<byte[], byte[]> of(RoundEvent event, String source, RoundTraces traces) {
        return record(
                Topics.ROUND_EVENTS,
                event.roundId(),
                event,
                UUID.randomUUID().toString(),
                source,
                event.roundId(),
                event.at(),
                traces.of(event.roundId()));
    }

    /** Its id names round and index, so that a repeat after a crash is known as such. */
    static ProducerRecord<byte[], byte[]> of(SampleSet set, String source, RoundTraces traces) {
        String id = set.roundId() + "/" + set.index();
        return record(
                Topics.SAMPLES, set.roundId(), set, id, source, set.roundId(), set.at(), traces.of(set.roundId()));
    }

    static ProducerRecord<byte[], byte[]> of(
            AdapterManifest manifest, String source, RoundTraces traces, Optional<SigningKey> key) {
        ProducerRecord<byte[], byte[]> record = record(
                Topics.ADAPTERS,
                manifest.key(),
                manifest,
                manifest.roundId() + "/manifest",
                source,
                manifest.key(),
                manifest.createdAt(),
                traces.of(manifest.roundId()));
        key.ifPresent(signing -> record.headers()
                .add(
                        SigningKey.HEADER,
                        signing.sign(record.key(), record.value()).getBytes(UTF_8)));
        return record;
    }

    static ProducerRecord<byte[], byte[]> chunk(String key, byte[] content) {
        RecordHeaders headers = new RecordHeaders();
        headers.add(CloudEvents.CONTENT_TYPE, "application/octet-stream".getBytes(UTF_8));
        return new ProducerRecord<>(Topics.ARTIFACT_CHUNKS, null, key.getBytes(UTF_8), content, headers);
    }

    private static ProducerRecord<byte[], byte[]> record(
            String topic,
            String key,
            Object event,
            String id,
            String source,
            String subject,
            Instant at,
            Optional<TraceParent> trace) {
        return new ProducerRecord<>(
                topic,
                null,
                at.toEpochMilli(),
                key.getBytes(UTF_8),
                EventJson.write(event),
                CloudEvents.headers(
                        id,
                        source,
                        CloudEvents.type(event),
                        subject,
                        at,
                        trace.map(TraceParent::toString).orElse(null)));
    }
}
