package dev.podium.contracts.adapter;

import dev.podium.contracts.AdapterManifest.ArtifactFile;
import dev.podium.contracts.Topics;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;

/** Files on disk as artifacts: their description, and their content in chunks. */
public final class ArtifactFiles {
    private ArtifactFiles() {}

    /** What is done with each chunk, in order. */
    public interface ChunkHandler {
        void accept(int index, byte[] chunk) throws IOException;
    }

    /** Name, sha256, size and number of chunks of a file. */
    public static ArtifactFile describe(Path file) throws IOException {
        MessageDigest digest = ArtifactReader.sha256();
        long[] bytes = {0};
        int chunks = forEachChunk(file, (index, chunk) -> {
            digest.update(chunk);
            bytes[0] += chunk.length;
        });
        return new ArtifactFile(
                file.getFileName().toString(), HexFormat.of().formatHex(digest.digest()), bytes[0], chunks);
    }

    /** Cuts a file; an empty one is a single empty chunk. Returns the number of chunks. */
    public static int forEachChunk(Path file, ChunkHandler handler) throws IOException {
        int index = 0;
        try (InputStream in = Files.newInputStream(file)) {
            byte[] chunk = in.readNBytes(Topics.MAX_CHUNK_BYTES);
            while (index == 0 || chunk.length > 0) {
                handler.accept(index, chunk);
                index++;
                chunk = in.readNBytes(Topics.MAX_CHUNK_BYTES);
            }
        }
        return index;
    }
}
