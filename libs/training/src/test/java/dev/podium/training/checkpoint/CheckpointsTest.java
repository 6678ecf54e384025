package dev.podium.training.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.LoraConfig;
import dev.podium.llm.optim.AdamW;
import dev.podium.training.TinyRound;
import dev.podium.training.loop.LossCurve;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointsTest {
    @TempDir
    private Path folder;

    @Test
    void whatIsSavedIsResumed() throws IOException {
        try (TinyRound round = new TinyRound();
                LoraAdapter saved = adapter(round, 1);
                LoraAdapter other = adapter(round, 2);
                AdamW optimizer = new AdamW(round.model, saved.parameters());
                AdamW otherOptimizer = new AdamW(round.model, other.parameters())) {
            LossCurve curve = new LossCurve();
            curve.add(0.7);
            curve.note("before", 0.5);
            new Checkpoints(folder).save(3, saved.parameters(), List.of(optimizer), curve);

            LossCurve resumed = new LossCurve();
            int step = new Checkpoints(folder).resume(other.parameters(), List.of(otherOptimizer), resumed);

            assertEquals(3, step);
            assertEquals(0.7, resumed.first());
            assertEquals(curve.notes(), resumed.notes());
            saved.export()
                    .forEach((name, values) ->
                            assertArrayEquals(values, other.export().get(name), name));
            try (Stream<Path> files = Files.list(folder)) {
                assertEquals(1, files.count(), "nothing is left aside");
            }
        }
    }

    @Test
    void aDamagedCheckpointIsNotUsed() throws IOException {
        try (TinyRound round = new TinyRound();
                LoraAdapter adapter = adapter(round, 1);
                AdamW optimizer = new AdamW(round.model, adapter.parameters())) {
            Checkpoints checkpoints = new Checkpoints(folder);
            checkpoints.save(3, adapter.parameters(), List.of(optimizer), new LossCurve());
            Path file = folder.resolve("checkpoint.bin");
            byte[] bytes = Files.readAllBytes(file);
            bytes[bytes.length / 2] ^= 1;
            Files.write(file, bytes);
            assertEquals(0, checkpoints.resume(adapter.parameters(), List.of(optimizer), new LossCurve()));
            Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length / 2));
            assertEquals(0, checkpoints.resume(adapter.parameters(), List.of(optimizer), new LossCurve()));
        }
    }

    @Test
    void withoutACheckpointARoundStartsFresh() {
        try (TinyRound round = new TinyRound();
                LoraAdapter adapter = adapter(round, 1)) {
            assertEquals(
                    0,
                    new Checkpoints(folder.resolve("none")).resume(adapter.parameters(), List.of(), new LossCurve()));
        }
    }

    private static LoraAdapter adapter(TinyRound round, long seed) {
        LoraAdapter adapter =
                LoraAdapter.initialise(round.model, LoraConfig.onAllLinear(8, 16), new SplittableRandom(seed));
        adapter.requireGradients(true);
        return adapter;
    }
}
