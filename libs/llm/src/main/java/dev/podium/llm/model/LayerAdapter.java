package dev.podium.llm.model;

import ai.djl.ndarray.NDArray;
import java.util.List;

/**
 * The low-rank matrices of one decoder layer, in the order q, k, v, o, gate, up, down; an array of no elements where a
 * linear layer has none.
 *
 * @param a each {@code [r, in]}
 * @param b each {@code [out, r]}
 */
public record LayerAdapter(List<NDArray> a, List<NDArray> b) {
    public LayerAdapter {
        a = List.copyOf(a);
        b = List.copyOf(b);
    }
}
