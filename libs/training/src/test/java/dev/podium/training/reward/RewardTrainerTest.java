package dev.podium.training.reward;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.Evaluation;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.adapter.AdapterFolder;
import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.TinyRound;
import dev.podium.training.data.TrainingData;
import dev.podium.training.round.RoundCancelled;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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

    @ParameterizedTest
    @ValueSource(strings = {"davidson", "plackett_luce"})
    void tiesAndWholeRankingsAreLearnt(String loss) throws Exception {
        TrainingData tied = new TrainingData(
                DATA.train().stream().map(RewardTrainerTest::tied).toList(),
                DATA.heldOut().stream().map(RewardTrainerTest::tied).toList(),
                0);
        RoundResult result = new RewardTrainer().train(round.context(config(8, loss, 1), tied, folder));

        assertTrue(
                result.metrics().get("loss_last") < 0.6 * result.metrics().get("loss_first"),
                result.metrics().toString());
        assertTrue(
                result.metrics().get("heldout_accuracy_after") > 0.9,
                result.metrics().toString());
    }

    @Test
    void anEnsemblesMembersDifferAndTheFirstIsTheModelAlone() throws Exception {
        RoundResult alone = new RewardTrainer().train(round.context(config(4), DATA, folder.resolve("alone")));
        RoundResult three =
                new RewardTrainer().train(round.context(config(4, "bradley_terry", 3), DATA, folder.resolve("three")));
        RoundResult.TrainedAdapter adapter = three.adapter().orElseThrow();

        assertArrayEquals(
                TinyRound.weights(alone.adapter().orElseThrow().folder()), TinyRound.weights(adapter.folder()));
        assertEquals(3, three.metrics().get("members"));
        assertTrue(
                three.metrics().get("heldout_accuracy_after") > 0.8,
                three.metrics().toString());
        AdapterFolder.check(adapter.folder(), AdapterManifest.Kind.REWARD, "tiny-llama", Optional.of(TinyRound.LORA));
        RoundContext.RewardModel files = new RoundContext.RewardModel(
                adapter.folder(),
                adapter.rewardGain().orElseThrow(),
                adapter.rewardBias().orElseThrow());
        try (RewardEnsemble ensemble = RewardEnsemble.read(files, round.model);
                TensorScope scope = new TensorScope()) {
            TokenBatch rows =
                    TokenBatch.of(round.model, List.of(new Sequence(new int[] {1, 20, 21}, new int[] {30, 31, 2})));
            RewardEnsemble.Scores scores = ensemble.judge(
                    rows, rows.states(round.model, Optional.of(ensemble.first().adapter())));
            assertEquals(3, ensemble.members().size());
            assertTrue(scores.spread()[0] > 1e-3);
        }
        Files.delete(adapter.folder().resolve("score.1.safetensors"));
        String refusal = assertThrows(
                        ArtifactException.class,
                        () -> AdapterFolder.check(
                                adapter.folder(),
                                AdapterManifest.Kind.REWARD,
                                "tiny-llama",
                                Optional.of(TinyRound.LORA)))
                .getMessage();
        assertTrue(refusal.contains("score.1.safetensors"), refusal);
    }

    @Test
    void anEnsembleStoppedInItsSecondMemberEndsAsIfItHadNotBeen() throws Exception {
        RoundConfig.Reward config = config(2, "bradley_terry", 2);
        RoundResult whole = new RewardTrainer().train(round.context(config, DATA, folder.resolve("a")));
        assertThrows(
                RoundCancelled.class,
                () -> new RewardTrainer()
                        .train(round.context(
                                config,
                                DATA,
                                folder.resolve("b"),
                                Optional.empty(),
                                Optional.empty(),
                                TinyRound.afterChecks(10))));
        RoundResult resumed = new RewardTrainer().train(round.context(config, DATA, folder.resolve("b")));

        assertEquals(9, round.recorder.resumedFrom.getLast());
        assertEquals(whole.metrics(), resumed.metrics());
        for (String file : List.of("adapter_model.safetensors", "adapter_model.1.safetensors", "ensemble.json")) {
            assertArrayEquals(
                    Files.readAllBytes(whole.adapter().orElseThrow().folder().resolve(file)),
                    Files.readAllBytes(resumed.adapter().orElseThrow().folder().resolve(file)),
                    file);
        }
    }

    @Test
    void aModelThatOrdersHeldOutPairsWorseThanBeforeIsNotToBePublished() throws Exception {
        TrainingData all = TinyRound.politeness(6, 5);
        TrainingData contrary = new TrainingData(
                all.train(),
                all.heldOut().stream()
                        .map(set -> TinyRound.task(
                                set.taskId(),
                                set.prompt().getFirst().content(),
                                set.outputs().stream().map(Output::text).toList(),
                                List.of(
                                        new int[] {1, 0},
                                        new int[] {2, 0},
                                        new int[] {3, 0},
                                        new int[] {2, 1},
                                        new int[] {3, 1})))
                        .toList(),
                0);
        RoundConfig.Reward plain = config(4);
        RoundConfig.Reward config =
                new RoundConfig.Reward(7, TinyRound.LORA, plain.training().guarded(10, "improved"), 0.01, 0);

        RoundResult result = new RewardTrainer().train(round.context(config, contrary, folder));

        Evaluation.Verdict verdict = result.evaluation().orElseThrow().verdict().orElseThrow();
        assertFalse(verdict.passed(), verdict.toString());
        assertEquals(25, verdict.judged());
        assertEquals(result.metrics().get("heldout_accuracy_after"), verdict.value());
    }

    @Test
    void accuracyIsToldApartByLabelerAndByGroupAndReliabilityByConfidence() throws Exception {
        List<List<String>> asDecided = List.of(List.of("o0"), List.of("o1"), List.of("o2", "o3"));
        List<List<String>> contrary = List.of(List.of("o2", "o3"), List.of("o1"), List.of("o0"));
        TrainingData told = new TrainingData(
                DATA.train(),
                DATA.heldOut().stream()
                        .map(set -> TinyRound.with(
                                set,
                                set.ties(),
                                set.unacceptable(),
                                List.of(ranking("lea", asDecided), ranking("tom", contrary))))
                        .toList(),
                0);

        RoundResult result = new RewardTrainer().train(round.context(config(8), told, folder));

        Evaluation tables = result.evaluation().orElseThrow();
        double accuracy = result.metrics().get("heldout_accuracy_after");
        assertEquals(List.of(new Evaluation.Share("imported", 10, accuracy)), tables.byGroup());
        assertEquals(
                List.of(new Evaluation.Share("lea", 10, accuracy), new Evaluation.Share("tom", 10, 1 - accuracy)),
                tables.byLabeler());
        assertEquals(10, tables.reliability().size());
        assertEquals(
                10,
                tables.reliability().stream().mapToInt(Evaluation.Bin::pairs).sum());
        double calibrationError = tables.reliability().stream()
                .mapToDouble(bin -> bin.pairs() * Math.abs(bin.predicted() - bin.observed()) / 10)
                .sum();
        assertEquals(result.metrics().get("heldout_ece"), calibrationError, 1e-9);
    }

    private static PreferenceSet.RankingUsed ranking(String labeler, List<List<String>> groups) {
        return new PreferenceSet.RankingUsed(labeler, 1, "e", "rlhf.rankings.v1", 0, 1, 1, groups);
    }

    /** The tie of the two last outputs, which the pairs leave open. */
    private static PreferenceSet tied(PreferenceSet set) {
        return TinyRound.with(
                set, List.of(new PreferenceSet.Tie("o2", "o3", 0, 0)), set.unacceptable(), set.rankings());
    }

    @Test
    void evaluationIsThatByHand() {
        RewardEvaluation evaluation =
                RewardEvaluation.of(List.of(1.0, 3.0), List.of(10, 20), List.of(2.0, -1.0, 0.0), List.of(), List.of());
        assertEquals(1.0 / 3, evaluation.accuracy(), 1e-12);
        assertEquals(1.0 / 3, evaluation.margin(), 1e-12);
        assertEquals(2, evaluation.rewardMean(), 1e-12);
        assertEquals(Math.sqrt(2), evaluation.rewardDeviation(), 1e-12);
        assertEquals(100 * 0.2 / Math.sqrt(2), evaluation.lengthSlope(), 1e-9);
        double sure = 1 / (1 + Math.exp(-2));
        double lessSure = 1 / (1 + Math.exp(-1));
        assertEquals(
                List.of(
                        new Evaluation.Bin(0.5, 0.55, 1, 0.5, 0),
                        new Evaluation.Bin(0.7, 0.75, 1, lessSure, 0),
                        new Evaluation.Bin(0.85, 0.9, 1, sure, 1)),
                evaluation.reliability().stream().filter(bin -> bin.pairs() > 0).toList());
    }

    private static RoundConfig.Reward config(int epochs, String loss, int members) {
        return new RoundConfig.Reward(
                7, TinyRound.LORA, TinyRound.training(1e-2, epochs, 2), 0.01, 0, loss, 0.0, members);
    }

    private static RoundConfig.Reward config(int epochs) {
        return new RoundConfig.Reward(7, TinyRound.LORA, TinyRound.training(1e-2, epochs, 2), 0.01, 0);
    }
}
