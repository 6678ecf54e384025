package dev.podium.training.round;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.adapter.AdapterFolder;
import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.contracts.adapter.ArtifactReader;
import dev.podium.contracts.adapter.Manifests;
import dev.podium.contracts.log.BoundedReader;
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
     * @param baseSha256 of the base model of the round
     * @throws RoundFailure {@code unknown_adapter}
     */
    static Fetched fetch(
            BoundedReader reader,
            RoundCommand.StartRound command,
            String version,
            AdapterManifest.Kind kind,
            String baseSha256,
            Path target)
            throws RoundFailure, IOException {
        try {
            Optional<AdapterManifest> found = Manifests.find(reader, command.projectId(), version);
            if (found.isEmpty()) {
                throw new RoundFailure(
                        "unknown_adapter",
                        "project " + command.projectId() + " has no adapter " + version
                                + "; name one that was published");
            }
            AdapterManifest manifest = found.get();
            check(manifest, command, kind, baseSha256);
            if (!Files.isDirectory(target)) {
                Path aside = target.resolveSibling(target.getFileName() + ".aside");
                WorkFolder.delete(aside);
                Files.createDirectories(aside);
                ArtifactReader artifacts = new ArtifactReader(reader);
                for (AdapterManifest.ArtifactFile file : manifest.files()) {
                    artifacts.fetch(file, aside.resolve(file.name()));
                }
                AdapterFolder.check(aside, kind, command.baseModel(), manifest.lora());
                Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
            }
            return new Fetched(manifest, target);
        } catch (ArtifactException e) {
            throw new RoundFailure(
                    "unknown_adapter",
                    "adapter " + version + " cannot be used: " + e.getMessage() + "; name another version",
                    e);
        }
    }

    private static void check(
            AdapterManifest manifest, RoundCommand.StartRound command, AdapterManifest.Kind kind, String baseSha256)
            throws ArtifactException {
        if (manifest.kind() != kind) {
            throw new ArtifactException("it is of kind " + manifest.kind() + ", needed is " + kind);
        }
        if (!manifest.baseModel().name().equals(command.baseModel())
                || !manifest.baseModel().sha256().equals(baseSha256)) {
            throw new ArtifactException("it belongs to base model "
                    + manifest.baseModel().name() + " (sha256 "
                    + manifest.baseModel().sha256() + "), the round uses " + command.baseModel() + " (sha256 "
                    + baseSha256 + ")");
        }
        List<String> names = manifest.files().stream()
                .map(AdapterManifest.ArtifactFile::name)
                .toList();
        AdapterFolder.checkNames(names, kind);
    }
}
