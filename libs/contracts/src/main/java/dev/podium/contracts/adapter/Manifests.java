package dev.podium.contracts.adapter;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Looks up manifests in {@link Topics#ADAPTERS}. */
public final class Manifests {
    private Manifests() {}

    /**
     * The newest manifest of a version.
     *
     * @return empty when no such version was published
     * @throws ArtifactException when what is there is no valid manifest, or one of another version
     */
    public static Optional<AdapterManifest> find(BoundedReader reader, String projectId, String version)
            throws ArtifactException {
        String name = AdapterManifest.key(projectId, version);
        byte[] key = name.getBytes(UTF_8);
        Holder newest = new Holder();
        reader.readAll(Set.of(reader.partitionOf(Topics.ADAPTERS, key)), record -> {
            if (Arrays.equals(key, record.key())) {
                newest.value = record.value();
            }
            return true;
        });
        byte[] value = newest.value;
        if (value == null) {
            return Optional.empty();
        }
        try {
            AdapterManifest manifest = EventJson.read(value, AdapterManifest.class);
            if (!manifest.key().equals(name)) {
                throw new ArtifactException("the manifest under key " + name + " is of " + manifest.key());
            }
            return Optional.of(manifest);
        } catch (InvalidEventException e) {
            throw new ArtifactException("the manifest of " + name + " is " + e.getMessage());
        }
    }

    private static final class Holder {
        private byte @Nullable [] value;
    }
}
