package dev.podium.training.round;

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
import java.util.List;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The folder of one trainer process: its identity in the consumer group, and a folder per unfinished round. The identity
 * stays with the checkpoints, so that a trainer that is started again gets its rounds back at once.
 */
final class WorkFolder implements AutoCloseable {
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,99}");
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
        if (!Files.exists(identity)) {
            Files.writeString(identity, UUID.randomUUID().toString());
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
        String name = PLAIN.matcher(roundId).matches() ? roundId : "sha256-" + sha256(roundId);
        return Files.createDirectories(rounds.resolve(name));
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

    /** What failed rounds left for inspection is kept for a week. */
    private void prune() throws IOException {
        Instant limit = Instant.now().minus(FAILED_ROUNDS_KEPT);
        List<Path> folders;
        try (Stream<Path> all = Files.list(rounds)) {
            folders = all.toList();
        }
        for (Path folder : folders) {
            if (Files.getLastModifiedTime(folder).toInstant().isBefore(limit)) {
                delete(folder);
            }
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
