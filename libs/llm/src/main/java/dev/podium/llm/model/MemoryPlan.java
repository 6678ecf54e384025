package dev.podium.llm.model;

import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.generate.Generator;
import java.util.Locale;

/**
 * What training an adapter, or every weight, will take, by part, in bytes; estimated before anything is loaded.
 *
 * @param process the JVM, the engine's libraries, and the largest tensor while it is read
 * @param weights of the base, in its format
 * @param adapter matrices of the adapter
 * @param optimiser gradients and both moments of AdamW, for the adapter or for every weight
 * @param activations of the largest pass with gradients, and the logits of one chunk of the head
 * @param sampling weights merged and packed for sampling, and the cache at its longest; 0 where a round does not
 *     sample
 */
public record MemoryPlan(long process, long weights, long adapter, long optimiser, long activations, long sampling) {
    /** Activations of one pass with gradients that are kept, bytes; a pass that needs more computes them again. */
    private static final double KEPT_BYTES = 1.4e9;

    private static final int MOST_TOKENS = 16_384;
    private static final int FEWEST_TOKENS = 256;
    private static final long PROCESS_BYTES = 450_000_000;
    private static final long FLOAT = Float.BYTES;

    /** Tokens of a pass whose activations may be kept for the backward pass. */
    public static int tokensPerPass(ModelConfig config) {
        return (int) Math.clamp(KEPT_BYTES / bytesPerToken(config), FEWEST_TOKENS, MOST_TOKENS);
    }

    /** Per layer 20 rows of the hidden and 5 of the intermediate width, and three of the vocabulary for the head. */
    private static double bytesPerToken(ModelConfig config) {
        return FLOAT * (config.layers() * ofLayer(config) + 3.0 * config.vocabularySize());
    }

    private static double ofLayer(ModelConfig config) {
        return 20.0 * config.hiddenSize() + 5.0 * config.intermediateSize();
    }

    /**
     * Estimates a round.
     *
     * @param narrowProducts whether bfloat16 weights are multiplied as they are, see {@link
     *     dev.podium.llm.torch.TorchRuntime#multipliesBfloat16}
     * @param adapterParameters numbers in the adapter's matrices
     * @param recompute whether activations are computed again in the backward pass
     * @param tokens of the largest pass
     * @param decoders merged copies that the round samples from at once; 0 where it does not sample
     */
    public static MemoryPlan estimate(
            ModelConfig config,
            WeightFormat format,
            boolean narrowProducts,
            long adapterParameters,
            boolean recompute,
            int tokens,
            int decoders) {
        long linear = linearParameters(config);
        long table = (config.tiedEmbeddings() ? 1L : 2L) * config.vocabularySize() * config.hiddenSize();
        double perWeight =
                switch (format) {
                    case FLOAT32 -> 4;
                    case BFLOAT16 -> 2;
                    case INT8 -> 1.01;
                    case NF4 -> 0.52;
                };
        long weights = (long) (linear * perWeight) + table * (format == WeightFormat.FLOAT32 ? 4 : 2);
        boolean widens = format.widens(narrowProducts);
        boolean cut = recompute || widens || tokens > tokensPerPass(config);
        double kept = cut
                ? FLOAT * ((double) tokens * (config.layers() * (double) config.hiddenSize() + ofLayer(config)))
                : FLOAT * (double) tokens * config.layers() * ofLayer(config);
        double widened =
                format == WeightFormat.FLOAT32 ? 0 : FLOAT * ((widens ? linear / (double) config.layers() : 0) + table);
        double read = format == WeightFormat.FLOAT32 ? FLOAT : 1.5 * FLOAT;
        long cache = Generator.mostCacheBytes(config, tokens == 0 ? config.maxPositions() : tokens);
        double head = 3.0 * FLOAT * Math.min(tokens, CausalLM.HEAD_CHUNK) * config.vocabularySize();
        return new MemoryPlan(
                PROCESS_BYTES + (long) (read * config.vocabularySize() * config.hiddenSize()),
                weights,
                FLOAT * adapterParameters,
                3 * FLOAT * adapterParameters,
                (long) (kept + widened + head),
                decoders * (FLOAT * (linear + (long) config.vocabularySize() * config.hiddenSize()) + cache));
    }

    /**
     * Estimates a round that trains every weight, in float32: three more numbers for each, and the logits of a whole pass,
     * as the head learns too.
     *
     * @param recompute whether activations are computed again in the backward pass
     * @param tokens of the largest pass
     */
    public static MemoryPlan ofAllWeights(ModelConfig config, boolean recompute, int tokens) {
        MemoryPlan frozen = estimate(config, WeightFormat.FLOAT32, false, 0, recompute, tokens, 0);
        long logits = 3 * FLOAT * (tokens - Math.min(tokens, CausalLM.HEAD_CHUNK)) * (long) config.vocabularySize();
        return new MemoryPlan(
                frozen.process(),
                frozen.weights(),
                0,
                3 * FLOAT * parameters(config),
                frozen.activations() + logits,
                0);
    }

    private static long parameters(ModelConfig c) {
        long tables = (c.tiedEmbeddings() ? 1L : 2L) * c.vocabularySize() * c.hiddenSize();
        long biases = c.attentionBias() ? (long) (c.heads() + 2 * c.keyValueHeads()) * c.headSize() : 0;
        long norms = 2L * c.hiddenSize() + (c.queryKeyNorm() ? 2L * c.headSize() : 0);
        return linearParameters(c) + tables + c.layers() * (biases + norms) + c.hiddenSize();
    }

    private static long linearParameters(ModelConfig c) {
        long attention = (long) c.heads() * c.headSize();
        long keys = (long) c.keyValueHeads() * c.headSize();
        return c.layers()
                * (2 * c.hiddenSize() * attention
                        + 2 * c.hiddenSize() * keys
                        + 3L * c.hiddenSize() * c.intermediateSize());
    }

    public long total() {
        return process + weights + adapter + optimiser + activations + sampling;
    }

    /** All parts, for a person. */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%s: process %s, weights %s, adapter %s, optimiser %s, activations %s, sampling %s",
                size(total()),
                size(process),
                size(weights),
                size(adapter),
                size(optimiser),
                size(activations),
                size(sampling));
    }

    /** Bytes for a person. */
    public static String size(long bytes) {
        return bytes < 1e9
                ? String.format(Locale.ROOT, "%.0f MB", bytes / 1e6)
                : String.format(Locale.ROOT, "%.1f GB", bytes / 1e9);
    }
}
