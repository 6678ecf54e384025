package dev.podium.local.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What the machine can do, and what the process has taken. */
final class Measured {
    private static final int MATRIX = 1024;
    private static final int RUNS = 20;

    private Measured() {}

    /** Peak resident memory of this process, bytes; 0 where the system does not tell. */
    static long peakResidentBytes() {
        return status("VmHWM:");
    }

    /** Resident memory of this process now, bytes; 0 where the system does not tell. */
    static long residentBytes() {
        return status("VmRSS:");
    }

    private static long status(String field) {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
            return lines.filter(line -> line.startsWith(field))
                    .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("[^0-9]", "")))
                    .findFirst()
                    .orElse(0);
        } catch (IOException e) {
            return 0;
        }
    }

    /** Best rate of a product of square float32 matrices, FLOP/s. */
    static double matmulPeak(NDManager parent) {
        try (NDManager manager = parent.newSubManager()) {
            NDArray a = manager.ones(new Shape(MATRIX, MATRIX));
            NDArray b = manager.ones(new Shape(MATRIX, MATRIX));
            double best = Double.MAX_VALUE;
            for (int i = 0; i < RUNS; i++) {
                long start = System.nanoTime();
                try (NDArray c = a.matMul(b)) {
                    best = c.size() > 0 ? Math.min(best, (System.nanoTime() - start) / 1e9) : best;
                }
            }
            return 2.0 * MATRIX * MATRIX * MATRIX / best;
        }
    }

    /** Rate at which the weights of a large model can be read: the best sum of 256 MB, bytes per second. */
    static double memoryBandwidth(NDManager parent) {
        try (NDManager manager = parent.newSubManager()) {
            NDArray a = manager.ones(new Shape(64L << 20));
            double best = Double.MAX_VALUE;
            for (int i = 0; i < RUNS; i++) {
                long start = System.nanoTime();
                try (NDArray sum = a.sum()) {
                    best = sum.size() > 0 ? Math.min(best, (System.nanoTime() - start) / 1e9) : best;
                }
            }
            return 4.0 * (64L << 20) / best;
        }
    }
}
