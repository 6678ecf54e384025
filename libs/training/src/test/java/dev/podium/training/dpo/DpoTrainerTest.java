package dev.podium.training.dpo;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RoundConfig;
import dev.podium.training.TinyRound;
import dev.podium.training.data.TrainingData;
import dev.podium.training.round.RoundCancelled;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import dev.podium.training.round.RoundResult;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DpoTrainerTest {
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
    void aTinySetIsLearntFromALossOfLogTwo() throws Exception {
        RoundResult result = new DpoTrainer().train(round.context(config(8), DATA, folder));

        assertEquals(Math.log(2), result.metrics().get("loss_first"), 1e-5);
        assertTrue(result.metrics().get("loss_last") < 0.4, result.metrics().toString());
        assertTrue(
                result.metrics().get("heldout_accuracy") > 0.9, result.metrics().toString());
        assertTrue(result.metrics().get("heldout_margin") > 0, result.metrics().toString());
        assertEquals(10, result.metrics().get("heldout_pairs"));
        assertEquals(0, round.recorder.progress.getFirst().get("rewards/margins"), 1e-5);
        double entropy = round.recorder.progress.getFirst().get("entropy");
        double most = Math.log(round.base.config().vocabularySize());
        assertTrue(entropy > most / 2 && entropy <= most + 1e-4, "nats: " + entropy);
        assertEquals(6, round.recorder.info.get("tasks"));
        assertTrue(round.recorder.info.get("trainableParameters") > 0);
    }

    @Test
    void theSameSeedGivesTheSameAdapter() throws Exception {
        byte[] first = weights(new DpoTrainer().train(round.context(config(2), DATA, folder.resolve("a"))));
        byte[] second = weights(new DpoTrainer().train(round.context(config(2), DATA, folder.resolve("b"))));
        assertArrayEquals(first, second);
    }

    @Test
    void aRoundStoppedInTheMiddleEndsAsIfItHadNotBeen() throws Exception {
        byte[] whole = weights(new DpoTrainer().train(round.context(config(4), DATA, folder.resolve("a"))));
        RoundContext stopped = round.context(
                config(4), DATA, folder.resolve("b"), Optional.empty(), Optional.empty(), TinyRound.afterChecks(9));
        assertThrows(RoundCancelled.class, () -> new DpoTrainer().train(stopped));
        RoundResult resumed = new DpoTrainer().train(round.context(config(4), DATA, folder.resolve("b")));

        assertTrue(round.recorder.resumedFrom.getLast() > 0);
        assertEquals(Math.log(2), resumed.metrics().get("loss_first"), 1e-5);
        assertArrayEquals(whole, weights(resumed));
    }

    @Test
    void anInitialAdapterIsContinuedAndIsItsOwnReference() throws Exception {
        Path first = new DpoTrainer()
                .train(round.context(config(3), DATA, folder.resolve("a")))
                .adapter()
                .orElseThrow()
                .folder();
        RoundResult second = new DpoTrainer()
                .train(round.context(
                        config(1), DATA, folder.resolve("b"), Optional.of(first), Optional.empty(), () -> false));
        assertEquals(Math.log(2), second.metrics().get("loss_first"), 1e-5);
    }

    @Test
    void aRoundWithoutPairsHasNoData() {
        RoundFailure failure = assertThrows(
                RoundFailure.class,
                () -> new DpoTrainer()
                        .train(round.context(
                                config(1),
                                new TrainingData(
                                        List.of(TinyRound.task("t", "Hi", List.of("a", "b"), List.of())), List.of(), 0),
                                folder)));
        assertEquals("no_data", failure.code());
    }

    @Test
    void outputsOverTheLimitAreCountedNotDroppedInSilence() throws Exception {
        TrainingData data = new TrainingData(
                List.of(TinyRound.task(
                        "t", "Hi", List.of("yes", "no", "x".repeat(300)), List.of(new int[] {0, 1}, new int[] {0, 2}))),
                List.of(),
                0);
        new DpoTrainer().train(round.context(config(1), data, folder));
        assertEquals(1, round.recorder.info.get("tooLong"));
        assertEquals(1, round.recorder.info.get("pairs"));
    }

    @Test
    void wholeRankingsAreLearnt() throws Exception {
        RoundResult result =
                new DpoTrainer().train(round.context(config(8, "plackett_luce", 0, 0, false), DATA, folder));

        // At the start all orders are as likely: 4!/2! of them, as the two last are tied.
        assertEquals(Math.log(12), result.metrics().get("loss_first"), 1e-4);
        assertTrue(result.metrics().get("loss_last") < 1, result.metrics().toString());
        assertTrue(
                result.metrics().get("heldout_accuracy") > 0.9, result.metrics().toString());
    }

    @Test
    void marginsImitationAndClearVotesChangeTheLossAsTheyShould() throws Exception {
        // All pairs of these tasks have margin 0.5: loss = -ls(0 - 0.8 * 0.5).
        RoundResult margin = new DpoTrainer()
                .train(round.context(config(1, "sigmoid", 0.8, 0, true), DATA, folder.resolve("margin")));
        assertEquals(Math.log(1 + Math.exp(0.4)), margin.metrics().get("loss_first"), 1e-5);

        RoundResult imitation = new DpoTrainer()
                .train(round.context(config(8, "sigmoid", 0, 0.5, false), DATA, folder.resolve("imitation")));
        double imitated = round.recorder.progress.getLast().get("logps/chosen");
        new DpoTrainer().train(round.context(config(8), DATA, folder.resolve("plain")));
        double plain = round.recorder.progress.getLast().get("logps/chosen");
        assertTrue(imitation.metrics().get("loss_first") > Math.log(2) + 1);
        assertTrue(imitated > plain, "imitation makes the chosen outputs more likely");
    }

    @Test
    void ktoMovesAwayFromOutputsMarkedUnacceptable() throws Exception {
        TrainingData marked = new TrainingData(
                DATA.train().stream().map(DpoTrainerTest::rude).toList(),
                DATA.heldOut().stream().map(DpoTrainerTest::rude).toList(),
                0);
        RoundResult result = new DpoTrainer().train(round.context(config(8, "kto", 0, 0, false), marked, folder));

        assertEquals(0.5, result.metrics().get("loss_first"), 1e-5);
        assertTrue(result.metrics().get("loss_last") < 0.4, result.metrics().toString());
        assertTrue(
                result.metrics().get("heldout_accuracy") > 0.7, result.metrics().toString());
        assertEquals(0, round.recorder.progress.getFirst().get("kl"), 1e-4);
        assertTrue(round.recorder.progress.getLast().get("kl") >= 0);
    }

    @Test
    void ktoWithoutAnyMarkSaysSo() {
        RoundFailure failure = assertThrows(
                RoundFailure.class,
                () -> new DpoTrainer().train(round.context(config(1, "kto", 0, 0, false), DATA, folder)));
        assertEquals("no_data", failure.code());
        assertTrue(failure.getMessage().contains("mark"), failure.getMessage());
    }

    /** The two last outputs marked unacceptable by the one labeler. */
    private static PreferenceSet rude(PreferenceSet set) {
        PreferenceSet.RankingUsed ranking = new PreferenceSet.RankingUsed("lea", 1, "e", "rlhf.rankings.v1", 0, 0, 1);
        return TinyRound.with(set, set.ties(), java.util.Map.of("o2", 1, "o3", 1), List.of(ranking));
    }

    private static RoundConfig.Dpo config(
            int epochs, String loss, double margin, double sftWeight, boolean voteWeights) {
        return new RoundConfig.Dpo(
                7,
                TinyRound.LORA,
                TinyRound.training(1e-2, epochs, 2),
                loss,
                0.1,
                0,
                margin,
                sftWeight,
                voteWeights,
                1.0,
                1.0);
    }

    private static RoundConfig.Dpo config(int epochs) {
        return new RoundConfig.Dpo(7, TinyRound.LORA, TinyRound.training(1e-2, epochs, 2), "sigmoid", 0.1, 0);
    }

    private static byte[] weights(RoundResult result) {
        return TinyRound.weights(result.adapter().orElseThrow().folder());
    }
}
