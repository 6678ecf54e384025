package dev.podium.training.ppo;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.RoundConfig;
import dev.podium.training.TinyRound;
import dev.podium.training.data.TrainingData;
import dev.podium.training.reward.RewardTrainer;
import dev.podium.training.round.RoundCancelled;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundResult;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PpoTrainerTest {
    private static final TrainingData DATA = TinyRound.politeness(6, 2);

    @TempDir
    private Path folder;

    private TinyRound round;
    private RoundContext.RewardModel reward;

    @BeforeEach
    void trainAReward() throws Exception {
        round = new TinyRound();
        RoundConfig.Reward config = new RoundConfig.Reward(7, TinyRound.LORA, TinyRound.training(1e-2, 4, 2), 0.01, 0);
        RoundResult.TrainedAdapter adapter = new RewardTrainer()
                .train(round.context(config, DATA, folder.resolve("reward")))
                .adapter()
                .orElseThrow();
        reward = new RoundContext.RewardModel(
                adapter.folder(),
                adapter.rewardGain().orElseThrow(),
                adapter.rewardBias().orElseThrow());
    }

    @AfterEach
    void close() {
        round.close();
    }

    @Test
    void theRewardRises() throws Exception {
        RoundResult result = train(config(30), "a", () -> false);

        Map<String, Double> metrics = result.metrics();
        assertTrue(metrics.get("reward_after") > metrics.get("reward_before") + 0.2, metrics.toString());
        assertTrue(Double.isFinite(metrics.get("kl")));
        assertEquals(0, metrics.get("kl_before"), 1e-6);
        Map<String, Double> first = round.recorder.progress.get(round.recorder.progress.size() - 1);
        assertTrue(first.keySet()
                .containsAll(java.util.Set.of(
                        "objective/kl",
                        "objective/scores",
                        "policy/approxkl_avg",
                        "policy/clipfrac_avg",
                        "loss/policy_avg",
                        "loss/value_avg",
                        "val/ratio",
                        "val/num_eos_tokens")));
    }

    @Test
    void aRoundStoppedInTheMiddleEndsAsIfItHadNotBeen() throws Exception {
        RoundResult whole = train(config(6), "a", () -> false);
        assertThrows(RoundCancelled.class, () -> train(config(6), "b", TinyRound.afterChecks(4)));
        RoundResult resumed = train(config(6), "b", () -> false);

        assertEquals(3, round.recorder.resumedFrom.getLast());
        assertEquals(whole.metrics(), resumed.metrics());
        assertArrayEquals(
                TinyRound.weights(whole.adapter().orElseThrow().folder()),
                TinyRound.weights(resumed.adapter().orElseThrow().folder()));
    }

    private RoundResult train(RoundConfig.Ppo config, String name, BooleanSupplier cancelled) throws Exception {
        return new PpoTrainer()
                .train(round.context(
                        config, DATA, folder.resolve(name), Optional.empty(), Optional.of(reward), cancelled));
    }

    private static RoundConfig.Ppo config(int steps) {
        return new RoundConfig.Ppo(
                7,
                TinyRound.LORA,
                TinyRound.training(5e-3, 1, 6),
                6 * steps,
                4,
                2,
                0.02,
                0.2,
                0.2,
                0.1,
                1,
                0.95,
                1,
                12,
                0,
                0);
    }
}
