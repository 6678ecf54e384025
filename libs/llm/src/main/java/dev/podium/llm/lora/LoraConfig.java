package dev.podium.llm.lora;

import dev.podium.llm.files.ModelConfig;
import java.util.EnumSet;
import java.util.Set;

/**
 * Shape of an adapter: delta W = scale B A with scale = alpha / r, or alpha / sqrt(r) with rsLoRA (arXiv 2312.03732).
 *
 * @param dropout on the adapter's input while training, in [0, 1)
 */
public record LoraConfig(int r, double alpha, double dropout, Set<LoraTarget> targets, boolean rsLora) {
    public LoraConfig {
        if (r < 1 || !(alpha > 0) || dropout < 0 || dropout >= 1 || targets.isEmpty()) {
            throw new IllegalArgumentException(
                    "an adapter needs r >= 1, alpha > 0, dropout in [0, 1) and at least one target");
        }
        targets = Set.copyOf(targets);
    }

    /** All seven linear layers. */
    public static LoraConfig onAllLinear(int r, double alpha) {
        return new LoraConfig(r, alpha, 0, EnumSet.allOf(LoraTarget.class), false);
    }

    public double scale() {
        return rsLora ? alpha / Math.sqrt(r) : alpha / r;
    }

    /** Numbers in the matrices of an adapter of this shape. */
    public long parameterCount(ModelConfig base) {
        return base.layers()
                * targets.stream()
                        .mapToLong(target -> (long) r * (target.inputSize(base) + target.outputSize(base)))
                        .sum();
    }
}
