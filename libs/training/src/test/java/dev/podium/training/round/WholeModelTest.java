package dev.podium.training.round;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.adapter.Manifests;
import dev.podium.contracts.adapter.ModelFolder;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.embedded.testing.SharedServers;
import dev.podium.llm.base.BaseModels;
import dev.podium.training.dpo.DpoTrainer;
import dev.podium.training.ppo.PpoTrainer;
import dev.podium.training.sample.SampleTrainer;
import dev.podium.training.sft.SftTrainer;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rounds on podium-nano itself, over a real broker: what one publishes is the base of the next. */
class WholeModelTest {
    private static final RoundConfig.Training TRAINING = new RoundConfig.Training(1e-4, 1, 4, 128, 1, 0, 0, 20);
    private static final RoundConfig.Sft LORA =
            new RoundConfig.Sft(1, new RoundConfig.Lora(8, 16, 0, RoundConfig.Lora.ALL_TARGETS), TRAINING, true);
    private static final RoundConfig.Sft FULL = new RoundConfig.Sft(1, LORA.lora(), TRAINING, true, "full");

    @TempDir
    private Path folder;

    private final String project = "p" + UUID.randomUUID();

    @Test
    void aFullyTunedModelIsTheBaseOfLaterRounds() throws Exception {
        try (RoundLog log = new RoundLog(SharedServers.bootstrapServers());
                RoundRunner runner = RoundRunner.start(
                        RoundRunnerConfig.policyTrainer(log.kafka(), folder.resolve("work")),
                        Map.of(
                                RoundKind.SFT, new SftTrainer(),
                                RoundKind.DPO, new DpoTrainer(),
                                RoundKind.PPO, new PpoTrainer(),
                                RoundKind.SAMPLE, new SampleTrainer(Clock.systemUTC())),
                        new TorchBaseModels(folder.resolve("models"), "cpu", 1),
                        () -> {})) {
            log.prefer(RoundLog.set(project, project + "-1", true, "Thank you, we are on it."));

            AdapterManifest model = run(log, "v1", FULL, Optional.empty());
            assertEquals(AdapterManifest.Kind.MODEL, model.kind());
            assertEquals(BaseModels.NANO, model.baseModel().name());
            String weights = model.files().stream()
                    .filter(file -> file.name().equals(ModelFolder.WEIGHTS))
                    .findFirst()
                    .orElseThrow()
                    .sha256();

            AdapterManifest adapter = run(log, "v2", LORA, Optional.of("v1"));
            assertEquals(AdapterManifest.Kind.POLICY, adapter.kind());
            assertEquals(new AdapterManifest.BaseModel(project + ".v1", weights), adapter.baseModel());

            // Its base is found by the adapter, though the command names podium-nano.
            assertEquals(
                    adapter.baseModel(), run(log, "v3", LORA, Optional.of("v2")).baseModel());

            RoundCommand.StartRound fromAdapter = round(log, "v4", FULL, Optional.of("v2"));
            log.command(fromAdapter);
            RoundEvent.Failed failed = log.await(fromAdapter.roundId(), RoundEvent.Failed.class);
            assertEquals("unknown_adapter", failed.code());
            assertTrue(failed.message().contains("starts from a model"), failed.message());
        }
    }

    private RoundCommand.StartRound round(RoundLog log, String version, RoundConfig config, Optional<String> initial) {
        return log.round(project, version, config, BaseModels.NANO, initial);
    }

    private AdapterManifest run(RoundLog log, String version, RoundConfig config, Optional<String> initial)
            throws Exception {
        RoundCommand.StartRound round = round(log, version, config, initial);
        log.command(round);
        log.await(round.roundId(), RoundEvent.Succeeded.class);
        try (BoundedReader reader = BoundedReader.connect(log.kafka())) {
            return Manifests.find(reader, project, version).orElseThrow();
        }
    }
}
