package dev.podium.embedded;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * PostgreSQL refuses to run as root. As root it is started in a user namespace of its own, where it is nobody; where
 * such namespaces are blocked, with the user id of nobody and the one capability it needs to reach its folder.
 */
final class PostgresUser {
    private static final int NOBODY = 65534;
    private static final List<String> NAMESPACE = List.of("unshare", "-U");
    private static final List<String> DROPPED = List.of(
            "setpriv",
            "--reuid=" + NOBODY,
            "--regid=" + NOBODY,
            "--clear-groups",
            "--inh-caps=+dac_override",
            "--ambient-caps=+dac_override");

    private PostgresUser() {}

    /** Words to put before a command of PostgreSQL; empty for an ordinary user. */
    static List<String> prefix() throws IOException {
        if (!isRoot()) {
            return List.of();
        }
        if (works(NAMESPACE)) {
            return NAMESPACE;
        }
        if (works(DROPPED)) {
            return DROPPED;
        }
        throw new IOException("PostgreSQL does not run as root, and neither unshare nor setpriv (util-linux) can start"
                + " it as another user here; run podium as an ordinary user");
    }

    /** Makes the server's user the owner of its data, as it demands. */
    static void giveTo(List<String> prefix, Path data) throws IOException {
        if (!isRoot()) {
            return;
        }
        // In a namespace without a mapping, files of root and the server are both nobody's.
        int owner = prefix.equals(DROPPED) ? NOBODY : 0;
        if (Files.getAttribute(data, "unix:uid").equals(owner)) {
            return;
        }
        try (Stream<Path> files = Files.walk(data)) {
            for (Path file : files.toList()) {
                Files.setAttribute(file, "unix:uid", owner);
            }
        }
    }

    private static boolean isRoot() throws IOException {
        Path self = Path.of("/proc/self");
        return Files.exists(self)
                ? Files.getAttribute(self, "unix:uid").equals(0)
                : "root".equals(System.getProperty("user.name"));
    }

    private static boolean works(List<String> prefix) {
        try {
            Process probe = new ProcessBuilder(
                            Stream.concat(prefix.stream(), Stream.of("true")).toList())
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return probe.waitFor() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
