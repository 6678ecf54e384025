package dev.podium.local.stack;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** The log of one process: at most {@link #MAX_BYTES}, then {@code NAME.log.1} and a new one. */
final class RotatedLog {
    static final long MAX_BYTES = 10L * 1024 * 1024;

    private final Path file;

    RotatedLog(Path file) {
        this.file = file;
    }

    /** Copies until the process closes its output. */
    void copy(InputStream output) throws IOException {
        byte[] buffer = new byte[8192];
        int length = output.read(buffer);
        while (length >= 0) {
            rotateWhenFull();
            try (OutputStream log = Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
                long written = Files.size(file);
                while (length >= 0 && written < MAX_BYTES) {
                    log.write(buffer, 0, length);
                    written += length;
                    length = output.read(buffer);
                }
            }
        }
    }

    /** The last lines, for an error message. */
    String tail(int lines) {
        try {
            if (!Files.exists(file)) {
                return "(no output)";
            }
            List<String> all = new String(Files.readAllBytes(file), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
            return String.join("\n", all.subList(Math.max(0, all.size() - lines), all.size()));
        } catch (IOException e) {
            return "(cannot read " + file + ": " + e.getMessage() + ")";
        }
    }

    private void rotateWhenFull() throws IOException {
        if (Files.exists(file) && Files.size(file) >= MAX_BYTES) {
            Files.move(file, file.resolveSibling(file.getFileName() + ".1"), StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
