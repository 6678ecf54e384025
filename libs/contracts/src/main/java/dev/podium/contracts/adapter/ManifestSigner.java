package dev.podium.contracts.adapter;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Signs manifests that were published before there was a key, or by a key that is to be revoked: the same record once
 * more, byte for byte, with another signature. Whoever does this vouches for what is in the log.
 */
public final class ManifestSigner {
    private ManifestSigner() {}

    /** The signature of a record in the log. */
    public record Found(String key, Optional<String> keyId) {}

    /**
     * Signs the newest record of each version that is to be signed.
     *
     * @param wanted from project/version and the id of the key that has signed it, if any
     * @return what was signed, with the key before
     */
    public static List<Found> sign(Map<String, ?> kafka, SigningKey key, Predicate<Found> wanted) {
        return sign(kafka, key, Topics.ADAPTERS, SigningKey.Purpose.MANIFEST, wanted);
    }

    /**
     * The same for the newest pointer of each channel. Nobody may promote meanwhile: the older pointer would come behind
     * the newer one.
     *
     * @param wanted from project/channel and the id of the key that has signed it, if any
     */
    public static List<Found> signPointers(Map<String, ?> kafka, SigningKey key, Predicate<Found> wanted) {
        return sign(kafka, key, Topics.CHANNELS, SigningKey.Purpose.POINTER, wanted);
    }

    private static List<Found> sign(
            Map<String, ?> kafka, SigningKey key, String topic, SigningKey.Purpose purpose, Predicate<Found> wanted) {
        Map<String, ConsumerRecord<byte[], byte[]>> newest = new LinkedHashMap<>();
        try (BoundedReader reader = BoundedReader.connect(kafka)) {
            reader.readAll(reader.partitions(topic), record -> {
                if (record.key() != null && record.value() != null) {
                    newest.put(new String(record.key(), UTF_8), record);
                } else if (record.key() != null) {
                    newest.remove(new String(record.key(), UTF_8));
                }
                return true;
            });
        }
        List<Found> signed = new ArrayList<>();
        Map<String, Object> properties = new HashMap<>(kafka);
        properties.put(ProducerConfig.ACKS_CONFIG, "all");
        properties.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        try (Producer<byte[], byte[]> producer =
                new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (Map.Entry<String, ConsumerRecord<byte[], byte[]>> each : newest.entrySet()) {
                ConsumerRecord<byte[], byte[]> record = each.getValue();
                Found found = new Found(
                        each.getKey(),
                        CloudEvents.text(record.headers(), SigningKey.HEADER)
                                .flatMap(SigningKey.Parsed::of)
                                .map(SigningKey.Parsed::keyId));
                if (wanted.test(found)) {
                    Headers headers = record.headers();
                    headers.remove(SigningKey.HEADER);
                    headers.add(
                            SigningKey.HEADER,
                            key.sign(purpose, record.key(), record.value()).getBytes(UTF_8));
                    producer.send(new ProducerRecord<>(
                                    topic,
                                    record.partition(),
                                    record.timestamp(),
                                    record.key(),
                                    record.value(),
                                    headers))
                            .get();
                    signed.add(found);
                }
            }
        } catch (ExecutionException e) {
            throw e.getCause() instanceof KafkaException cause ? cause : new KafkaException(e.getCause());
        } catch (InterruptedException e) {
            throw new InterruptException(e);
        }
        return signed;
    }
}
