package dev.podium.training.round;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.AdapterManifest.ArtifactFile;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.adapter.ArtifactFiles;
import dev.podium.contracts.adapter.ArtifactStore;
import dev.podium.contracts.adapter.StoredNames;
import dev.podium.training.data.WholeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A copy of an unfinished round's checkpoints and data set in an object store, so that a trainer on another machine goes on from the last
 * checkpoint instead of from the first step.
 *
 * <pre>
 *   checkpoints/ROUND/SHA256        each file, once
 *   checkpoints/ROUND/index.json    {"step": 40, "files": {"checkpoint.bin": SHA256, ...}}, written last
 * </pre>
 *
 * A round is a function of its command and its step: which of two trainers' copies stands there is of no matter, both
 * lead to the same adapter. The disk stays the first place: a store that is away costs a line in the log, never a round.
 * It is asked by the thread that trains, so after a failure no checkpoint is copied for some minutes.
 */
final class CheckpointMirror {
    private static final Logger LOG = LoggerFactory.getLogger(CheckpointMirror.class);
    private static final String INDEX = "index.json";
    private static final String STEP = "checkpoint-step";
    private static final long MAX_INDEX_BYTES = 1 << 20;
    private static final long MAX_FILE_BYTES = 1L << 40;
    private static final int MAX_DEPTH = 2;
    // All else is fetched or made again from what the log says, whole models among it, or belongs to this machine.
    private static final Pattern COPIED =
            Pattern.compile("(member-[0-9]+/)?checkpoint\\.bin|data-set\\.(jsonl|missing)|" + STEP);

    private static final Duration PAUSE = Duration.ofMinutes(10);

    private final Optional<ArtifactStore> store;
    private final LongSupplier nanoTime;
    private OptionalLong failedNanos = OptionalLong.empty();

    CheckpointMirror(Optional<ArtifactStore> store, LongSupplier nanoTime) {
        this.store = store;
        this.nanoTime = nanoTime;
    }

    /** Brings a round's folder up to the store's copy, where that has come further. */
    void restore(String roundId, Path folder) {
        if (store.isEmpty()) {
            return;
        }
        try {
            Optional<JsonNode> index = index(store.get(), roundId, folder);
            if (index.isEmpty() || index.get().path("step").asInt() <= localStep(folder)) {
                return;
            }
            fetch(store.get(), roundId, index.get(), folder);
            LOG.info(
                    "round {}: the checkpoint of step {} came from the object store",
                    roundId,
                    index.get().path("step").asInt());
        } catch (IOException | RuntimeException e) {
            LOG.warn(
                    "round {}: no checkpoint from the object store, going on with what is here: {}",
                    roundId,
                    e.toString());
        }
    }

    /** Copies what has changed since the last checkpoint. */
    void save(String roundId, Path folder, int step) {
        if (store.isEmpty()) {
            return;
        }
        try {
            WholeFile.write(folder.resolve(STEP), Integer.toString(step));
            if (failedNanos.isPresent() && nanoTime.getAsLong() - failedNanos.getAsLong() < PAUSE.toNanos()) {
                return;
            }
            ArtifactStore target = store.get();
            Map<String, String> files = new TreeMap<>();
            Set<String> there = new HashSet<>();
            for (ArtifactStore.Stored stored : target.list(StoredNames.checkpoints(roundId))) {
                there.add(stored.name());
            }
            for (Path file : files(folder)) {
                ArtifactFile described = ArtifactFiles.describe(file);
                String name = StoredNames.checkpoint(roundId, described.sha256());
                if (!there.contains(name)) {
                    target.put(name, file);
                }
                files.put(name(folder, file), described.sha256());
            }
            Path index = folder.resolve(INDEX + ".tmp");
            Files.write(index, EventJson.write(Map.of("step", step, "files", files)));
            target.put(StoredNames.checkpoint(roundId, INDEX), index);
            Files.delete(index);
            removeOthers(target, there, files);
            failedNanos = OptionalLong.empty();
        } catch (IOException | RuntimeException e) {
            failedNanos = OptionalLong.of(nanoTime.getAsLong());
            LOG.warn(
                    "round {}: the checkpoint of step {} is on this disk only, and so are those of the next {} min: {}",
                    roundId,
                    step,
                    PAUSE.toMinutes(),
                    e.toString());
        }
    }

