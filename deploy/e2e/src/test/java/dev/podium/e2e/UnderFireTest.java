package dev.podium.e2e;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.local.chaos.Chaos;
import dev.podium.local.chaos.ChaosOptions;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** The short form of {@code ./podium chaos}: a few faults, on a stack of its own, while other tests are at work. */
@Execution(ExecutionMode.CONCURRENT)
class UnderFireTest {
    private static final int FAULTS = 6;
    private static final long LONGEST_FAULT_MILLIS = 2_000;
    private static final int TASKS = 30;
    private static final int LABELERS = 20;
    // Its first faults: both servers, the stream, a cut connection.
    private static final long SEED = 1;

    @TempDir
    Path folder;

    @Test
    void everyAcceptedRankingCountsOnceAndServicesFollowTheirChannelAfterFaults() throws Exception {
        Chaos chaos = new Chaos(
                new ChaosOptions(
                        folder.resolve("stack"), FAULTS, SEED, LONGEST_FAULT_MILLIS, TASKS, LABELERS, Optional.empty()),
                new PrintWriter(System.out, true, StandardCharsets.UTF_8));

        assertTrue(chaos.run(), "a promise was broken; what was found is printed above");
    }
}
