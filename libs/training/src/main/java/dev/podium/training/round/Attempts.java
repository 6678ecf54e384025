package dev.podium.training.round;

import dev.podium.training.data.WholeFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Counts how often a round was begun without reaching a checkpoint. A round that ends the whole process (a crash in native
 * code, the kernel's memory killer) would otherwise be tried for ever.
 */
final class Attempts {
    private static final int MOST = 5;

    private final Path file;

    Attempts(Path roundDir) {
        this.file = roundDir.resolve("attempts");
    }

    /** @throws RoundFailure {@code internal} when there were too many */
    void begin() throws RoundFailure, IOException {
        int before = WholeFile.count(file);
        if (before >= MOST) {
            throw new RoundFailure(
                    "internal",
                    "the trainer died " + before + " times in this round without reaching a checkpoint; see its log and"
                            + " the kernel's for the reason (often: too little memory), then trigger the round again");
        }
        WholeFile.write(file, Integer.toString(before + 1));
    }

    /** A checkpoint was reached, or the process stopped in good order. */
    void forgive() {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
