package dev.podium.adapterclient;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.AdapterManifest.ArtifactFile;
import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.contracts.adapter.ArtifactStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** A store that can be told not to answer; the real one is tested in podium-object-store. */
final class MemoryStore implements ArtifactStore {
    private static final String PREFIX = "memory://here/";

    private final Map<String, byte[]> objects = new ConcurrentHashMap<>();
    private final AtomicInteger failures = new AtomicInteger();

    /** Takes the files of an adapter; they are by reference then. */
    List<ArtifactFile> take(AdapterManifest manifest, Path folder) throws IOException {
        List<ArtifactFile> files = new ArrayList<>();
        for (ArtifactFile file : manifest.files()) {
            put(file.sha256(), folder.resolve(file.name()));
            files.add(file.at(location(file.sha256())));
        }
        return files;
    }

    void exchange(ArtifactFile file, byte[] content) {
        objects.put(file.sha256(), content);
    }

    /** So many times in a row. */
    void fail(int times) {
        failures.set(times);
    }

    @Override
    public void put(String name, Path file) throws IOException {
        objects.put(name, Files.readAllBytes(file));
    }

    @Override
    public void get(String name, Path target, long maxBytes) throws IOException {
        if (failures.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
            throw new IOException("the object store does not answer");
        }
        byte[] content = objects.get(name);
        if (content == null) {
            throw new NoSuchFileException(name);
        }
        Files.write(target, content);
    }

    @Override
    public List<Stored> list(String prefix) {
        return objects.entrySet().stream()
                .filter(each -> each.getKey().startsWith(prefix))
                .map(each -> new Stored(each.getKey(), each.getValue().length, Instant.now()))
                .toList();
    }

    @Override
    public void delete(String name) {
        objects.remove(name);
    }

    @Override
    public String location(String name) {
        return PREFIX + name;
    }

    @Override
    public String name(String location) throws ArtifactException {
        if (!location.startsWith(PREFIX)) {
            throw new ArtifactException(location + " is not in this store");
        }
        return location.substring(PREFIX.length());
    }

    @Override
    public void close() {
        // Nothing is held.
    }
}
