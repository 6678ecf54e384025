package dev.podium.contracts.adapter;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import java.util.Optional;

/**
 * A manifest as it was published: the bytes that were signed, and the signature.
 *
 * @param signature of {@link SigningKey#HEADER}; empty: not signed
 */
@SuppressWarnings("ArrayRecordComponent")
public record SignedManifest(AdapterManifest manifest, byte[] value, Optional<String> signature) {
    /**
     * Reads a manifest.
     *
     * @param key project/version under which it was found
     * @throws ArtifactException when the bytes are no valid manifest, or one of another version
     */
    public static SignedManifest read(String key, byte[] value, Optional<String> signature) throws ArtifactException {
        try {
            AdapterManifest manifest = EventJson.read(value, AdapterManifest.class);
            if (!manifest.key().equals(key)) {
                throw new ArtifactException("the manifest under key " + key + " is of " + manifest.key());
            }
            return new SignedManifest(manifest, value, signature);
        } catch (InvalidEventException e) {
            throw new ArtifactException("the manifest of " + key + " is " + e.getMessage());
        }
    }
}
