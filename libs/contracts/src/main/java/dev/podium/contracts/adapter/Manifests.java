package dev.podium.contracts.adapter;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/** Looks up manifests in {@link Topics#ADAPTERS}. */
public final class Manifests {
    private Manifests() {}

    /**
     * The newest manifest of a version, whoever wrote it.
     *
     * @return empty when no such version was published
     * @throws ArtifactException when what is there is no valid manifest, or one of another version
     */
    public static Optional<AdapterManifest> find(BoundedReader reader, String projectId, String version)
            throws ArtifactException {
        return findSigned(reader, projectId, version).map(SignedManifest::manifest);
    }

    /** The same with its signature, which is not looked at; see {@link ManifestTrust}. */
    public static Optional<SignedManifest> findSigned(BoundedReader reader, String projectId, String version)
            throws ArtifactException {
        String name = AdapterManifest.key(projectId, version);
        byte[] key = name.getBytes(UTF_8);
        Holder newest = new Holder();
        reader.readAll(Set.of(reader.partitionOf(Topics.ADAPTERS, key)), record -> {
            if (Arrays.equals(key, record.key())) {
                newest.record = record;
            }
            return true;
        });
        ConsumerRecord<byte[], byte[]> record = newest.record;
        if (record == null || record.value() == null) {
            return Optional.empty();
        }
        return Optional.of(
                SignedManifest.read(name, record.value(), CloudEvents.text(record.headers(), SigningKey.HEADER)));
    }

    private static final class Holder {
        private @Nullable ConsumerRecord<byte[], byte[]> record;
    }
}
