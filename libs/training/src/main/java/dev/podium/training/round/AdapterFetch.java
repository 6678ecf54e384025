package dev.podium.training.round;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.adapter.AdapterFolder;
import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.contracts.adapter.ArtifactReader;
import dev.podium.contracts.adapter.Manifests;
import dev.podium.contracts.adapter.SignedManifest;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.training.publish.Publishing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;

/** Fetches the adapters that a round continues from or scores with, verified as a service verifies them. */
final class AdapterFetch {
    private AdapterFetch() {}

    /**
     * An adapter on disk.
     *
     * @param folder PEFT folder
     */
    record Fetched(AdapterManifest manifest, Path folder) {}

    /**
     * Fetches an adapter into a folder of the round.
     *
     * @param publishing which manifests are believed, and where large files are
     * @param base model of the round
     * @throws RoundFailure {@code unknown_adapter}
     * @throws StoreAwayException when the store or the disk does not do it now
     */
    static Fetched fetch(
            BoundedReader reader,
            Publishing publishing,
            RoundCommand.StartRound command,
            String version,
            AdapterManifest.Kind kind,
            AdapterManifest.BaseModel base,
            Path target)
            throws RoundFailure, StoreAwayException {
        AdapterManifest manifest = manifest(reader, publishing, command, version);
        try {
            check(manifest, kind, base);
            fetch(reader, publishing, manifest, target);
            return new Fetched(manifest, target);
        } catch (ArtifactException e) {
            throw unusable(version, e);
        } catch (IOException e) {
            throw away(version, e);
        }
    }

    /**
     * Fetches the whole model that a round builds on: the one that its initial version is, or the one that its initial
     * adapter belongs to. Empty where the round uses the base model that its command names.
     */
    static Optional<Fetched> fetchModel(
            BoundedReader reader, Publishing publishing, RoundCommand.StartRound command, Path target)
            throws RoundFailure, StoreAwayException {
        if (command.initialAdapter().isEmpty()) {
            return Optional.empty();
        }
        String version = command.initialAdapter().get();
        AdapterManifest manifest = manifest(reader, publishing, command, version);
        if (manifest.kind() != AdapterManifest.Kind.MODEL) {
            Optional<String> below = AdapterManifest.versionOfModel(
                    command.projectId(), manifest.baseModel().name());
            if (manifest.baseModel().name().equals(command.baseModel()) || below.isEmpty()) {
                return Optional.empty();
            }
            version = below.get();
            manifest = manifest(reader, publishing, command, version);
        }
        try {
            if (manifest.kind() != AdapterManifest.Kind.MODEL) {
                throw new ArtifactException("it is of kind " + manifest.kind() + ", needed is a whole model");
            }
            fetch(reader, publishing, manifest, target);
            return Optional.of(new Fetched(manifest, target));
        } catch (ArtifactException e) {
            throw unusable(version, e);
        } catch (IOException e) {
            throw away(version, e);
        }
    }

    private static AdapterManifest manifest(
            BoundedReader reader, Publishing publishing, RoundCommand.StartRound command, String version)
            throws RoundFailure, StoreAwayException {
        try {
            SignedManifest signed = Manifests.findSigned(reader, command.projectId(), version)
                    .orElseThrow(() -> new RoundFailure(
                            "unknown_adapter",
                            "project " + command.projectId() + " has no adapter " + version
                                    + "; name one that was published"));
            publishing.trust().check(signed);
            return signed.manifest();
        } catch (ArtifactException e) {
            throw unusable(version, e);
        } catch (IOException e) {
            throw new StoreAwayException("whether adapter " + version + " is trusted cannot be told now", e);
        }
    }

    private static StoreAwayException away(String version, IOException e) {
        return new StoreAwayException("adapter " + version + " is not to be had now", e);
    }

    private static RoundFailure unusable(String version, ArtifactException e) {
        return new RoundFailure(
                "unknown_adapter",
                "adapter " + version + " cannot be used: " + e.getMessage() + "; name another version",
                e);
    }

    private static void fetch(BoundedReader reader, Publishing publishing, AdapterManifest manifest, Path target)
            throws ArtifactException, IOException {
        if (Files.isDirectory(target)) {
            return;
        }
        List<String> names = manifest.files().stream()
                .map(AdapterManifest.ArtifactFile::name)
                .toList();
        AdapterFolder.checkNames(names, manifest.kind());
        Path aside = target.resolveSibling(target.getFileName() + ".aside");
        WorkFolder.delete(aside);
        Files.createDirectories(aside);
        ArtifactReader artifacts = new ArtifactReader(reader, publishing.store());
        for (AdapterManifest.ArtifactFile file : manifest.files()) {
            artifacts.fetch(file, aside.resolve(file.name()));
        }
        AdapterFolder.check(aside, manifest.kind(), manifest.baseModel().name(), manifest.lora());
        Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
    }

    private static void check(AdapterManifest manifest, AdapterManifest.Kind kind, AdapterManifest.BaseModel base)
            throws ArtifactException {
        if (manifest.kind() != kind) {
            throw new ArtifactException("it is of kind " + manifest.kind() + ", needed is " + kind);
        }
        if (!manifest.baseModel().equals(base)) {
            throw new ArtifactException("it belongs to base model "
                    + manifest.baseModel().name() + " (sha256 "
                    + manifest.baseModel().sha256() + "), the round uses " + base.name() + " (sha256 "
                    + base.sha256() + ")");
        }
    }
}
