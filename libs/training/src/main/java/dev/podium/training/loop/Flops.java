package dev.podium.training.loop;

import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.model.TokenBatch.Sequence;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Floating-point operations of passes over sequences: products with the linear layers, with the adapter and with the head,
 * and attention over what a token may look at. Norms, activations and the optimiser are left out, as is usual. A prompt
 * that several sequences share counts once, because it is computed once.
 *
 * @param adapterParameters of the adapter in use, 0 for none or for one that is merged in
 * @param allTrained whether every weight is trained, not the adapter
 */
record Flops(ModelConfig config, long adapterParameters, boolean allTrained) {
    /** A pass without gradients. */
    double forward(List<Sequence> rows, boolean withHead) {
        double tokens = tokens(rows);
        return 2 * (linear() + adapterParameters) * tokens + attention(rows) + (withHead ? head(rows) : 0);
    }

    /**
     * A pass with gradients. What is trained has two backward products, one for its inputs and one for itself. Frozen weights have no gradients of their own, so their backward product is one;
     * adapter and attention have two. The frozen head's slope is a second product, beside its value.
     *
     * @param recomputed whether activations are computed again
     */
    double training(List<Sequence> rows, boolean withHead, boolean recomputed) {
        double again = recomputed ? forward(rows, false) : 0;
        if (allTrained) {
            return 3 * forward(rows, withHead) + again;
        }
        double tokens = tokens(rows);
        double backward = 2 * (linear() + 2.0 * adapterParameters) * tokens + 2 * attention(rows);
        return forward(rows, withHead) + backward + (withHead ? head(rows) : 0) + again;
    }

    /** Weights of all linear layers but the head. */
    private double linear() {
        double queries = (double) config.heads() * config.headSize();
        double keys = (double) config.keyValueHeads() * config.headSize();
        return config.layers()
                * (2 * config.hiddenSize() * queries
                        + 2 * config.hiddenSize() * keys
                        + 3.0 * config.hiddenSize() * config.intermediateSize());
    }

    private double head(List<Sequence> rows) {
        double predicted =
                rows.stream().mapToInt(row -> row.completion().length).sum();
        return 2.0 * config.vocabularySize() * config.hiddenSize() * predicted;
    }

    static long tokens(List<Sequence> rows) {
        return dev.podium.llm.model.TokenBatch.tokens(rows);
    }

    /** Scores and weighted values of each token over all that it looks at, itself included. */
    private double attention(List<Sequence> rows) {
        Set<List<Integer>> prompts = new HashSet<>();
        double looks = 0;
        for (Sequence row : rows) {
            double p = row.prompt().length;
            double n = row.completion().length;
            looks += n * p + n * (n + 1) / 2;
            if (prompts.add(Arrays.stream(row.prompt()).boxed().toList())) {
                looks += p * (p + 1) / 2;
            }
        }
        return 4 * looks * config.heads() * config.headSize() * config.layers();
    }
}
