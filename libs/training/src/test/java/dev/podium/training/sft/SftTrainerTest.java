package dev.podium.training.sft;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.Message;
import dev.podium.contracts.RoundCommand.SftRecord;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.adapter.AdapterFolder;
import dev.podium.llm.base.BaseModelFiles;
import dev.podium.llm.base.BaseModels;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.TinyRound;
import dev.podium.training.data.TrainingData;
import dev.podium.training.round.RoundCancelled;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import dev.podium.training.round.RoundResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
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

    @Test
    void fullFineTuningLearnsWithEveryWeightAndLeavesAModelThatIsTheTrainedOne() throws Exception {
        RoundResult result = new SftTrainer().train(context(full(20), "a", () -> false));

        Map<String, Double> metrics = result.metrics();
        assertTrue(metrics.get("loss_last") < 0.1 * metrics.get("loss_first"), metrics.toString());
        assertEquals(round.model.parameterCount(), round.recorder.info.get("trainableParameters"));
        assertEquals(round.model.parameterCount(), round.recorder.info.get("allParameters"));
        RoundResult.TrainedAdapter model = result.adapter().orElseThrow();
        assertEquals(AdapterManifest.Kind.MODEL, model.kind());
        AdapterFolder.check(model.folder(), AdapterManifest.Kind.MODEL, "tiny-llama", model.lora());
        try (BaseModelFiles files = BaseModels.openFolder(model.folder(), "p.v1");
                CausalLM loaded = CausalLM.load(files.config(), files.weights(), round.model.runtime())) {
            assertArrayEquals(logits(round.model), logits(loaded));
        }
    }

    private static float[] logits(CausalLM model) {
        try (TensorScope scope = new TensorScope()) {
            NDArray ids = model.runtime().root().create(new long[] {1, 5, 9, 7}).reshape(1, 4);
            return model.logits(model.hiddenStates(ids, Optional.empty()).squeeze(0))
                    .toFloatArray();
        }
    }

    @Test
    void fullFineTuningStoppedInTheMiddleEndsAsIfItHadNotBeen() throws Exception {
        byte[] whole = model(new SftTrainer().train(context(full(3), "a", () -> false)));
        round.close();
        round = new TinyRound();
        assertThrows(
                RoundCancelled.class, () -> new SftTrainer().train(context(full(3), "b", TinyRound.afterChecks(4))));
        round.close();
        round = new TinyRound();
        byte[] resumed = model(new SftTrainer().train(context(full(3), "b", () -> false)));
        assertEquals(3, round.recorder.resumedFrom.getLast());
        assertArrayEquals(whole, resumed);
    }

    private static byte[] model(RoundResult result) throws IOException {
        return Files.readAllBytes(result.adapter().orElseThrow().folder().resolve("model.safetensors"));
    }

    private static RoundConfig.Sft full(int epochs) {
        return new RoundConfig.Sft(7, TinyRound.LORA, TinyRound.training(1e-2, epochs, 4), true, "full");
    }

    @Test
    void fullFineTuningRefusesToContinueAnAdapter() throws Exception {
        Path adapter = new SftTrainer()
                .train(context(config(1, true), "a", () -> false))
                .adapter()
                .orElseThrow()
                .folder();
        RoundContext context = round.context(
                full(1),
                TrainingData.NONE,
                List.of(),
                RECORDS,
                folder.resolve("b"),
                Optional.of(adapter),
                Optional.empty(),
                () -> false);
        RoundFailure failure = assertThrows(RoundFailure.class, () -> new SftTrainer().train(context));
        assertEquals("unknown_adapter", failure.code());
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
