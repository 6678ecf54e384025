package dev.podium.local.command;

import dev.podium.contracts.adapter.ManifestSigner;
import dev.podium.contracts.adapter.SigningKey;
import dev.podium.contracts.adapter.TrustedKeys;
import dev.podium.local.stack.StackException;
import dev.podium.local.stack.StackFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Keys that sign manifests, and keys that are believed. */
@Command(
        name = "keys",
        description = "Keys of manifests: new, show, trust, revoke, list, sign. Without --keys and --key, those of the"
                + " local stack.")
final class KeysCommand {
    private final Session session;

    KeysCommand(Session session) {
        this.session = session;
    }

    @Command(name = "new", description = "Makes a signing key in a file of mode 600, and prints the line to trust.")
    int create(@Parameters(paramLabel = "FILE") Path file) throws IOException {
        if (Files.exists(file)) {
            throw new IOException(file + " is there already; a key is never overwritten");
        }
        SigningKey key = SigningKey.generate();
        StackFolder.writePrivate(file.toAbsolutePath(), key.toPem());
        session.out().println(key.trustLine());
        return 0;
    }

    @Command(name = "show", description = "Prints the line to trust of a signing key.")
    int show(@Parameters(paramLabel = "FILE", arity = "0..1") Optional<Path> file) throws IOException, StackException {
        session.out()
                .println(SigningKey.read(file.orElse(session.folder().signingKeyFile()))
                        .trustLine());
        return 0;
    }

    @Command(name = "list", description = "Lists the ids of the keys that are believed.")
    int list(@Option(names = "--keys") Optional<Path> keys) throws IOException, StackException {
        new TreeSet<>(TrustedKeys.read(trusted(keys)).ids()).forEach(session.out()::println);
        return 0;
    }

    @Command(name = "trust", description = "Believes a key besides those that are believed already.")
    int trust(
            @Parameters(paramLabel = "KEYID KEY", arity = "2", description = "as new or show has printed it")
                    List<String> line,
            @Option(names = "--keys") Optional<Path> keys)
            throws IOException, StackException {
        return append(trusted(keys), String.join(" ", line));
    }

    @Command(name = "revoke", description = "Believes a key no more, whoever still lists it.")
    int revoke(@Parameters(paramLabel = "KEYID") String id, @Option(names = "--keys") Optional<Path> keys)
            throws IOException, StackException {
        return append(trusted(keys), "revoked " + id);
    }

    @Command(
            name = "sign",
            description = "Signs manifests of the log that are not signed, or that a key to be revoked has signed.")
    int sign(
            @Option(names = "--key", description = "signs; the local stack's key by default") Optional<Path> key,
            @Option(names = "--signed-by", paramLabel = "KEYID", description = "instead of unsigned ones")
                    Optional<String> signedBy,
            @Option(names = "--project") Optional<String> project,
            @Option(names = "--version") Optional<String> version)
            throws IOException, StackException {
        SigningKey signing = SigningKey.read(key.orElse(session.folder().signingKeyFile()));
        List<ManifestSigner.Found> signed = ManifestSigner.sign(
                session.kafka(),
                signing,
                found -> found.keyId().equals(signedBy)
                        && project.map(p -> found.key().startsWith(p + "/")).orElse(true)
                        && version.map(v -> found.key().endsWith("/" + v)).orElse(true));
        signed.forEach(found -> session.out().println(found.key() + " is signed by " + signing.id() + " now"));
        session.out().println(signed.size() + " signed");
        return 0;
    }

    private Path trusted(Optional<Path> keys) throws StackException {
        return keys.orElse(session.folder().trustedKeysFile());
    }

    /** The file stays readable for whoever reads it now: it has no secret. It is exchanged whole, and parsed before. */
    private int append(Path file, String line) throws IOException {
        String before = Files.exists(file) ? Files.readString(file) : "";
        String after = before + (before.isEmpty() || before.endsWith("\n") ? "" : "\n") + line + "\n";
        Path aside = file.toAbsolutePath().resolveSibling(file.getFileName() + ".new");
        Files.writeString(aside, after);
        try {
            TrustedKeys parsed = TrustedKeys.read(aside);
            if (Files.exists(file)) {
                Files.setPosixFilePermissions(aside, Files.getPosixFilePermissions(file));
            }
            Files.move(
                    aside,
                    file,
                    java.nio.file.StandardCopyOption.ATOMIC_MOVE,
                    java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            session.out().println("believed are " + new TreeSet<>(parsed.ids()));
            return 0;
        } finally {
            Files.deleteIfExists(aside);
        }
    }
}
