package dev.podium.local.command;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.AdapterManifest.ArtifactFile;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.adapter.AdapterFolder;
import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.contracts.adapter.ArtifactFiles;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Fetches what a round published over the REST interface, and believes nothing that is not verified here. */
final class AdapterDownload {
    private AdapterDownload() {}

    /**
     * Fetches into a folder, which is there whole or not at all.
     *
     * @param to empty: below {@code models} for a whole model, else named after the version
     */
    static Path fetch(Api api, String project, String version, Optional<Path> to, Path models)
            throws ApiException, IOException {
        AdapterManifest manifest;
        try {
            manifest = EventJson.read(
                    EventJson.write(api.get(Api.path("projects", project, "adapters", version))),
                    AdapterManifest.class);
        } catch (InvalidEventException e) {
            throw new IOException("feedback-api's answer is no manifest: " + e.getMessage(), e);
        }
        Path target = to.orElseGet(() -> manifest.kind() == AdapterManifest.Kind.MODEL
                        ? models.resolve(manifest.modelName())
                        : Path.of(version))
                .toAbsolutePath();
        if (Files.exists(target)) {
            throw new IOException(target + " is there already; name another folder by --to, or remove it");
        }
        Path aside = target.resolveSibling(target.getFileName() + ".part");
        delete(aside);
        Files.createDirectories(aside);
        try {
            AdapterFolder.checkNames(
                    manifest.files().stream().map(ArtifactFile::name).toList(), manifest.kind());
            for (ArtifactFile file : manifest.files()) {
                Path local = aside.resolve(file.name());
                try (InputStream content =
                        api.stream(Api.path("projects", project, "adapters", version, "files", file.name()))) {
                    Files.copy(content, local);
                }
                if (!ArtifactFiles.describe(local).sha256().equals(file.sha256())) {
                    throw new ArtifactException(file.name() + " arrived with another sha256 than the manifest's");
                }
            }
            AdapterFolder.check(aside, manifest.kind(), manifest.baseModel().name(), manifest.lora());
            Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
            return target;
        } catch (ArtifactException e) {
            throw new IOException(version + " was not fetched: " + e.getMessage(), e);
        } finally {
            delete(aside);
        }
    }

    static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        List<Path> all;
        try (Stream<Path> files = Files.walk(folder)) {
            all = files.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path file : all) {
            Files.delete(file);
        }
    }
}
