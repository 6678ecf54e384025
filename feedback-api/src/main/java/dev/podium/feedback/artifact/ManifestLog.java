package dev.podium.feedback.artifact;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.feedback.kafka.KafkaAccess;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.KafkaException;

/** All manifests as they are in the log, not as a table remembers them. */
final class ManifestLog {
    private ManifestLog() {}

    static List<AdapterManifest> all(KafkaAccess kafka) {
        Map<ByteBuffer, byte[]> newest = new HashMap<>();
        try (BoundedReader reader = kafka.reader()) {
            reader.readAll(reader.partitions(Topics.ADAPTERS), record -> {
                if (record.key() != null && record.value() == null) {
                    newest.remove(ByteBuffer.wrap(record.key()));
                } else if (record.key() != null) {
                    newest.put(ByteBuffer.wrap(record.key()), record.value());
                }
                return true;
            });
        }
        List<AdapterManifest> all = new ArrayList<>();
        for (byte[] value : newest.values()) {
            try {
                all.add(EventJson.read(value, AdapterManifest.class));
            } catch (InvalidEventException e) {
                throw new KafkaException("a manifest cannot be read, so nothing is removed: " + e.getMessage());
            }
        }
        return all;
    }
}
