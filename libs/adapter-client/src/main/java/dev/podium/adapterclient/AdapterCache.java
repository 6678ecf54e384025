package dev.podium.adapterclient;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.adapter.AdapterFolder;
import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.contracts.adapter.ArtifactFiles;
import dev.podium.contracts.adapter.ArtifactReader;
import dev.podium.contracts.adapter.ManifestTrust;
import dev.podium.contracts.adapter.SignedManifest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Verified adapters on disk, and which one answered last.
 *
 * <pre>
 *   cacheDir/current.json                 {"clusterId","sequence","folder"}
 *   cacheDir/adapters/PROJECT.VERSION.SHA/manifest.json, signature    byte for byte as published
 *   cacheDir/adapters/PROJECT.VERSION.SHA/peft/adapter_config.json, adapter_model.safetensors
 * </pre>
 *
 * A folder is written aside and renamed, so it is there whole or not at all.
 */
final class AdapterCache {
    private static final Logger LOG = LoggerFactory.getLogger(AdapterCache.class);
    private static final String CURRENT = "current.json";
    private static final String MANIFEST = "manifest.json";
    private static final String SIGNATURE = "signature";
    private static final String PEFT = "peft";
    // Enough to roll back without the network.
    private static final int KEPT = 4;

    private final Path root;
    private final Path adapters;
    private final Expectation expectation;
    private final ManifestTrust trust;

    AdapterCache(Path root, Expectation expectation, ManifestTrust trust) throws IOException {
        this.expectation = expectation;
        this.trust = trust;
        this.root = Files.createDirectories(root);
        this.adapters = Files.createDirectories(root.resolve("adapters"));
        try (Stream<Path> folders = Files.list(adapters)) {
            for (Path left : folders.filter(AdapterCache::isAside).toList()) {
                delete(left);
            }
        }
    }

    /** What answered last, as remembered. */
    record Current(String clusterId, long sequence, Optional<ServedAdapter> adapter) {}

    /** What answered last; empty at the first start, or when the cache is damaged (it is then fetched again). */
    Optional<Current> current() {
        Path file = root.resolve(CURRENT);
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try {
            JsonNode node = EventJson.tree(Files.readAllBytes(file));
            String folder = node.path("folder").asText("");
            Optional<ServedAdapter> adapter = folder.isEmpty() ? Optional.empty() : Optional.of(open(folder));
            return Optional.of(new Current(
                    node.path("clusterId").asText(""), node.path("sequence").asLong(), adapter));
        } catch (IOException | InvalidEventException | ArtifactException | RuntimeException e) {
            LOG.warn("the adapter cache {} is not usable, starting without it: {}", root, e.getMessage());
            return Optional.empty();
        }
    }

