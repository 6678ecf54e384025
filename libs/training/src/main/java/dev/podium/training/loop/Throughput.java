package dev.podium.training.loop;

import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.NamedParameter;
import dev.podium.llm.model.TokenBatch.Sequence;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * How fast the steps of a round are: tokens per second, the share of the time that went into generation, and the model FLOP
 * utilisation (Chowdhery et al. 2022, PaLM, appendix B), here of all passes that were really done, against the measured peak
 * ({@link PeakRate}), which is told beside it; and the most memory that the process has held.
 */
public final class Throughput {
    private final CausalLM model;
    private final Flops adapted;
    private final Flops plain;
    private final PeakRate peak;
    private final LongSupplier nanoTime;
    private long began;
    private long generationNanos;
    private long tokens;
    private double operations;

    /** @param trained the adapter's matrices */
    public Throughput(CausalLM model, List<NamedParameter> trained) {
        this(model, trained, PeakRate.of(model), System::nanoTime);
    }

    /** Of a round that trains the model itself. */
    public static Throughput ofAllWeights(CausalLM model) {
        return new Throughput(model, new Flops(model.config(), 0, true), PeakRate.of(model), System::nanoTime);
    }

    Throughput(CausalLM model, List<NamedParameter> trained, PeakRate peak, LongSupplier nanoTime) {
        this(
                model,
                new Flops(
                        model.config(),
                        trained.stream().mapToLong(p -> p.array().size()).sum(),
                        false),
                peak,
                nanoTime);
    }

    private Throughput(CausalLM model, Flops trained, PeakRate peak, LongSupplier nanoTime) {
        this.model = model;
        this.adapted = trained;
        this.plain = new Flops(model.config(), 0, false);
        this.peak = peak;
        this.nanoTime = nanoTime;
    }

    /** A step begins. */
    public void start() {
        began = nanoTime.getAsLong();
        generationNanos = 0;
        tokens = 0;
        operations = 0;
    }

    /**
     * A pass without gradients, with an adapter.
     *
     * @param withHead whether log-probabilities were computed
     */
    public void passed(List<Sequence> rows, boolean withHead) {
        operations += adapted.forward(rows, withHead);
    }

    /**
     * A pass with gradients of the adapter; its tokens are those that were learnt from.
     *
     * @param withHead whether log-probabilities were computed
     */
    public void trained(List<Sequence> rows, boolean withHead) {
        long own = Flops.tokens(rows);
        tokens += own;
        operations += adapted.training(rows, withHead, model.recomputes(own));
    }

    /**
     * Completions were sampled, each token in a pass of its own, the adapter merged in.
     *
     * @param nanos that it took
     */
    public void generated(List<Sequence> rows, long nanos) {
        generationNanos += nanos;
        operations += plain.forward(rows, true);
    }

    /** Of the step since its start. */
    public Map<String, Double> metrics() {
        double nanos = Math.max(1, nanoTime.getAsLong() - began);
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put("tokens_per_second", tokens / nanos * 1e9);
        metrics.put("generation_share", generationNanos / nanos);
        double rate = operations / (nanos / 1e9);
        double best = peak.given(rate);
        metrics.put("mfu", rate / best);
        metrics.put("peak_gflops", best / 1e9);
        PeakMemory.megabytes().ifPresent(most -> metrics.put("peak_memory_mb", most));
        return metrics;
    }
}
