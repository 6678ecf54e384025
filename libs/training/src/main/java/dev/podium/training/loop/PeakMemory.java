package dev.podium.training.loop;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/** The most memory that this process has held so far, native memory of the engine included. */
final class PeakMemory {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final String LINE = "VmHWM:";

    private PeakMemory() {}

    /** In megabytes; empty where the system does not tell, that is anywhere but on Linux. */
    static OptionalDouble megabytes() {
        try (Stream<String> lines = Files.lines(STATUS)) {
            return lines.filter(line -> line.startsWith(LINE))
                    .mapToDouble(line -> Double.parseDouble(line.replaceAll("[^0-9]", "")) * 1024 / 1e6)
                    .findFirst();
        } catch (IOException | UncheckedIOException | NumberFormatException e) {
            return OptionalDouble.empty();
        }
    }
}
