package dev.podium.local.chaos;

import java.nio.file.Path;
import java.util.Optional;

/**
 * What is to go wrong, and under how much work.
 *
 * @param folder of the stack's data; emptied first
 * @param faults how many
 * @param seed of the plan, and of what labelers do
 * @param longestMillis of a fault and of the pause before it; the plan's own limits when larger
 * @param tasks that are imported; each labeler ranks each
 * @param report file for the JSON report
 */
public record ChaosOptions(
        Path folder, int faults, long seed, long longestMillis, int tasks, int labelers, Optional<Path> report) {
    /** A file in every folder that a run has made, and may therefore empty. */
    public static final String MARKER = "made-by-podium-chaos";

    public ChaosOptions {
        if (faults < 1 || tasks < 20 || labelers < 1) {
            throw new IllegalArgumentException("faults and labelers must be 1 or more, tasks 20 or more");
        }
    }
}
