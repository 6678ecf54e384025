package dev.podium.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.SampleSet;
import dev.podium.contracts.Task;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** SIGKILL in random steps gives the adapter of a round that was left alone, byte for byte. */
class KilledTrainerTest {
    /** Of a checkpoint at every second step: five kills leave steps to be taken. */
    private static final int MOST_STEPS = 3;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({"DPO, 5", "REWARD, 5", "PPO, 5", "SFT, 5", "SFT_FULL, 5", "KTO, 2", "GRPO, 2"})
    void killedAgainAndAgainTheRoundGivesTheSameAdapterBitForBit(String method, int kills) throws Exception {
        Path alone = folder.resolve("alone");
        Path killed = folder.resolve("killed");
        KilledTrainer.run(method, alone);
        if (Files.exists(folder.resolve("alone-reward"))) {
            Files.move(folder.resolve("alone-reward"), folder.resolve("killed-reward"));
        }
        long seed = System.nanoTime();
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < kills; i++) {
            assertFalse(run(method, killed, random.nextInt(MOST_STEPS)), "ended before kill " + i + ", seed " + seed);
            tearAside(killed);
        }
        assertTrue(run(method, killed, Integer.MAX_VALUE), "the last run ends");
        String result = method.equals("SFT_FULL") ? "model" : "adapter";
        try (Stream<Path> files = Files.list(alone.resolve(result))) {
            for (Path file : files.toList()) {
                Path other = killed.resolve(result).resolve(file.getFileName());
                assertArrayEquals(
                        Files.readAllBytes(file), Files.readAllBytes(other), file.getFileName() + ", seed " + seed);
            }
        }
    }

    /** As a kill between the write of a checkpoint and its renaming leaves it. */
    private static void tearAside(Path folder) throws IOException {
        Path whole = folder.resolve("checkpoint.bin");
        if (Files.exists(whole)) {
            byte[] bytes = Files.readAllBytes(whole);
            Files.write(folder.resolve("checkpoint.bin.tmp"), Arrays.copyOf(bytes, bytes.length / 2));
        }
    }

    @Test
    void aKilledSampleRoundSendsTheSamplesOfTheRoundThatWasNot() throws Exception {
        Path alone = folder.resolve("alone");
        Path killed = folder.resolve("killed");
        KilledTrainer.run("SAMPLE", alone);
        Files.move(folder.resolve("alone-reward"), folder.resolve("killed-reward"));
        // Six steps score the prompts, four sample: one kill in each part.
        assertFalse(run("SAMPLE", killed, 2 + new SplittableRandom().nextInt(3)), "not killed");
        assertFalse(run("SAMPLE", killed, 8), "not killed");
        assertTrue(run("SAMPLE", killed, Integer.MAX_VALUE), "the last run ends");

        List<SampleSet> expected = sets("alone");
        Map<Integer, SampleSet> found = new TreeMap<>();
        List<SampleSet> sent = sets("killed");
        for (SampleSet set : sent) {
            SampleSet before = found.put(set.index(), set);
            assertTrue(before == null || before.equals(set), "another set under index " + set.index());
        }
        assertEquals(expected, List.copyOf(found.values()));
        assertTrue(sent.size() < expected.size() + 2 * 16, "the round began anew: " + sent.size() + " sets");
        assertTrue(
                expected.stream()
                        .anyMatch(set -> set.selection().orElseThrow().reason().equals(Task.Selection.DISAGREEMENT)),
                "nothing was selected");
    }

    private List<SampleSet> sets(String name) throws Exception {
        List<SampleSet> sets = new ArrayList<>();
        for (String line : Files.readAllLines(folder.resolve(name + "-sets.jsonl"))) {
            sets.add(EventJson.read(line.getBytes(StandardCharsets.UTF_8), SampleSet.class));
        }
        return sets;
    }

    /** @return whether the round ended before it was killed */
    private static boolean run(String method, Path folder, int killAt) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx256m",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "-Dai.djl.offline=true",
                        KilledTrainer.class.getName(),
                        method,
                        folder.toString(),
                        Integer.toString(killAt)))
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        boolean done = false;
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                done |= line.equals("done");
                if (line.equals("step " + killAt)) {
                    process.toHandle().destroyForcibly();
                }
            }
        }
        assertTrue(process.waitFor(60, TimeUnit.SECONDS), "the process hangs");
        return done;
    }
}
