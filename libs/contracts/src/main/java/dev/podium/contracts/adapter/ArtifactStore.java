package dev.podium.contracts.adapter;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

/**
 * Where large artifacts and checkpoints live outside of Kafka: a prefix of a bucket. Knows names, not meanings; what it
 * gives back is verified by whoever asked.
 *
 * <p>{@code podium-object-store} has one for S3 and what speaks like it.
 */
public interface ArtifactStore extends AutoCloseable {
    /** One object. */
    record Stored(String name, long bytes, Instant modified) {}

    /**
     * Stores a file, replacing what was there.
     *
     * @param name relative to the store's prefix, e.g. {@code artifacts/p/v1/SHA256}
     */
    void put(String name, Path file) throws IOException;

    /**
     * Fetches an object.
     *
     * @param target replaced when there; after an exception it may hold half of it
     * @param maxBytes beyond which nothing more is read
     * @throws java.nio.file.NoSuchFileException when there is no such object
     * @throws IOException when the store does not answer, or the object is larger: asking again may help
     */
    void get(String name, Path target, long maxBytes) throws IOException;

    /** All objects whose name begins with a prefix. */
    List<Stored> list(String prefix) throws IOException;

    /** Removes an object; one that is not there is no error. */
    void delete(String name) throws IOException;

    /** The address of an object, for a manifest. */
    String location(String name);

    /**
     * The name that an address stands for in this store. A manifest is written by others: an address outside of the
     * store's own prefix is not followed, whatever the store's credentials could reach.
     *
     * @throws ArtifactException when the address is not one of this store
     */
    String name(String location) throws ArtifactException;

    @Override
    void close();
}
