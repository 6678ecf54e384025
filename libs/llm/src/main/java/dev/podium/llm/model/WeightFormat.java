package dev.podium.llm.model;

import java.util.Arrays;
import java.util.Locale;

/**
 * How a frozen base is kept in memory. Weights are widened to float32 one layer at a time, while they are used, and what
 * is computed stays float32, but for bfloat16 weights on a device that multiplies them as they are (ADR 14). Gradients go
 * to adapters only. In all but {@code FLOAT32} the embedding and the head are kept as bfloat16.
 */
public enum WeightFormat {
    /** As the files give it; 4 bytes a weight. */
    FLOAT32,
    /**
     * The upper half of float32, rounded to even; 2 bytes a weight. Not widened where the device multiplies bfloat16 as it
     * is.
     */
    BFLOAT16,
    /** Whole numbers of -127 to 127 with a scale per output, the largest weight's; 1 byte a weight; products in float32. */
    INT8,
    /**
     * Four bits with a scale per 64 weights, itself in 8 bits, as in bitsandbytes; 0.52 bytes a weight. Dettmers et al.
     * 2023, QLoRA, section 3.
     */
    NF4;

    /**
     * Whether weights are widened to float32 for each product.
     *
     * @param narrowProducts whether the device multiplies bfloat16 as it is
     */
    boolean widens(boolean narrowProducts) {
        return this != FLOAT32 && !(this == BFLOAT16 && narrowProducts);
    }

    /** Its name in configurations. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @throws IllegalArgumentException naming the formats there are */
    public static WeightFormat of(String label) {
        return Arrays.stream(values())
                .filter(format -> format.label().equals(label))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no weight format " + label + "; one of "
                        + Arrays.stream(values()).map(WeightFormat::label).toList() + " is"));
    }
}
