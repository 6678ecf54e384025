package dev.podium.training.sft;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.Message;
import dev.podium.contracts.RoundCommand.SftRecord;
import dev.podium.contracts.RoundConfig;
import dev.podium.training.TinyRound;
import dev.podium.training.data.TrainingData;
import dev.podium.training.round.RoundCancelled;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import dev.podium.training.round.RoundResult;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SftTrainerTest {
    private static final List<SftRecord> RECORDS = IntStream.range(0, 8)
            .mapToObj(i -> new SftRecord(List.of(Message.user("Question " + i)), "Thank you."))
            .toList();

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
    void aTinySetIsLearntByHeart() throws Exception {
        RoundResult result = new SftTrainer().train(context(config(40, true), "a", () -> false));
        // The frozen random head gives no token more than a quarter of the probability.
        assertTrue(
                result.metrics().get("loss_last") < 0.4 * result.metrics().get("loss_first"),
                result.metrics().toString());
        assertTrue(
                result.metrics().get("heldout_loss_after") < result.metrics().get("heldout_loss_before"),
                result.metrics().toString());
    }

    @Test
    void lossOnAllTokensCountsThePromptToo() throws Exception {
        RoundResult result = new SftTrainer().train(context(config(1, false), "a", () -> false));
        assertTrue(result.metrics().get("loss_first") > 0);
    }

    @Test
    void aRoundStoppedInTheMiddleEndsAsIfItHadNotBeen() throws Exception {
        RoundResult whole = new SftTrainer().train(context(config(3, true), "a", () -> false));
        assertThrows(
                RoundCancelled.class,
                () -> new SftTrainer().train(context(config(3, true), "b", TinyRound.afterChecks(4))));
        RoundResult resumed = new SftTrainer().train(context(config(3, true), "b", () -> false));
        assertEquals(3, round.recorder.resumedFrom.getLast());
        assertArrayEquals(
                TinyRound.weights(whole.adapter().orElseThrow().folder()),
                TinyRound.weights(resumed.adapter().orElseThrow().folder()));
    }

    @Test
    void dropoutActsWhileTrainingAndResumesBitByBit() throws Exception {
        RoundConfig.Lora lora = new RoundConfig.Lora(8, 16, 0.3, RoundConfig.Lora.ALL_TARGETS);
        RoundConfig.Sft dropping = new RoundConfig.Sft(7, lora, TinyRound.training(2e-2, 4, 4), true);
        byte[] plain = weights(new SftTrainer().train(context(config(4, true), "plain", () -> false)));
        byte[] whole = weights(new SftTrainer().train(context(dropping, "a", () -> false)));
        assertThrows(
                RoundCancelled.class, () -> new SftTrainer().train(context(dropping, "b", TinyRound.afterChecks(4))));
        byte[] resumed = weights(new SftTrainer().train(context(dropping, "b", () -> false)));
        assertFalse(Arrays.equals(plain, whole));
        assertArrayEquals(whole, resumed);
    }

    private static byte[] weights(RoundResult result) {
        return TinyRound.weights(result.adapter().orElseThrow().folder());
    }

    @Test
    void withoutRecordsTheBestOutputOfEachTaskIsImitated() throws Exception {
        new SftTrainer().train(round.context(config(1, true), TinyRound.politeness(4, 1), folder));
        assertEquals(4, round.recorder.info.get("records"));
        assertEquals(1, round.recorder.info.get("heldOutRecords"));
    }

    @Test
    void aRoundWithoutRecordsHasNoData() {
        RoundFailure failure = assertThrows(
                RoundFailure.class,
                () -> new SftTrainer().train(round.context(config(1, true), TrainingData.NONE, folder)));
        assertEquals("no_data", failure.code());
    }

    private RoundContext context(RoundConfig config, String name, BooleanSupplier cancelled) {
        return round.context(
                config,
                TrainingData.NONE,
                List.of(),
                RECORDS,
                folder.resolve(name),
                Optional.empty(),
                Optional.empty(),
                cancelled);
    }

    private static RoundConfig.Sft config(int epochs, boolean completionOnly) {
        return new RoundConfig.Sft(7, TinyRound.LORA, TinyRound.training(2e-2, epochs, 4), completionOnly);
    }
}
