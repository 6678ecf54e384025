package dev.podium.local.stack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class SupervisedProcessTest {
    @TempDir
    Path folder;

    private final List<String> notices = Collections.synchronizedList(new ArrayList<>());

    @Test
    void processThatIsKilledIsStartedAgain() throws Exception {
        try (SupervisedProcess process = process("exec cat")) {
            process.start();
            long first = process.pid();

            process.kill();

            await(() -> process.restarts() == 1 && process.isAlive());
            assertNotEquals(first, process.pid());
            assertTrue(notices.getFirst().contains("starting it again"), notices.toString());
        }
    }

    @Test
    void processThatIsStoppedStaysStopped() throws Exception {
        SupervisedProcess process = process("exec cat");
        process.start();

        process.close();

        assertFalse(process.isAlive());
        assertEquals(List.of(), notices);
        assertFalse(Files.exists(folder.resolve("test.pid")));
    }

    @Test
    void lastLinesBeforeTheEndAreInTheLog() throws Exception {
        SupervisedProcess process =
                process("trap 'echo stopped in order; exit 0' TERM; echo began; while :; do sleep 0.05; done");
        process.start();
        await(() -> process.logTail(9).contains("began"));

        process.close();

        await(() -> process.logTail(9).contains("stopped in order"));
    }

    @Test
    void processOfAnEarlierRunIsReaped() throws Exception {
        Process leftover = new ProcessBuilder("sleep", "600").start();
        PidFile pidFile = new PidFile(folder.resolve("test.pid"));
        pidFile.write(leftover.toHandle());

        assertTrue(pidFile.reap());

        assertTrue(leftover.waitFor(10, TimeUnit.SECONDS));
    }

    @Test
    void anotherProcessThatGotTheSameIdIsLeftAlone() throws Exception {
        Process other = new ProcessBuilder("sleep", "600").start();
        try {
            Path file = folder.resolve("test.pid");
            Files.writeString(file, other.pid() + "\n1970-01-01T00:00:00Z\n");

            assertFalse(new PidFile(file).reap());

            assertTrue(other.isAlive());
        } finally {
            other.destroyForcibly();
        }
    }

    private SupervisedProcess process(String script) {
        return new SupervisedProcess(
                "test",
                List.of("/bin/sh", "-c", script),
                Map.of(),
                folder.resolve("test.log"),
                new PidFile(folder.resolve("test.pid")),
                notices::add);
    }

    private static void await(BooleanSupplier condition) throws IOException, InterruptedException {
        long deadlineNanos = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadlineNanos, "the condition did not come true");
            TimeUnit.MILLISECONDS.sleep(20);
        }
    }
}