    void remember(Current current) throws IOException {
        String folder =
                current.adapter().map(adapter -> folderName(adapter.manifest())).orElse("");
        byte[] json = EventJson.write(
                Map.of("clusterId", current.clusterId(), "sequence", current.sequence(), "folder", folder));
        Path aside = root.resolve(CURRENT + ".aside");
        Files.write(aside, json);
        Files.move(aside, root.resolve(CURRENT), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        if (!folder.isEmpty()) {
            Files.setLastModifiedTime(adapters.resolve(folder), FileTime.fromMillis(System.currentTimeMillis()));
        }
        prune(folder);
    }

    /**
     * The adapter from this disk when it is there whole, else fetched; verified in both cases.
     *
     * @throws ArtifactException when it is not what may be loaded here; asking again does not help
     * @throws IOException when a disk or a store does not do it now
     */
    ServedAdapter get(SignedManifest signed, ArtifactReader artifacts) throws ArtifactException, IOException {
        AdapterManifest manifest = signed.manifest();
        trust.check(signed);
        expectation.check(manifest);
        Path target = adapters.resolve(folderName(manifest));
        if (Files.isDirectory(target)) {
            try {
                ServedAdapter cached = verified(manifest, target);
                write(signed, target);
                Files.setLastModifiedTime(target, FileTime.fromMillis(System.currentTimeMillis()));
                return cached;
            } catch (ArtifactException | IOException e) {
                LOG.warn("the cached adapter {} is damaged, fetching it again: {}", target, e.getMessage());
                delete(target);
            }
        }
        Path aside = adapters.resolve("." + target.getFileName() + ".aside");
        delete(aside);
        try {
            Path peft = Files.createDirectories(aside.resolve(PEFT));
            for (AdapterManifest.ArtifactFile file : manifest.files()) {
                artifacts.fetch(file, peft.resolve(file.name()));
            }
            check(peft, manifest);
            write(signed, aside);
            Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            delete(aside);
        }
        return new ServedAdapter(manifest, target.resolve(PEFT));
    }

    private static void write(SignedManifest signed, Path folder) throws IOException {
        Files.write(folder.resolve(MANIFEST), signed.value());
        if (signed.signature().isPresent()) {
            Files.writeString(folder.resolve(SIGNATURE), signed.signature().get());
        } else {
            Files.deleteIfExists(folder.resolve(SIGNATURE));
        }
    }

    private ServedAdapter open(String folder) throws ArtifactException, IOException {
        Path target = adapters.resolve(folder).normalize();
        if (!adapters.equals(target.getParent())) {
            throw new ArtifactException(folder + " is no folder of the cache");
        }
        byte[] value = Files.readAllBytes(target.resolve(MANIFEST));
        AdapterManifest manifest;
        try {
            manifest = EventJson.read(value, AdapterManifest.class);
        } catch (InvalidEventException e) {
            throw new ArtifactException(target + ": " + e.getMessage());
        }
        Path signature = target.resolve(SIGNATURE);
        trust.check(
                manifest.key(),
                value,
                Files.exists(signature) ? Optional.of(Files.readString(signature)) : Optional.empty());
        expectation.check(manifest);
        return verified(manifest, target);
    }

    private ServedAdapter verified(AdapterManifest manifest, Path target) throws ArtifactException, IOException {
        Path peft = target.resolve(PEFT);
        for (AdapterManifest.ArtifactFile file : manifest.files()) {
            String sha256 = ArtifactFiles.describe(peft.resolve(file.name())).sha256();
            if (!sha256.equals(file.sha256())) {
                throw new ArtifactException(file.name() + " in " + peft + " was changed");
            }
        }
        check(peft, manifest);
        return new ServedAdapter(manifest, peft);
    }

    private void check(Path peft, AdapterManifest manifest) throws ArtifactException, IOException {
        AdapterFolder.check(peft, manifest.kind(), manifest.baseModel().name(), manifest.lora(), expectation.shape());
    }

    /** The hash of the weights makes the name unique where a version's name is not (another cluster). */
    private static String folderName(AdapterManifest manifest) {
        String sha256 = manifest.files().stream()
                .filter(file -> file.name().equals(AdapterFolder.WEIGHTS))
                .map(AdapterManifest.ArtifactFile::sha256)
                .findFirst()
                .orElseThrow();
        return plain(manifest.projectId()) + "." + plain(manifest.version()) + "." + sha256.substring(0, 16);
    }

    private static String plain(String name) {
        String plain = name.replaceAll("[^A-Za-z0-9_-]", "_");
        return plain.substring(0, Math.min(60, plain.length()));
    }

    private void prune(String current) throws IOException {
        List<Path> old;
        try (Stream<Path> folders = Files.list(adapters)) {
            old = folders.filter(folder -> !folder.getFileName().toString().equals(current))
                    .sorted(Comparator.comparing(AdapterCache::modified).reversed())
                    .skip(KEPT - 1L)
                    .toList();
        }
        for (Path folder : old) {
            delete(folder);
        }
    }

    private static FileTime modified(Path folder) {
        try {
            return Files.getLastModifiedTime(folder);
        } catch (IOException e) {
            return FileTime.fromMillis(0);
        }
    }

    private static boolean isAside(Path folder) {
        return folder.getFileName().toString().startsWith(".");
    }

    private static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
