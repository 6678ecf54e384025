package dev.podium.training.round;

import dev.podium.training.data.WholeFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.Set;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder of one trainer process: its identity in the consumer group, and a folder per unfinished round. The identity
 * stays with the checkpoints, so that a trainer that is started again gets its rounds back at once.
 */
final class WorkFolder implements AutoCloseable {
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,99}");
    private static final Logger LOG = LoggerFactory.getLogger(WorkFolder.class);
    private static final String FAILED = "failed";
    private static final Duration KEPT = Duration.ofDays(7);

    private final Path rounds;
    private final String instanceId;
    private final FileChannel lockFile;

    private WorkFolder(Path rounds, String instanceId, FileChannel lockFile) {
        this.rounds = rounds;
        this.instanceId = instanceId;
        this.lockFile = lockFile;
    }

    /** @throws IOException also when another process works here */
    static WorkFolder open(Path folder) throws IOException {
        Path rounds = Files.createDirectories(folder.resolve("rounds"));
        FileChannel lockFile =
                FileChannel.open(folder.resolve("trainer.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        if (!lock(lockFile)) {
            lockFile.close();
            throw new IOException("another trainer works in " + folder + "; give each its own podium.work.dir");
        }
        Path identity = folder.resolve("instance-id");
        // Trainers without a name of their own would fence one another: an empty file counts as none.
        if (!Files.exists(identity) || Files.readString(identity).isBlank()) {
            WholeFile.write(identity, UUID.randomUUID().toString());
        }
        WorkFolder work = new WorkFolder(rounds, Files.readString(identity).strip(), lockFile);
        work.pruneFailed();
        return work;
    }

    private static boolean lock(FileChannel file) throws IOException {
        try {
            FileLock lock = file.tryLock();
            return lock != null;
        } catch (OverlappingFileLockException e) {
            return false;
        }
    }

    String instanceId() {
        return instanceId;
    }

    /** The folder of one round, made when missing; an id that is no plain name is hashed. */
    Path round(String roundId) throws IOException {
        return Files.createDirectories(rounds.resolve(name(roundId)));
    }

    /** Removes the folder of a round, if there is one. */
    void remove(String roundId) throws IOException {
        delete(rounds.resolve(name(roundId)));
    }

    private static String name(String roundId) {
        return PLAIN.matcher(roundId).matches() ? roundId : "sha256-" + sha256(roundId);
    }

    static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }

    /** The round has failed: what it left is kept for inspection, for a week from now. */
    void failed(String roundId) {
        try {
            Path folder = rounds.resolve(name(roundId));
            Path mark = folder.resolve(FAILED);
            if (Files.isDirectory(folder) && !Files.exists(mark)) {
                WholeFile.write(mark, roundId);
            }
        } catch (IOException e) {
            LOG.warn("round {}: its work folder stays until it is removed by hand: {}", roundId, e.toString());
        }
    }

    /** Removes what rounds left that failed a week ago. A round that has not ended keeps its folder, however old. */
    private void pruneFailed() {
        prune(anyFolder -> false);
    }

    /**
     * Removes what rounds left that failed a week ago, and what nothing was written to for a week and no round here will:
     * another trainer took such a round over, and has ended it.
     *
     * @param open ids of the rounds that are at work or wait here: these keep their folder, however old
     */
    void prune(Set<String> open) {
        Set<String> names = open.stream().map(WorkFolder::name).collect(Collectors.toSet());
        prune(folder -> !names.contains(folder.getFileName().toString()));
    }

    /** @param left whether no round of this process will use a folder */
    private void prune(Predicate<Path> left) {
        Instant limit = Instant.now().minus(KEPT);
        try (Stream<Path> all = Files.list(rounds)) {
            for (Path folder : all.toList()) {
                Path mark = folder.resolve(FAILED);
                boolean old = Files.exists(mark)
                        ? Files.getLastModifiedTime(mark).toInstant().isBefore(limit)
                        : left.test(folder) && lastWrite(folder).isBefore(limit);
                if (old) {
                    delete(folder);
                }
            }
        } catch (IOException | UncheckedIOException e) {
            LOG.warn("what ended rounds left is not removed: {}", e.toString());
        }
    }

    private static Instant lastWrite(Path folder) throws IOException {
        Instant last = Instant.EPOCH;
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.toList()) {
                Instant written = Files.getLastModifiedTime(file).toInstant();
                last = written.isAfter(last) ? written : last;
            }
        }
        return last;
    }

    private static String sha256(String text) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(hash);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    @Override
    public void close() throws IOException {
        lockFile.close();
    }
}
