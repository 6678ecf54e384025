package dev.podium.training.round;

import dev.podium.training.data.WholeFile;
import java.io.IOException;
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
import java.util.UUID;
import java.util.regex.Pattern;
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
    private static final Duration FAILED_ROUNDS_KEPT = Duration.ofDays(7);

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
        work.prune();
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
    void prune() {
        Instant limit = Instant.now().minus(FAILED_ROUNDS_KEPT);
        try (Stream<Path> all = Files.list(rounds)) {
            for (Path folder : all.toList()) {
                Path mark = folder.resolve(FAILED);
                if (Files.exists(mark)
                        && Files.getLastModifiedTime(mark).toInstant().isBefore(limit)) {
                    delete(folder);
                }
            }
        } catch (IOException e) {
            LOG.warn("what failed rounds left is not removed: {}", e.toString());
        }
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
