package dev.podium.training.reward;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.RoundConfig;
import dev.podium.training.TinyRound;
import dev.podium.training.data.TrainingData;
import dev.podium.training.round.RoundCancelled;
import dev.podium.training.round.RoundResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RewardTrainerTest {
    private static final TrainingData DATA = TinyRound.politeness(6, 2);

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
    void aTinySetIsLearntAndRewardsAreNormalised() throws Exception {
        RoundResult result = new RewardTrainer().train(round.context(config(8), DATA, folder));
        RoundResult.TrainedAdapter adapter = result.adapter().orElseThrow();

        assertTrue(result.metrics().get("loss_last") < 0.4, result.metrics().toString());
        assertTrue(
                result.metrics().get("heldout_accuracy_after") > 0.9,
                result.metrics().toString());
        assertTrue(result.metrics().containsKey("heldout_accuracy_before"));
        assertEquals(10, result.metrics().get("heldout_pairs"));
        assertEquals(AdapterManifest.Kind.REWARD, adapter.kind());
        assertTrue(Files.exists(adapter.folder().resolve("score.safetensors")));
        assertTrue(adapter.rewardGain().orElseThrow() > 0);
        assertTrue(adapter.rewardBias().isPresent());
    }

    @Test
    void aRoundStoppedInTheMiddleEndsAsIfItHadNotBeen() throws Exception {
        RoundResult whole = new RewardTrainer().train(round.context(config(4), DATA, folder.resolve("a")));
        assertThrows(
                RoundCancelled.class,
                () -> new RewardTrainer()
                        .train(round.context(
                                config(4),
                                DATA,
                                folder.resolve("b"),
                                Optional.empty(),
                                Optional.empty(),
                                TinyRound.afterChecks(7))));
        RoundResult resumed = new RewardTrainer().train(round.context(config(4), DATA, folder.resolve("b")));

        assertEquals(6, round.recorder.resumedFrom.getLast());
        assertEquals(whole.metrics(), resumed.metrics());
        assertArrayEquals(
                TinyRound.weights(whole.adapter().orElseThrow().folder()),
                TinyRound.weights(resumed.adapter().orElseThrow().folder()));
    }

    @Test
    void evaluationIsThatByHand() {
        RewardEvaluation evaluation = RewardEvaluation.of(List.of(1.0, 3.0), List.of(10, 20), List.of(2.0, -1.0, 0.0));
        assertEquals(1.0 / 3, evaluation.accuracy(), 1e-12);
        assertEquals(1.0 / 3, evaluation.margin(), 1e-12);
        assertEquals(2, evaluation.rewardMean(), 1e-12);
        assertEquals(Math.sqrt(2), evaluation.rewardDeviation(), 1e-12);
        assertEquals(100 * 0.2 / Math.sqrt(2), evaluation.lengthSlope(), 1e-9);
    }

    private static RoundConfig.Reward config(int epochs) {
        return new RoundConfig.Reward(7, TinyRound.LORA, TinyRound.training(1e-2, epochs, 2), 0.01, 0);
    }
}
