package dev.podium.local.demo;

import java.nio.file.Path;
import java.util.Optional;

/**
 * What the demo was asked for.
 *
 * @param folder of its stack; emptied first
 * @param models folder of base models
 * @param report where the figures go
 * @param randomLabelers rank by chance: the checks must then fail
 * @param terminal whether progress bars can be drawn over
 */
public record DemoOptions(
        String model,
        Path folder,
        Path models,
        Optional<Path> report,
        boolean randomLabelers,
        long seed,
        boolean terminal) {}
