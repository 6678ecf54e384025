package dev.podium.llm.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.Operations;
import dev.podium.llm.torch.Operations.ListArgument;
import dev.podium.llm.torch.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A model made ready to generate: the adapter is merged into a copy of the weights, linear layers that read the same
 * input are joined, the norm before them is multiplied in, and on a CPU all of it is packed for products with few rows.
 * The copy is in float32 whatever the base's format is; a later change of the adapter does not reach it.
 *
 * <p>Its results differ from a pass of {@link CausalLM} by rounding only: that of float32, or, where a bfloat16 base is
 * multiplied as it is, that of bfloat16.
 */
public final class Decoder implements AutoCloseable {
    /** Rows that the packing is made for; others are as exact and nearly as fast. */
    private static final int PACKED_ROWS = 32;

    private final CausalLM model;
    private final NDManager manager;
    private final List<Layer> layers = new ArrayList<>();
    private final NDArray head;

    /**
     * @param weights q, k and v joined; o; gate and up joined; down
     * @param bias of q, k and v joined, or no elements
     * @param norms of queries and keys {@code [heads + keyValueHeads, headSize]}, or no elements
     */
    record Layer(List<NDArray> weights, NDArray bias, NDArray norms) {}

    private Decoder(CausalLM model, Optional<? extends Adapter> adapter, NDManager manager) {
        this.model = model;
        this.manager = manager;
        for (int i = 0; i < model.config().layers(); i++) {
            try (TensorScope scope = new TensorScope()) {
                Layer layer = layer(i, adapter);
                layer.weights().forEach(array -> scope.keep(array, manager));
                scope.keep(layer.bias(), manager);
                scope.keep(layer.norms(), manager);
                layers.add(layer);
            }
        }
        try (TensorScope scope = new TensorScope()) {
            head = scope.keep(pack(model.finalNorm(), model.head()), manager);
        }
    }

    /** Merges and packs; the model must stay open as long as the decoder. */
    public static Decoder of(CausalLM model, Optional<? extends Adapter> adapter) {
        NDManager manager = model.runtime().root().newSubManager();
        boolean made = false;
        try (GradientMode off = GradientMode.off()) {
            Decoder decoder = new Decoder(model, adapter, manager);
            made = true;
            return decoder;
        } finally {
            if (!made) {
                manager.close();
            }
        }
    }

    private Layer layer(int index, Optional<? extends Adapter> adapter) {
        List<NDArray> w = model.weights(index);
        List<NDArray> merged = IntStream.range(0, LINEAR.length)
                .mapToObj(j -> merge(w.get(LINEAR[j]), index, j, adapter))
                .toList();
        NDArray none = manager.create(new float[0]);
        List<NDArray> packed = List.of(
                pack(w.get(0), merged.get(0), merged.get(1), merged.get(2)),
                pack(none, merged.get(3)),
                pack(w.get(5), merged.get(4), merged.get(5)),
                pack(none, merged.get(6)));
        List<NDArray> extra = model.extra(index);
        NDArray bias = extra.get(0).size() == 0
                ? none
                : extra.get(0).concat(extra.get(1)).concat(extra.get(2));
        NDArray norms = extra.get(3).size() == 0
                ? manager.create(new float[0])
                : repeated(extra.get(3), model.config().heads())
                        .concat(repeated(extra.get(4), model.config().keyValueHeads()));
        return new Layer(packed, bias, norms);
    }

    /** Where the seven linear layers are among a layer's weights, in an adapter's order. */
    private static final int[] LINEAR = {1, 2, 3, 4, 6, 7, 8};

    private NDArray merge(NDArray weight, int layer, int target, Optional<? extends Adapter> adapter) {
        if (adapter.isEmpty()) {
            return weight;
        }
        LayerAdapter lora = adapter.get().layer(layer);
        return operations()
                .call(
                        "merged",
                        adapter.get().scale(),
                        weight,
                        lora.a().get(target),
                        lora.b().get(target));
    }

    private NDArray pack(NDArray norm, NDArray... parts) {
        NDArray rows = manager.create((long) PACKED_ROWS);
        return operations()
                .callLists("pack", List.of(rows, norm), List.of(new ListArgument("parts", List.of(parts))))
                .head();
    }

    private static NDArray repeated(NDArray norm, int heads) {
        return norm.reshape(1, norm.size()).repeat(0, heads);
    }

    /**
     * An empty batch.
     *
     * @param prompts that are in the batch at once
     * @param samples of each prompt
     * @param promptCapacity tokens of the longest prompt
     * @param capacity most tokens that follow a prompt
     */
    public DecodingBatch batch(int prompts, int samples, int promptCapacity, int capacity) {
        model.checkLength(promptCapacity + capacity);
        return new DecodingBatch(this, prompts, samples, promptCapacity, capacity);
    }

    CausalLM model() {
        return model;
    }

    Operations operations() {
        return model.operations();
    }

    List<Layer> layers() {
        return layers;
    }

    NDArray head() {
        return head;
    }

    @Override
    public void close() {
        manager.close();
    }
}
