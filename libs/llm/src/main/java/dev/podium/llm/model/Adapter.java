package dev.podium.llm.model;

import ai.djl.ndarray.NDArray;
import java.util.Optional;

/** What the decoder needs of a LoRA adapter. Without one the model is the reference. */
public interface Adapter {
    LayerAdapter layer(int index);

    /** alpha / r (or alpha / sqrt(r)) as an array without dimensions. */
    NDArray scale();

    /** Probability with which an adapter's input is zeroed in passes with gradients; empty for no dropout. */
    default Optional<NDArray> dropout() {
        return Optional.empty();
    }
}
