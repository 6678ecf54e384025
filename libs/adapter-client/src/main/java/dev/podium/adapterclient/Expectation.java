package dev.podium.adapterclient;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.adapter.AdapterFolder;
import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.contracts.adapter.BaseShape;
import java.util.List;
import java.util.Optional;

/**
 * What an adapter must be for this service.
 *
 * @param baseModel name of the base model that the service runs
 * @param baseSha256 of its weights; empty: only the name is compared
 * @param maxRank largest rank the service has room for
 * @param maxBytes largest sum of an adapter's files
 * @param shape of the base model, that the adapter's tensors must fit; empty: they must fit one another only
 */
public record Expectation(
        String baseModel, Optional<String> baseSha256, int maxRank, long maxBytes, Optional<BaseShape> shape) {
    private static final long DEFAULT_MAX_BYTES = 2L << 30;

    /** Tensors need to fit one another only. */
    public Expectation(String baseModel, Optional<String> baseSha256, int maxRank, long maxBytes) {
        this(baseModel, baseSha256, maxRank, maxBytes, Optional.empty());
    }

    /** The same with the shape of the base model, see {@link BaseShape#read}. */
    public Expectation shaped(BaseShape base) {
        return new Expectation(baseModel, baseSha256, maxRank, maxBytes, Optional.of(base));
    }

    /** Any servable rank, at most 2 GiB. */
    public static Expectation of(String baseModel, String baseSha256) {
        return new Expectation(baseModel, Optional.of(baseSha256), 64, DEFAULT_MAX_BYTES);
    }

    /** Refuses what the manifest alone shows to be wrong, before anything is fetched. */
    void check(AdapterManifest manifest) throws ArtifactException {
        if (manifest.kind() == AdapterManifest.Kind.MODEL) {
            throw new ArtifactException(
                    "version " + manifest.version() + " is a whole model (full fine-tuning), and this"
                            + " service swaps adapters only; to serve it, fetch it with './podium adapters fetch "
                            + manifest.version() + " --project " + manifest.projectId()
                            + "' and start the service with it as its base model");
        }
        if (manifest.kind() != AdapterManifest.Kind.POLICY) {
            throw new ArtifactException("version " + manifest.version() + " is a " + manifest.kind()
                    + " adapter; only POLICY adapters can answer requests");
        }
        if (!manifest.baseModel().name().equals(baseModel)) {
            throw new ArtifactException(
                    "it belongs to base model " + manifest.baseModel().name() + ", this service runs " + baseModel);
        }
        if (baseSha256.isPresent()
                && !baseSha256.get().equals(manifest.baseModel().sha256())) {
            throw new ArtifactException("it belongs to " + baseModel + " with sha256 "
                    + manifest.baseModel().sha256() + ", this service runs " + baseSha256.get());
        }
        int rank = manifest.lora().map(RoundConfig.Lora::r).orElse(0);
        if (rank > maxRank) {
            throw new ArtifactException("it has rank " + rank + ", this service takes at most " + maxRank);
        }
        List<String> names = manifest.files().stream()
                .map(AdapterManifest.ArtifactFile::name)
                .toList();
        AdapterFolder.checkNames(names, manifest.kind());
        long bytes = manifest.files().stream()
                .mapToLong(AdapterManifest.ArtifactFile::bytes)
                .sum();
        if (bytes > maxBytes) {
            throw new ArtifactException("it has " + bytes + " bytes, this service takes at most " + maxBytes);
        }
    }
}
