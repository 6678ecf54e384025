package dev.podium.training.publish;

import dev.podium.contracts.adapter.ArtifactStore;
import dev.podium.contracts.adapter.ManifestTrust;
import dev.podium.contracts.adapter.SigningKey;
import dev.podium.objectstore.S3ArtifactStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How a trainer puts adapters on the model topic, and which of others it takes.
 *
 * @param key signs manifests; empty: they are not signed
 * @param trust which manifests of adapters to continue or to score with are believed
 * @param store where large files and checkpoints go; empty: chunks in Kafka, and checkpoints on this disk
 * @param referenceFromBytes from this size on a file goes to the store, when there is one
 */
public record Publishing(
        Optional<SigningKey> key, ManifestTrust trust, Optional<ArtifactStore> store, long referenceFromBytes) {
    /** Chunks of 900 KB are read one by one: beyond this a store is quicker, and Kafka stays small. */
    public static final long REFERENCE_FROM_BYTES = 64L << 20;

    private static final Logger LOG = LoggerFactory.getLogger(Publishing.class);

    /**
     * As configured: {@code podium.signing.key.file}, {@code podium.trusted.keys.file}, {@code podium.store.*}.
     *
     * @throws IllegalArgumentException naming the setting that is wrong
     * @throws IOException when the key cannot be read
     */
    public static Publishing configured(Function<String, Optional<String>> settings) throws IOException {
        Optional<SigningKey> key = Optional.empty();
        Optional<String> file = settings.apply("podium.signing.key.file").filter(text -> !text.isBlank());
        if (file.isPresent()) {
            Path path = Path.of(file.get());
            key = Optional.of(SigningKey.read(path));
            LOG.info("manifests are signed by key {}", key.get().id());
            if (SigningKey.isReadableByOthers(path)) {
                LOG.warn("{} can be read by others than its owner: chmod 600 {}", path, path);
            }
        }
        ManifestTrust trust = ManifestTrust.configured(settings.apply(ManifestTrust.SETTING));
        if (key.isPresent()
                && trust.isRequired()
                && !trust.ids().contains(key.get().id())) {
            LOG.warn(
                    "what this trainer signs is trusted nowhere: key {} is not in {}; add its line by ./podium keys trust",
                    key.get().id(),
                    settings.apply(ManifestTrust.SETTING).orElse(""));
        }
        return new Publishing(
                key,
                trust,
                S3ArtifactStore.configured(settings),
                settings.apply("podium.store.reference.from.bytes")
                        .filter(text -> !text.isBlank())
                        .map(Long::parseLong)
                        .orElse(REFERENCE_FROM_BYTES));
    }

    /** Unsigned, in chunks. */
    public static Publishing plain() {
        return new Publishing(Optional.empty(), ManifestTrust.everything(), Optional.empty(), REFERENCE_FROM_BYTES);
    }
}
