package dev.podium.llm.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.Operations;
import dev.podium.llm.torch.Operations.ListArgument;
import dev.podium.llm.torch.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Texts that are being generated. Each place holds a prompt, computed and kept once, and a fixed number of samples of it,
 * each with keys and values of its own tokens only. A place is free for another prompt at any time.
 *
 * <p>Row numbers are {@code place * samples + sample}.
 */
public final class DecodingBatch implements AutoCloseable {
    private final Decoder decoder;
    private final ModelConfig config;
    private final int samples;
    private final NDManager arrays;
    private NDManager caches;
    private List<Cache> layers = new ArrayList<>();
    /** Tokens of each place's prompt; at least 1, so that every row sees something. */
    private int[] promptLengths;
    /** Tokens that follow the prompt, per row. */
    private int[] lengths;

    /**
     * @param promptKeys {@code [places, keyValueHeads, promptCapacity, headSize]}, and so the values
     * @param keys {@code [rows, keyValueHeads, capacity, headSize]}, and so the values
     */
    private record Cache(NDArray promptKeys, NDArray promptValues, NDArray keys, NDArray values) {
        List<NDArray> all() {
            return List.of(promptKeys, promptValues, keys, values);
        }
    }

    DecodingBatch(Decoder decoder, int places, int samples, int promptCapacity, int capacity) {
        this.decoder = decoder;
        this.config = decoder.model().config();
        this.samples = samples;
        this.arrays = decoder.model().runtime().root();
        this.caches = arrays.newSubManager();
        this.promptLengths = new int[places];
        Arrays.fill(promptLengths, 1);
        this.lengths = new int[places * samples];
        Shape prompts = new Shape(places, config.keyValueHeads(), promptCapacity, config.headSize());
        Shape own = new Shape((long) places * samples, config.keyValueHeads(), capacity, config.headSize());
        try (TensorScope scope = new TensorScope()) {
            for (int i = 0; i < config.layers(); i++) {
                layers.add(new Cache(
                        scope.keep(caches.zeros(prompts), caches),
                        scope.keep(caches.zeros(prompts), caches),
                        scope.keep(caches.zeros(own), caches),
                        scope.keep(caches.zeros(own), caches)));
            }
        }
    }

    public int places() {
        return promptLengths.length;
    }

    /** Bytes that a batch keeps for each position of a prompt or of a sample. */
    public static long bytesPerPosition(ModelConfig config) {
        return 2L * config.layers() * config.keyValueHeads() * config.headSize() * Float.BYTES;
    }

    /**
     * Computes prompts, laid out one after the other without padding, and puts them into places; the samples there begin
     * anew. Belongs into a {@link TensorScope}.
     *
     * @return logits of the token that follows each prompt, {@code [prompts, vocabulary]}
     */
    public NDArray enter(List<int[]> prompts, int[] places) {
        int total = prompts.stream().mapToInt(prompt -> prompt.length).sum();
        long[] ids = new long[total];
        long[] place = new long[total];
        long[] position = new long[total];
        long[] tokens = new long[prompts.size()];
        long[] last = new long[prompts.size()];
        int at = 0;
        for (int p = 0; p < prompts.size(); p++) {
            for (int id : prompts.get(p)) {
                place[at] = places[p];
                position[at] = at - (p == 0 ? 0 : last[p - 1] + 1);
                ids[at++] = id;
            }
            tokens[p] = prompts.get(p).length;
            last[p] = at - 1;
            promptLengths[places[p]] = prompts.get(p).length;
            Arrays.fill(lengths, places[p] * samples, (places[p] + 1) * samples, 0);
        }
        NDArray positions = arrays.create(position);
        NDArray x = run(
                "prefill",
                ids,
                positions,
                List.of(arrays.create(place), positions, arrays.create(tokens)),
                cache -> List.of(cache.promptKeys(), cache.promptValues()));
        return operations().call("next_logits", operations().call("rows", x, arrays.create(last)), decoder.head());
    }

