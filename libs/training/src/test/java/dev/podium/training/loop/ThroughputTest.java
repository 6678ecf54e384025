package dev.podium.training.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.llm.model.WeightFormat;
import dev.podium.training.TinyRound;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ThroughputTest {
    /** Weights of the tiny Llama's linear layers: two of q, k, v, o, gate, up, down; 16 wide, 2 of 4 heads for keys. */
    private static final double LINEAR = 2 * (16 * 16 + 2 * 16 * 8 + 16 * 16 + 3 * 16 * 32);

    /** Two completions of 2 and 3 tokens of one prompt of 4. */
    private static final List<Sequence> ROWS = List.of(
            new Sequence(new int[] {5, 6, 7, 8}, new int[] {9, 2}),
            new Sequence(new int[] {5, 6, 7, 8}, new int[] {9, 9, 2}));

    private static final int TOKENS = 9;
    /** 10 pairs within the prompt, 11 and 18 from the completions. */
    private static final double ATTENTION = 4.0 * (10 + 11 + 18) * 16 * 2;

    @Test
    void operationsAreThoseByHand() {
        try (TinyRound round = new TinyRound()) {
            double head = 2.0 * round.base.config().vocabularySize() * 16 * 5;
            Flops plain = new Flops(round.base.config(), 0, false);
            Flops adapted = new Flops(round.base.config(), 1000, false);

            assertEquals(2 * LINEAR * TOKENS + ATTENTION, plain.forward(ROWS, false), 1e-6);
            assertEquals(2 * (LINEAR + 1000) * TOKENS + ATTENTION + head, adapted.forward(ROWS, true), 1e-6);
            assertEquals(
                    (4 * LINEAR + 6 * 1000) * TOKENS + 3 * ATTENTION + 2 * head,
                    adapted.training(ROWS, true, false),
                    1e-6);
            assertEquals(
                    3 * plain.forward(ROWS, true),
                    new Flops(round.base.config(), 0, true).training(ROWS, true, false),
                    1e-6);
            assertEquals(
                    adapted.training(ROWS, false, false) + adapted.forward(ROWS, false),
                    adapted.training(ROWS, false, true),
                    1e-6);
        }
    }

    @Test
    void aStepIsMeasuredFromItsStart() {
        try (TinyRound round = new TinyRound();
                LoraAdapter adapter = RoundStart.newAdapter(round.model, TinyRound.LORA, 1)) {
            AtomicLong nanos = new AtomicLong(5_000);
            Throughput throughput = new Throughput(round.model, adapter.parameters(), peak(1e9), nanos::get);
            throughput.start();
            throughput.trained(ROWS, true);
            throughput.generated(ROWS, 250_000_000);
            nanos.addAndGet(1_000_000_000);

            Map<String, Double> metrics = throughput.metrics();

            assertEquals(TOKENS, metrics.get("tokens_per_second"), 1e-9);
            assertEquals(0.25, metrics.get("generation_share"), 1e-9);
            assertTrue(metrics.get("mfu") > 0 && metrics.get("mfu") < 1, metrics.toString());
            assertEquals(1, metrics.get("peak_gflops"), 1e-9);
            assertTrue(
                    !Files.exists(Path.of("/proc/self/status")) || metrics.get("peak_memory_mb") > 10,
                    metrics.toString());
            throughput.start();
            nanos.addAndGet(1);
            assertEquals(0, throughput.metrics().get("mfu"));
        }
    }

    @Test
    void thePeakIsTheBestThatWasSeenAndIsMeasuredAgainWhereAStepIsFaster() {
        List<Double> measured = new ArrayList<>(List.of(50.0, 40.0, 80.0, 70.0));
        PeakRate peak = new PeakRate("float32", measured::removeFirst);
        peak.measure();
        peak.measure();
        assertEquals(50, peak.given(45));
        assertEquals(80, peak.given(60));
        assertEquals(90, peak.given(90));
        assertTrue(measured.isEmpty());
    }

    @Test
    void whatIsMeasuredIsOfThisMachine() {
        try (TinyRound round = new TinyRound()) {
            double flops = PeakRate.of(round.model).given(0);
            assertTrue(flops > 1e8, "FLOP/s: " + flops);
            assertTrue(PeakRate.of(round.model).given(0) >= flops, "never worse");
        }
    }

    @Test
    void aBfloat16BaseIsMeasuredByBfloat16ProductsWhereTheDeviceHasThem() {
        try (TinyRound round = new TinyRound();
                CausalLM narrow = CausalLM.load(
                        round.base.config(), round.base.weights(), round.model.runtime(), WeightFormat.BFLOAT16);
                CausalLM widened = CausalLM.load(
                        round.base.config(), round.base.weights(), round.model.runtime(), WeightFormat.INT8)) {
            PeakRate float32 = PeakRate.of(round.model);

            assertSame(float32, PeakRate.of(widened));
            assertEquals(
                    round.model.runtime().multipliesBfloat16(), PeakRate.of(narrow) != float32, "a rate of its own");
            assertTrue(
                    PeakRate.of(narrow).given(0) > 1e8,
                    "FLOP/s: " + PeakRate.of(narrow).given(0));
        }
    }

    private static PeakRate peak(double flops) {
        PeakRate peak = new PeakRate("float32", () -> flops);
        peak.measure();
        return peak;
    }
}
