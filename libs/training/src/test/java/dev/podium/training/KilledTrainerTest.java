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
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** SIGKILL at random steps, five times over, gives the adapter of a round that was left alone, byte for byte. */
class KilledTrainerTest {
    private static final int KILLS = 5;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"DPO", "REWARD", "PPO", "SFT", "SFT_FULL"})
    void killedFiveTimesTheRoundGivesTheSameAdapterBitForBit(String method) throws Exception {
        Path alone = folder.resolve("alone");
        Path killed = folder.resolve("killed");
        assertTrue(run(method, alone, Integer.MAX_VALUE), "the round that is left alone");
        if (method.equals("PPO")) {
            Files.move(folder.resolve("alone-reward"), folder.resolve("killed-reward"));
        }
        long seed = System.nanoTime();
        SplittableRandom random = new SplittableRandom(seed);
        int kills = 0;
        for (int i = 0; i < KILLS; i++) {
            // With a checkpoint every second step a later start has fewer steps left, and may end before it is killed.
            kills += run(method, killed, 1 + random.nextInt(4)) ? 0 : 1;
        }
        assertTrue(kills >= 2, "only " + kills + " kills with seed " + seed);
        String result = method.equals("SFT_FULL") ? "model" : "adapter";
        while (!Files.exists(
                killed.resolve(result).resolve(result.equals("model") ? "model.safetensors" : "adapter_config.json"))) {
            run(method, killed, Integer.MAX_VALUE);
        }
        assertTrue(run(method, killed, Integer.MAX_VALUE), "the last run ends");
        try (Stream<Path> files = Files.list(alone.resolve(result))) {
            for (Path file : files.toList()) {
                Path other = killed.resolve(result).resolve(file.getFileName());
                assertArrayEquals(
                        Files.readAllBytes(file), Files.readAllBytes(other), file.getFileName() + ", seed " + seed);
            }
        }
    }

    @Test
    void aKilledSampleRoundSendsTheSamplesOfTheRoundThatWasNot() throws Exception {
        Path alone = folder.resolve("alone");
        Path killed = folder.resolve("killed");
        assertTrue(run("SAMPLE", alone, Integer.MAX_VALUE), "the round that is left alone");
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
                        folder.toString()))
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
