package dev.podium.contracts.adapter;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * Which manifests, or which pointers of channels, are believed: those signed by a key of a file, or all where no file is
 * configured. The file is read at each check, so that a rotation or a revocation needs no restart; a file that cannot be
 * read lets nothing through.
 */
public final class ManifestTrust {
    /** Name of the setting in every application. */
    public static final String SETTING = "podium.trusted.keys.file";

    /** Name of the setting of the keys whose pointers of channels are followed. */
    public static final String POINTERS_SETTING = "podium.trusted.pointer.keys.file";

    private static final ManifestTrust EVERYTHING = new ManifestTrust(Optional.empty());

    private final Optional<Path> file;

    private ManifestTrust(Optional<Path> file) {
        this.file = file;
    }

    /** Believes everything: for a Kafka that only trusted programs can write to. */
    public static ManifestTrust everything() {
        return EVERYTHING;
    }

    /** @param file of trusted keys, see {@link TrustedKeys} */
    public static ManifestTrust in(Path file) {
        return new ManifestTrust(Optional.of(file));
    }

    /** As configured by {@link #SETTING} or {@link #POINTERS_SETTING}; absent or blank is {@link #everything()}. */
    public static ManifestTrust configured(Optional<String> setting) {
        return setting.filter(text -> !text.isBlank())
                .map(text -> in(Path.of(text)))
                .orElse(EVERYTHING);
    }

    /** Whether signatures are looked at. */
    public boolean isRequired() {
        return file.isPresent();
    }

    /** Ids of the keys that count; empty where all is believed. */
    public Set<String> ids() throws IOException {
        return file.isEmpty() ? Set.of() : TrustedKeys.read(file.get()).ids();
    }

    /**
     * Refuses what is not believed.
     *
     * @throws ArtifactException when signature and keys do not go together
     * @throws IOException when the file of keys cannot be read
     */
    public void check(SignedManifest signed) throws ArtifactException, IOException {
        check(signed.manifest().key(), signed.value(), signed.signature());
    }

    /**
     * The same for bytes.
     *
     * @param key project/version
     */
    public void check(String key, byte[] value, Optional<String> signature) throws ArtifactException, IOException {
        if (file.isPresent()) {
            TrustedKeys.read(file.get()).verify(key.getBytes(UTF_8), value, signature);
        }
    }

    /**
     * The same for a pointer.
     *
     * @param key project/channel
     */
    public void checkPointer(byte[] key, byte[] value, Optional<String> signature)
            throws ArtifactException, IOException {
        if (file.isPresent()) {
            TrustedKeys.read(file.get()).verify(SigningKey.Purpose.POINTER, key, value, signature);
        }
    }
}