    /** The round has ended. */
    void discard(String roundId) {
        if (store.isEmpty()) {
            return;
        }
        try {
            for (ArtifactStore.Stored stored : store.get().list(StoredNames.checkpoints(roundId))) {
                store.get().delete(stored.name());
            }
        } catch (IOException e) {
            LOG.warn("round {}: its checkpoint stays in the object store: {}", roundId, e.toString());
        }
    }

    private static void removeOthers(ArtifactStore target, Set<String> there, Map<String, String> files)
            throws IOException {
        for (String name : there) {
            String last = name.substring(name.lastIndexOf('/') + 1);
            if (!last.equals(INDEX) && !files.containsValue(last)) {
                target.delete(name);
            }
        }
    }

    private static void fetch(ArtifactStore from, String roundId, JsonNode index, Path folder) throws IOException {
        Path aside = folder.resolveSibling(folder.getFileName() + ".fetched");
        WorkFolder.delete(aside);
        Files.createDirectories(aside);
        try {
            Map<String, String> files = new LinkedHashMap<>();
            index.path("files").fields().forEachRemaining(file -> {
                if (COPIED.matcher(file.getKey()).matches()) {
                    files.put(file.getKey(), file.getValue().asText());
                }
            });
            for (Map.Entry<String, String> file : files.entrySet()) {
                Path target = aside.resolve(file.getKey()).normalize();
                if (!target.startsWith(aside)) {
                    throw new IOException(file.getKey() + " is no file of a round");
                }
                Files.createDirectories(target.getParent());
                from.get(StoredNames.checkpoint(roundId, file.getValue()), target, MAX_FILE_BYTES);
                if (!ArtifactFiles.describe(target).sha256().equals(file.getValue())) {
                    throw new IOException(file.getKey() + " is not what the index says");
                }
            }
            // All of it is here and sound: only now does it take the place of what was there. The step goes last: with
            // an older one a start that was cut short here is done again.
            List<String> order = new ArrayList<>(files.keySet());
            order.sort(Comparator.comparing((String file) -> file.equals(STEP)).thenComparing(file -> file));
            for (String file : order) {
                Path target = folder.resolve(file);
                Files.createDirectories(target.getParent());
                Files.move(aside.resolve(file), target, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            }
        } finally {
            WorkFolder.delete(aside);
        }
    }

    private static Optional<JsonNode> index(ArtifactStore from, String roundId, Path folder) throws IOException {
        Path file = folder.resolve(INDEX + ".fetched");
        try {
            from.get(StoredNames.checkpoint(roundId, INDEX), file, MAX_INDEX_BYTES);
            return Optional.of(EventJson.tree(Files.readAllBytes(file)));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (InvalidEventException e) {
            throw new IOException("the index of the checkpoint is " + e.getMessage(), e);
        } finally {
            Files.deleteIfExists(file);
        }
    }

    private static int localStep(Path folder) throws IOException {
        return WholeFile.count(folder.resolve(STEP));
    }

    private static String name(Path folder, Path file) {
        return folder.relativize(file).toString().replace('\\', '/');
    }

    private static List<Path> files(Path folder) throws IOException {
        List<Path> files = new ArrayList<>();
        try (Stream<Path> all = Files.walk(folder, MAX_DEPTH)) {
            for (Path file : all.filter(Files::isRegularFile).toList()) {
                if (COPIED.matcher(name(folder, file)).matches()) {
                    files.add(file);
                }
            }
        }
        return files;
    }
}