    /**
     * Appends a token to each of these rows. Belongs into a {@link TensorScope}.
     *
     * @return logits of the next token, {@code [rows, vocabulary]}
     */
    public NDArray step(int[] rows, long[] tokens) {
        long[] position = new long[rows.length];
        long[] own = new long[rows.length];
        for (int i = 0; i < rows.length; i++) {
            own[i] = lengths[rows[i]]++;
            position[i] = promptLengths[rows[i] / samples] + own[i];
        }
        NDArray rowNumbers = arrays.create(Arrays.stream(rows).asLongStream().toArray());
        List<NDArray> places = List.of(rowNumbers, arrays.create(own));
        NDArray promptMask = mask(promptLengths);
        NDArray ownMask = mask(lengths);
        NDArray x = run(
                "decode",
                tokens,
                arrays.create(position),
                places,
                cache -> List.of(
                        promptMask, cache.promptKeys(), cache.promptValues(), ownMask, cache.keys(), cache.values()));
        return operations().call("next_logits", x, decoder.head());
    }

    private interface Caches {
        List<NDArray> of(Cache layer);
    }

    /** All layers over tokens {@code [n]}. @return {@code [n, hidden]} before the final norm */
    private NDArray run(String operation, long[] ids, NDArray positions, List<NDArray> where, Caches held) {
        CausalLM model = decoder.model();
        NDArray x = operations().call("embed", model.embedding(), arrays.create(ids));
        NDArray cos = operations().call("embed", model.cos(), positions).expandDims(1);
        NDArray sin = operations().call("embed", model.sin(), positions).expandDims(1);
        try (GradientMode off = GradientMode.off()) {
            for (int i = 0; i < layers.size(); i++) {
                Decoder.Layer layer = decoder.layers().get(i);
                List<NDArray> arguments = new ArrayList<>(List.of(x, cos, sin));
                arguments.addAll(where);
                arguments.addAll(held.of(layers.get(i)));
                arguments.add(layer.bias());
                arguments.add(layer.norms());
                NDArray y = operations()
                        .callLists(operation, arguments, List.of(new ListArgument("w", layer.weights())))
                        .head();
                x.close();
                x = y;
            }
        }
        return x;
    }

    /** {@code [n, 1, 1, longest]}: 0 at positions that are filled and -infinity behind them. */
    private NDArray mask(int[] filled) {
        int longest = Math.max(1, Arrays.stream(filled).max().orElse(1));
        float[] values = new float[filled.length * longest];
        for (int i = 0; i < filled.length; i++) {
            Arrays.fill(values, i * longest + filled[i], (i + 1) * longest, Float.NEGATIVE_INFINITY);
        }
        return arrays.create(values, new Shape(filled.length, 1, 1, longest));
    }

    /** Gives up all places but these, which are numbered anew in this order. */
    public void keep(int[] places) {
        int[] rows = Arrays.stream(places)
                .flatMap(place -> java.util.stream.IntStream.range(place * samples, (place + 1) * samples))
                .toArray();
        NDManager next = arrays.newSubManager();
        List<Cache> kept = new ArrayList<>();
        try (TensorScope scope = new TensorScope()) {
            NDArray placeIndex =
                    arrays.create(Arrays.stream(places).asLongStream().toArray());
            NDArray rowIndex = arrays.create(Arrays.stream(rows).asLongStream().toArray());
            for (Cache layer : layers) {
                kept.add(new Cache(
                        scope.keep(operations().call("rows", layer.promptKeys(), placeIndex), next),
                        scope.keep(operations().call("rows", layer.promptValues(), placeIndex), next),
                        scope.keep(operations().call("rows", layer.keys(), rowIndex), next),
                        scope.keep(operations().call("rows", layer.values(), rowIndex), next)));
                layer.all().forEach(NDArray::close);
            }
        }
        caches.close();
        caches = next;
        layers = kept;
        int[] prompts = promptLengths;
        int[] own = lengths;
        promptLengths = Arrays.stream(places).map(place -> prompts[place]).toArray();
        lengths = Arrays.stream(rows).map(row -> own[row]).toArray();
    }

    private Operations operations() {
        return decoder.operations();
    }

    @Override
    public void close() {
        caches.close();
    }
}
