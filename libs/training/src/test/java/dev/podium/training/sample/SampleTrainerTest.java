package dev.podium.training.sample;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.SampleSet;
import dev.podium.training.TinyRound;
import dev.podium.training.data.TrainingData;
import dev.podium.training.dpo.DpoTrainer;
import dev.podium.training.round.RoundContext;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SampleTrainerTest {
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-11-24T00:00:00Z"), ZoneOffset.UTC);
    private static final List<List<Message>> PROMPTS =
            List.of(List.of(Message.user("Hi")), List.of(Message.user("Where is it?")));

    @TempDir
    private Path folder;

    private TinyRound round;

    @BeforeEach
    void open() {
        round = new TinyRound();
    }

    @AfterEach
    void close() {
        round.close();
    }

    @Test
    void eachPromptGetsDifferentOutputsWithTheirTokens() throws Exception {
        new SampleTrainer(CLOCK).train(context(config(false), Optional.empty()));

        assertEquals(2, round.recorder.samples.size());
        for (SampleSet set : round.recorder.samples) {
            assertEquals(4, set.outputs().size());
            assertEquals(4, set.outputs().stream().map(Output::text).distinct().count());
            assertEquals(4, set.outputs().stream().map(Output::id).distinct().count());
            for (Output output : set.outputs()) {
                int[] tokens = output.tokenIds().stream().mapToInt(i -> i).toArray();
                assertEquals(output.text(), round.base.tokenizer().decode(tokens));
                assertTrue(output.provenance().adapterVersion().isEmpty());
            }
        }
    }

    @Test
    void theSameSeedGivesTheSameSets() throws Exception {
        new SampleTrainer(CLOCK).train(context(config(false), Optional.empty()));
        List<SampleSet> first = List.copyOf(round.recorder.samples);
        round.recorder.samples.clear();
        new SampleTrainer(CLOCK).train(context(config(false), Optional.empty()));
        assertEquals(first, round.recorder.samples);
    }

    @Test
    void aBlindMixIsHalfFromTheAdapter() throws Exception {
        RoundConfig.Dpo dpo = new RoundConfig.Dpo(7, TinyRound.LORA, TinyRound.training(1e-2, 2, 2), "sigmoid", 0.1, 0);
        Path adapter = new DpoTrainer()
                .train(round.context(dpo, TinyRound.politeness(3, 0), folder.resolve("dpo")))
                .adapter()
                .orElseThrow()
                .folder();
        new SampleTrainer(CLOCK).train(context(config(true), Optional.of(adapter)));
        for (SampleSet set : round.recorder.samples) {
            long byAdapter = set.outputs().stream()
                    .filter(o -> o.provenance().adapterVersion().isPresent())
                    .count();
            assertEquals(2, byAdapter);
        }
    }

    private RoundContext context(RoundConfig config, Optional<Path> adapter) {
        return round.context(
                config, TrainingData.NONE, PROMPTS, List.of(), folder, adapter, Optional.empty(), () -> false);
    }

    private static RoundConfig.Sample config(boolean mix) {
        return new RoundConfig.Sample(3, 4, 10, 1.0, 0, 1.0, 12, mix);
    }
}
