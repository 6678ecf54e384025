package dev.podium.local.stack;

import dev.podium.contracts.adapter.SigningKey;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Base64;

/**
 * Where a stack keeps everything: data, logs, pid files, secrets (mode 600).
 *
 * @param home {@code .podium} unless PODIUM_HOME says otherwise
 */
public record StackFolder(Path home) {
    public StackFolder {
        home = home.toAbsolutePath().normalize();
    }

    public Path logs() {
        return home.resolve("logs");
    }

    /** Address and log-in of the operator, for the command line. */
    public Path operatorFile() {
        return home.resolve("operator.json");
    }

    /** Ports and process ids of the stack that runs, or ran last. */
    public Path stateFile() {
        return home.resolve("stack.json");
    }

    Path pids() {
        return home.resolve("pids");
    }

    /** The broker's data. */
    public Path kafka() {
        return home.resolve("kafka");
    }

    /** PostgreSQL's data. */
    public Path postgres() {
        return home.resolve("postgres");
    }

    /** An application's local state; may be lost. */
    public Path work(Application application) {
        return home.resolve("work").resolve(application.label());
    }

    public Path models() {
        return home.resolve("models");
    }

    Path lockFile() {
        return home.resolve("lock");
    }

    /** Whether a stack runs, starts or stops in the folder. */
    public boolean isLocked() throws IOException {
        if (!Files.exists(lockFile())) {
            return false;
        }
        try (FileChannel channel = FileChannel.open(lockFile(), StandardOpenOption.WRITE)) {
            return channel.tryLock() == null;
        } catch (OverlappingFileLockException e) {
            return true;
        }
    }

    /** Makes what is missing. */
    public void create() throws IOException {
        if (!Files.exists(home)) {
            // Logs, checkpoints and data are for their owner alone.
            Files.createDirectories(home);
            Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("rwx------"));
        }
        Files.createDirectories(logs());
        Files.createDirectories(pids());
        Files.createDirectories(models());
    }

    /** A random text of {@code bytes} bytes of entropy: made at the first call, the same ever after. */
    public String secret(String name, int bytes) throws IOException {
        Path file = home.resolve(name);
        if (!Files.exists(file)) {
            byte[] random = new byte[bytes];
            new SecureRandom().nextBytes(random);
            writePrivate(file, Base64.getUrlEncoder().withoutPadding().encodeToString(random));
        }
        return Files.readString(file).strip();
    }

    /** The key that this stack's trainers sign manifests with. */
    public Path signingKeyFile() {
        return home.resolve("signing-key.pem");
    }

    /** The keys that this stack's trainers and services believe. */
    public Path trustedKeysFile() {
        return home.resolve("trusted-keys");
    }

    /** The key that this stack's feedback-api signs pointers of channels with. */
    public Path pointerKeyFile() {
        return home.resolve("pointer-key.pem");
    }

    /** The keys whose pointers this stack's services follow. */
    public Path trustedPointerKeysFile() {
        return home.resolve("trusted-pointer-keys");
    }

    /** Makes the signing key at the first start, and trusts it; true when it is new. */
    public boolean makeSigningKey() throws IOException {
        return makeKey(signingKeyFile(), trustedKeysFile());
    }

    /** The same for the key of pointers. */
    public boolean makePointerKey() throws IOException {
        return makeKey(pointerKeyFile(), trustedPointerKeysFile());
    }

    private static boolean makeKey(Path file, Path trusted) throws IOException {
        if (Files.exists(file)) {
            return false;
        }
        SigningKey key = SigningKey.generate();
        writePrivate(file, key.toPem());
        String before = Files.exists(trusted) ? Files.readString(trusted) : "";
        writePrivate(trusted, before + "# made by ./podium up\n" + key.trustLine() + "\n");
        return true;
    }

    /** Writes a file that only its owner can read: aside first, then renamed. */
    public static void writePrivate(Path file, String text) throws IOException {
        Path aside = file.resolveSibling(file.getFileName() + ".new");
        Files.deleteIfExists(aside);
        try {
            Files.createFile(aside, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        } catch (FileAlreadyExistsException e) {
            throw new IOException("two processes write " + file, e);
        }
        Files.writeString(aside, text);
        Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
}
