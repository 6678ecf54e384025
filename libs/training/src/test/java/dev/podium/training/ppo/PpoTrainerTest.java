package dev.podium.training.ppo;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.RoundConfig;
import dev.podium.training.TinyRound;
import dev.podium.training.data.TrainingData;
import dev.podium.training.reward.RewardTrainer;
import dev.podium.training.round.Guard;
import dev.podium.training.round.RoundCancelled;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import dev.podium.training.round.RoundResult;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
        Map<String, Double> last = round.recorder.progress.getLast();
        assertTrue(last.keySet()
                .containsAll(java.util.Set.of(
                        "objective/kl",
                        "objective/scores",
                        "policy/approxkl_avg",
                        "policy/clipfrac_avg",
                        "loss/policy_avg",
                        "loss/value_avg",
                        "val/ratio",
                        "val/num_eos_tokens")));
        assertTrue(last.get("generation_share") > 0 && last.get("generation_share") < 1, last.toString());
        assertTrue(last.get("mfu") > 0 && last.get("mfu") < 1, last.toString());
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

    @ParameterizedTest
    @ValueSource(strings = {"rloo", "grpo", "dr_grpo"})
    void theRewardRisesWithoutAValueModel(String advantage) throws Exception {
        RoundResult result = train(config(20, advantage, 4, 0, 0), "a", () -> false);

        Map<String, Double> metrics = result.metrics();
        assertTrue(metrics.get("reward_after") > metrics.get("reward_before") + 0.2, metrics.toString());
        Map<String, Double> last = round.recorder.progress.getLast();
        assertTrue(Double.isFinite(last.get("loss/policy_avg")));
        assertTrue(!last.containsKey("loss/value_avg"), last.toString());
    }

    @Test
    void aGroupRoundStoppedInTheMiddleEndsAsIfItHadNotBeen() throws Exception {
        RoundConfig.Ppo config = config(6, "rloo", 2, 1, 0);
        RoundResult whole = train(config, "a", () -> false);
        assertThrows(RoundCancelled.class, () -> train(config, "b", TinyRound.afterChecks(4)));
        RoundResult resumed = train(config, "b", () -> false);

        assertEquals(whole.metrics(), resumed.metrics());
        assertTrue(whole.metrics().get("kl_coefficient") != config.klCoefficient(), "the KL weight is steered");
    }

    /** With a checkpoint at every step too, the newest is not the policy that collapsed. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aPolicyThatCollapsesGoesBackToOneThatWasJudgedSound(int checkpointSteps) throws Exception {
        // After two steps the KL is below this limit, after three above it.
        RoundResult free = train(checkpointing(config(20, "gae", 1, 0, 0), checkpointSteps), "free", () -> false);
        double limit = 0.5 * free.metrics().get("kl");
        RoundResult bounded =
                train(checkpointing(config(20, "gae", 1, 0, limit), checkpointSteps), "bounded", () -> false);

        double step = bounded.metrics().get("rolled_back_to_step");
        assertTrue(
                step >= 1 && step < 20 && step % checkpointSteps == 0,
                bounded.metrics().toString());
        // The limit is held by the rollouts of the policy gone back to; these are other ones of the same policy.
        assertTrue(bounded.metrics().get("kl") <= 1.1 * limit, limit + ": " + bounded.metrics());
        assertTrue(round.recorder.guards.contains(Guard.MAX_KL), "the guard is counted");
    }

    private static RoundConfig.Ppo checkpointing(RoundConfig.Ppo plain, int steps) {
        RoundConfig.Training t = plain.training();
        RoundConfig.Training training = new RoundConfig.Training(
                t.learningRate(),
                t.epochs(),
                t.batchTasks(),
                t.maxLengthTokens(),
                t.maxGradientNorm(),
                t.warmupShare(),
                t.heldOutShare(),
                steps);
        return with(plain, training, plain.advantage(), plain.samplesPerPrompt(), plain.adaptiveKl(), plain.maxKl());
    }

    @Test
    void aBatchWhosePassesMoveThePolicyTooFarEndsEarlyAndIsCounted() throws Exception {
        RoundConfig.Ppo free = config(3);
        RoundConfig.Ppo config = new RoundConfig.Ppo(
                free.seed(),
                free.lora(),
                free.training(),
                free.totalPrompts(),
                free.ppoEpochs(),
                free.miniBatches(),
                free.klCoefficient(),
                free.clip(),
                free.valueClip(),
                free.valueCoefficient(),
                free.gamma(),
                free.lambda(),
                free.temperature(),
                free.maxNewTokens(),
                free.missingEndPenalty(),
                1e-6);
        train(config, "a", () -> false);

        Map<String, Double> last = round.recorder.progress.getLast();
        assertEquals(1, last.get("stopped_early"), last.toString());
        assertTrue(last.get("updates") < free.ppoEpochs() * free.miniBatches(), last.toString());
        assertEquals(
                3,
                round.recorder.guards.stream()
                        .filter(guard -> guard == Guard.TARGET_KL)
                        .count());
    }

    /** The value's gradient is beyond float32, though the losses and the policy's gradient are not. */
    @Test
    void aValueModelThatCannotLearnEndsTheRound() {
        RoundConfig.Ppo plain = config(3);
        RoundConfig.Ppo config = new RoundConfig.Ppo(
                plain.seed(),
                plain.lora(),
                plain.training(),
                plain.totalPrompts(),
                plain.ppoEpochs(),
                plain.miniBatches(),
                plain.klCoefficient(),
                plain.clip(),
                plain.valueClip(),
                3e38,
                plain.gamma(),
                plain.lambda(),
                plain.temperature(),
                plain.maxNewTokens(),
                plain.missingEndPenalty(),
                plain.targetKl());

        RoundFailure failure = assertThrows(RoundFailure.class, () -> train(config, "a", () -> false));

        assertEquals("not_finite", failure.code());
        assertEquals(
                3,
                round.recorder.guards.stream()
                        .filter(guard -> guard == Guard.NON_FINITE)
                        .count());
    }

    @Test
    void aPolicyThatCollapsesBeforeAnyCheckpointFailsWithARemedy() {
        RoundFailure failure =
                assertThrows(RoundFailure.class, () -> train(config(9, "gae", 1, 0, 1e-9), "a", () -> false));
        assertEquals("collapsed", failure.code());
        assertTrue(failure.getMessage().contains("training.learningRate"), failure.getMessage());
    }

    private static RoundConfig.Ppo config(int steps, String advantage, int samples, double adaptiveKl, double maxKl) {
        RoundConfig.Ppo plain = config(steps);
        return with(plain, plain.training(), advantage, samples, adaptiveKl, maxKl);
    }

    private static RoundConfig.Ppo with(
            RoundConfig.Ppo plain,
            RoundConfig.Training training,
            String advantage,
            int samples,
            double adaptiveKl,
            double maxKl) {
        return new RoundConfig.Ppo(
                plain.seed(),
                plain.lora(),
                training,
                plain.totalPrompts(),
                plain.ppoEpochs(),
                plain.miniBatches(),
                plain.klCoefficient(),
                plain.clip(),
                plain.valueClip(),
                plain.valueCoefficient(),
                plain.gamma(),
                plain.lambda(),
                plain.temperature(),
                plain.maxNewTokens(),
                plain.missingEndPenalty(),
                plain.targetKl(),
                advantage,
                samples,
                adaptiveKl,
                maxKl,
                0.0);
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
