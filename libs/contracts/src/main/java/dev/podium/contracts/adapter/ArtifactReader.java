package dev.podium.contracts.adapter;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.AdapterManifest.ArtifactFile;
import dev.podium.contracts.AdapterManifest.ChunkLocation;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/** Puts artifacts together from their chunks, one chunk in memory at a time; size and sha256 are verified. */
public final class ArtifactReader {
    private final BoundedReader reader;
    private final Optional<ArtifactStore> store;

    /** Reads chunks; a file that is kept elsewhere is refused. */
    public ArtifactReader(BoundedReader reader) {
        this(reader, Optional.empty());
    }

    /** @param store where files with a location are */
    public ArtifactReader(BoundedReader reader, Optional<ArtifactStore> store) {
        this.reader = reader;
        this.store = store;
    }

    /**
     * Writes a file's content.
     *
     * @param target replaced when there; after an exception it is gone
     * @throws ArtifactException when a chunk is missing, size or sha256 are not the manifest's, or its location is not in
     *     the store that this reader is configured for
     * @throws IOException when the store or the disk does not do it now; asking again may help
     */
    public void fetch(ArtifactFile file, Path target) throws ArtifactException, IOException {
        if (file.chunks() > Math.max(1, file.bytes())) {
            throw new ArtifactException(
                    file.name() + " claims " + file.chunks() + " chunks for " + file.bytes() + " bytes");
        }
        boolean done = false;
        try {
            if (file.location().isPresent()) {
                fromStore(file, file.location().get(), target);
            } else {
                write(file, target);
            }
            done = true;
        } finally {
            if (!done) {
                Files.deleteIfExists(target);
            }
        }
    }

    private void fromStore(ArtifactFile file, String location, Path target) throws ArtifactException, IOException {
        ArtifactStore from = store.orElseThrow(() -> new ArtifactException(file.name()
                + " is in an object store, and this application is configured for none (podium.store.url)"));
        String name = from.name(location);
        try {
            from.get(name, target, file.bytes());
        } catch (NoSuchFileException e) {
            throw new ArtifactException(file.name() + " is not where its manifest says: " + location);
        }
        ArtifactFile fetched = ArtifactFiles.describe(target);
        if (fetched.bytes() != file.bytes() || !fetched.sha256().equals(file.sha256())) {
            throw new ArtifactException(
                    file.name() + " in the object store has " + fetched.bytes() + " bytes and sha256 "
                            + fetched.sha256() + ", its manifest says " + file.bytes() + " and " + file.sha256());
        }
    }

    private void write(ArtifactFile file, Path target) throws ArtifactException, IOException {
        MessageDigest digest = sha256();
        List<ChunkLocation> hints = file.locations();
        Map<Integer, ChunkLocation> found = Map.of();
        long written = 0;
        try (OutputStream out = Files.newOutputStream(target)) {
            for (int index = 0; index < file.chunks(); index++) {
                Optional<byte[]> chunk = hints.isEmpty() ? Optional.empty() : at(file, index, hints.get(index));
                if (chunk.isEmpty()) {
                    if (found.isEmpty()) {
                        found = search(file);
                    }
                    ChunkLocation location = found.get(index);
                    chunk = location == null ? Optional.empty() : at(file, index, location);
                }
                byte[] bytes = chunk.orElseThrow(missing(file, index));
                written += bytes.length;
                if (written > file.bytes()) {
                    throw new ArtifactException(
                            file.name() + " has more than the " + file.bytes() + " bytes that its manifest gives");
                }
                digest.update(bytes);
                out.write(bytes);
            }
        }
        if (written != file.bytes()) {
            throw new ArtifactException(file.name() + " has " + written + " bytes, its manifest says " + file.bytes());
        }
        String sha256 = HexFormat.of().formatHex(digest.digest());
        if (!sha256.equals(file.sha256())) {
            throw new ArtifactException(file.name() + " has sha256 " + sha256 + ", its manifest says " + file.sha256());
        }
    }

    private static java.util.function.Supplier<ArtifactException> missing(ArtifactFile file, int index) {
        return () -> new ArtifactException("chunk " + index + " of " + file.chunks() + " of " + file.name()
                + " is missing in " + Topics.ARTIFACT_CHUNKS);
    }

    private Optional<byte[]> at(ArtifactFile file, int index, ChunkLocation location) {
        TopicPartition partition = new TopicPartition(Topics.ARTIFACT_CHUNKS, location.partition());
        if (!reader.partitions(Topics.ARTIFACT_CHUNKS).contains(partition)) {
            return Optional.empty();
        }
        return reader.at(partition, location.offset())
                .filter(record ->
                        Arrays.equals(record.key(), file.chunkKey(index).getBytes(UTF_8)))
                .flatMap(record -> Optional.ofNullable(record.value()));
    }

    private Map<Integer, ChunkLocation> search(ArtifactFile file) {
        Map<String, Integer> wanted = new HashMap<>();
        for (int index = 0; index < file.chunks(); index++) {
            wanted.put(file.chunkKey(index), index);
        }
        Map<Integer, ChunkLocation> found = new HashMap<>();
        reader.readAll(reader.partitions(Topics.ARTIFACT_CHUNKS), record -> {
            Integer index = record.key() == null ? null : wanted.get(new String(record.key(), UTF_8));
            if (index != null) {
                note(found, index, record);
            }
            return true;
        });
        return found;
    }

    private static void note(Map<Integer, ChunkLocation> found, int index, ConsumerRecord<byte[], byte[]> record) {
        if (record.value() == null) {
            found.remove(index);
        } else {
            found.put(index, new ChunkLocation(record.partition(), record.offset()));
        }
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
