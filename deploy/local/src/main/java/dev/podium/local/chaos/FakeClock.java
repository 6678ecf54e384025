package dev.podium.local.chaos;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Moves the wall clock of one process: a preloaded library adds the seconds that a file says. The monotonic clock stays
 * as it is, as it does when a real clock is set. (libfaketime does so, too, but makes waits of the JVM return at once.)
 */
final class FakeClock {
    private final Path library;
    private final Path file;

    private FakeClock(Path library, Path file) {
        this.library = library;
        this.file = file;
    }

    /** Compiles the library with the machine's C compiler; empty where there is none. */
    static Optional<Path> compile(Path folder) throws IOException {
        for (String path : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
            Path compiler = Path.of(path, "cc");
            if (Files.isExecutable(compiler)) {
                return compile(compiler, folder);
            }
        }
        return Optional.empty();
    }

    private static Optional<Path> compile(Path compiler, Path folder) throws IOException {
        Path source = folder.resolve("clock.c");
        try (InputStream resource = FakeClock.class.getResourceAsStream("/chaos/clock.c")) {
            if (resource == null) {
                throw new IOException("clock.c is not on the class path");
            }
            Files.write(source, resource.readAllBytes());
        }
        Path library = folder.resolve("clock.so");
        Process process = new ProcessBuilder(
                        compiler.toString(),
                        "-O2",
                        "-shared",
                        "-fPIC",
                        "-o",
                        library.toString(),
                        source.toString(),
                        "-ldl")
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (process.waitFor() != 0) {
                throw new IOException("cc: " + said.strip());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
        return Optional.of(library);
    }

    /** A clock that goes right. */
    static FakeClock of(Path library, Path file) throws IOException {
        FakeClock clock = new FakeClock(library, file);
        clock.move(0);
        return clock;
    }

    /** What makes a process take its time from here. */
    Map<String, String> environment() {
        return Map.of("LD_PRELOAD", library.toString(), "PODIUM_CLOCK_FILE", file.toString());
    }

    /** The process sees it at once: it has mapped the file. */
    void move(long seconds) throws IOException {
        byte[] bytes = ByteBuffer.allocate(Long.BYTES)
                .order(ByteOrder.nativeOrder())
                .putLong(seconds)
                .array();
        try (var channel = Files.newByteChannel(
                file, java.nio.file.StandardOpenOption.CREATE, java.nio.file.StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(bytes));
        }
    }
}
