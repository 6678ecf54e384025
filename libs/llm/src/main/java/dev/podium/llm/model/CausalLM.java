package dev.podium.llm.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.files.ModelFileException;
import dev.podium.llm.files.TensorSource;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.Operations;
import dev.podium.llm.torch.Operations.ListArgument;
import dev.podium.llm.torch.TensorScope;
import dev.podium.llm.torch.TorchRuntime;
import dev.podium.llm.torch.Upload;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A decoder-only transformer of the Llama family: RMSNorm, rotary positions, grouped-query attention, SwiGLU.
 *
 * <p>Its weights are frozen unless {@link #trainable()} is called. An adapter is an argument of each pass; without one
 * the same weights are the reference model, so there is one base in memory, never a copy. Arrays that a pass returns
 * belong to the caller's {@link TensorScope}.
 */
public final class CausalLM implements AutoCloseable {
    /** Name of the embedding's weights. */
    public static final String EMBEDDING = "model.embed_tokens.weight";
    /** Completion positions whose logits are in memory at once. */
    static final int HEAD_CHUNK = 256;
    /** Positions whose cos and sin are there from the start. */
    private static final int FIRST_POSITIONS = 4096;

    private final ModelConfig config;
    private final WeightFormat format;
    private final boolean widens;
    private final TorchRuntime runtime;
    private final NDManager manager;
    private final Operations operations;
    private final NDArray embedding;
    private final NDArray finalNorm;
    private final NDArray head;
    private final List<Layer> layers = new ArrayList<>();
    // As long as the longest row so far, in powers of two.
    private NDArray cos;
    private NDArray sin;
    private final LayerAdapter noAdapter;
    private final NDArray noScale;
    private final NDArray noDropout;
    private boolean recompute;
    private boolean frozen = true;

    /**
     * @param scales three per linear layer, and the two tables of nf4; see {@link StoredWeight}
     * @param extra biases of q, k, v and norms of q, k; an array of no elements for each that is
     *     absent
     */
    private record Layer(List<NDArray> weights, List<NDArray> scales, List<NDArray> extra) {}

    private CausalLM(
            ModelConfig config,
            TensorSource source,
            TorchRuntime runtime,
            WeightFormat format,
            boolean narrowProducts,
            NDManager manager,
            Operations operations) {
        this.config = config;
        this.format = format;
        this.widens = format.widens(narrowProducts);
        this.runtime = runtime;
        this.manager = manager;
        this.operations = operations;
        Upload upload = new Upload(manager, operations);
        this.embedding = readTable(upload, source, EMBEDDING, config.vocabularySize(), config.hiddenSize());
        boolean nf4 = format == WeightFormat.NF4;
        List<NDArray> codes = List.of(
                nf4 ? manager.create(Nf4.pairs(), new Shape(256, 2)) : empty(),
                nf4 ? manager.create(Nf4.scaleCode(), new Shape(256, 1)) : empty());
        for (int i = 0; i < config.layers(); i++) {
            layers.add(readLayer(upload, source, "model.layers." + i + ".", codes));
        }
        this.finalNorm = read(upload, source, "model.norm.weight", config.hiddenSize());
        this.head = config.tiedEmbeddings()
                ? embedding
                : readTable(upload, source, "lm_head.weight", config.vocabularySize(), config.hiddenSize());
        NDArray[] tables = rotaryTables(Math.min(config.maxPositions(), FIRST_POSITIONS));
        this.cos = tables[0];
        this.sin = tables[1];
        this.noScale = manager.create(1f);
        this.noDropout = empty();
        this.noAdapter = new LayerAdapter(emptyArrays(), emptyArrays());
        this.recompute = widens;
    }

    /** Reads the weights in float32; see {@link #load(ModelConfig, TensorSource, TorchRuntime, WeightFormat)}. */
    public static CausalLM load(ModelConfig config, TensorSource weights, TorchRuntime runtime) {
        return load(config, weights, runtime, WeightFormat.FLOAT32);
    }

    /**
     * Reads the weights into the runtime's device; the source can be closed afterwards. A base whose weights are widened
     * for each product computes activations again in the backward pass, see {@link #recomputeActivations(boolean)}. A
     * bfloat16 base is widened only where the processor cannot multiply bfloat16; where it can, inputs of the linear
     * layers and what comes out of them are rounded to bfloat16, and everything else (norms, attention, adapters, log-probabilities) is in float32.
     *
     * @throws ModelFileException when a tensor is missing or of another shape than the configuration says
     */
    public static CausalLM load(ModelConfig config, TensorSource weights, TorchRuntime runtime, WeightFormat format) {
        return load(config, weights, runtime, format, runtime.multipliesBfloat16());
    }

    /** @param narrowProducts whether bfloat16 weights are multiplied as they are */
    static CausalLM load(
            ModelConfig config,
            TensorSource weights,
            TorchRuntime runtime,
            WeightFormat format,
            boolean narrowProducts) {
        NDManager manager = runtime.root().newSubManager();
        Operations operations = Operations.compile(
                runtime,
                new Operations.Sizes(
                        config.heads(),
                        config.keyValueHeads(),
                        config.headSize(),
                        config.normEpsilon(),
                        narrowProducts));
        boolean loaded = false;
        try (TensorScope scope = new TensorScope()) {
            CausalLM model = new CausalLM(config, weights, runtime, format, narrowProducts, manager, operations);
            model.heldArrays().forEach(array -> scope.keep(array, manager));
            loaded = true;
            return model;
        } finally {
            if (!loaded) {
                operations.close();
                manager.close();
            }
        }
    }

    private Layer readLayer(Upload upload, TensorSource source, String prefix, List<NDArray> tables) {
        List<NDArray> weights = new ArrayList<>();
        List<NDArray> scales = new ArrayList<>();
        for (String name : WEIGHT_NAMES) {
            long[] shape = shape(name);
            if (shape.length == 1) {
                weights.add(read(upload, source, prefix + name, shape));
                continue;
            }
            StoredWeight stored =
                    StoredWeight.store(format, upload, manager, rows(source, prefix + name, shape), shape[0], shape[1]);
            weights.add(stored.data());
            scales.addAll(stored.scales());
        }
        scales.addAll(tables);
        List<NDArray> extra = EXTRA_NAMES.stream()
                .map(name -> wanted(name) ? read(upload, source, prefix + name, shape(name)) : empty())
                .toList();
        return new Layer(List.copyOf(weights), List.copyOf(scales), extra);
    }

    private boolean wanted(String extra) {
        return extra.endsWith(".bias") ? config.attentionBias() : config.queryKeyNorm();
    }

    private long[] shape(String name) {
        long hidden = config.hiddenSize();
        long middle = config.intermediateSize();
        long queries = (long) config.heads() * config.headSize();
        long keys = (long) config.keyValueHeads() * config.headSize();
        return switch (name) {
            case "self_attn.q_proj.weight" -> new long[] {queries, hidden};
            case "self_attn.k_proj.weight", "self_attn.v_proj.weight" -> new long[] {keys, hidden};
            case "self_attn.o_proj.weight" -> new long[] {hidden, queries};
            case "mlp.gate_proj.weight", "mlp.up_proj.weight" -> new long[] {middle, hidden};
            case "mlp.down_proj.weight" -> new long[] {hidden, middle};
            case "self_attn.q_proj.bias" -> new long[] {queries};
            case "self_attn.k_proj.bias", "self_attn.v_proj.bias" -> new long[] {keys};
            case "self_attn.q_norm.weight", "self_attn.k_norm.weight" -> new long[] {config.headSize()};
            default -> new long[] {hidden};
        };
    }

    private NDArray read(Upload upload, TensorSource source, String name, long... shape) {
        return upload.float32(checked(source, name, shape), new Shape(shape));
    }

    /** The embedding or the head: quantised to 16 bits at most. */
    private NDArray readTable(Upload upload, TensorSource source, String name, long rows, long columns) {
        Upload.Rows values = rows(source, name, rows, columns);
        return format == WeightFormat.FLOAT32
                ? upload.float32(values, rows, columns)
                : upload.bfloat16(values, rows, columns);
    }

    private static Upload.Rows rows(TensorSource source, String name, long... shape) {
        check(source, name, shape);
        return (first, count) -> source.readRows(name, first, count);
    }

    private static FloatBuffer checked(TensorSource source, String name, long... shape) {
        check(source, name, shape);
        return source.readFloat32(name);
    }

    private static void check(TensorSource source, String name, long... shape) {
        if (!source.names().contains(name)) {
            throw new ModelFileException("the weights have no tensor " + name);
        }
        if (!Arrays.equals(source.shape(name), shape)) {
            throw new ModelFileException("tensor " + name + " is " + Arrays.toString(source.shape(name))
                    + ", config.json asks for " + Arrays.toString(shape));
        }
    }

    private NDArray empty() {
        return manager.zeros(new Shape(0));
    }

    private List<NDArray> emptyArrays() {
        List<NDArray> arrays = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            arrays.add(empty());
        }
        return arrays;
    }

    /** cos and sin of position times frequency, each {@code [positions, headSize]}, both halves alike. */
    private NDArray[] rotaryTables(int positions) {
        int size = config.headSize();
        double[] frequencies = config.ropeScaling().frequencies(config.ropeTheta(), size);
        double factor = config.ropeScaling().attentionFactor();
        float[] cosines = new float[positions * size];
        float[] sines = new float[positions * size];
        for (int p = 0; p < positions; p++) {
            for (int i = 0; i < size / 2; i++) {
                float angle = p * (float) frequencies[i];
                for (int at : new int[] {p * size + i, p * size + i + size / 2}) {
                    cosines[at] = (float) (Math.cos(angle) * factor);
                    sines[at] = (float) (Math.sin(angle) * factor);
                }
            }
        }
        return new NDArray[] {
            manager.create(cosines, new Shape(positions, size)), manager.create(sines, new Shape(positions, size))
        };
    }

    /** Every array that lives as long as the model. */
    List<NDArray> heldArrays() {
        List<NDArray> all = new ArrayList<>(List.of(embedding, finalNorm, cos, sin, noScale, noDropout));
        if (head != embedding) {
            all.add(head);
        }
        layers.forEach(layer -> {
            all.addAll(layer.weights());
            all.addAll(layer.scales());
            all.addAll(layer.extra());
        });
        all.addAll(noAdapter.a());
        all.addAll(noAdapter.b());
        return all;
    }

    public ModelConfig config() {
        return config;
    }

    public TorchRuntime runtime() {
        return runtime;
    }

    NDArray embedding() {
        return embedding;
    }

    NDArray finalNorm() {
        return finalNorm;
    }

    /** {@code [vocabulary, hidden]} in float32. */
    NDArray head() {
        return format == WeightFormat.FLOAT32 ? head : operations.call("widen", head);
    }

    /** {@code [positions, headSize]} */
    NDArray cos() {
        return cos;
    }

    /** {@code [positions, headSize]} */
    NDArray sin() {
        return sin;
    }

    /** A layer's norms and linear weights in float32, in the order of {@link #WEIGHT_NAMES}. */
    List<NDArray> weights(int index) {
        Layer layer = layers.get(index);
        List<NDArray> wide = new ArrayList<>();
        int linear = 0;
        for (NDArray weight : layer.weights()) {
            if (weight.getShape().dimension() == 1 || format == WeightFormat.FLOAT32) {
                wide.add(weight);
                continue;
            }
            wide.add(operations
                    .callLists(
                            "wide",
                            List.of(weight, manager.create((long) linear++)),
                            List.of(new ListArgument("q", layer.scales())))
                    .head());
        }
        return wide;
    }

    /** A layer's biases and norms of q and k; no elements for each that is absent. */
    List<NDArray> extra(int layer) {
        return layers.get(layer).extra();
    }

    /** The fused operations, compiled for this model's sizes. */
    public Operations operations() {
        return operations;
    }

    /** Number of weights. */
    public long parameterCount() {
        long table = (long) config.vocabularySize() * config.hiddenSize();
        long ofLayer = 0;
        for (String name : WEIGHT_NAMES) {
            ofLayer += size(name);
        }
        for (String name : EXTRA_NAMES) {
            ofLayer += wanted(name) ? size(name) : 0;
        }
        return (config.tiedEmbeddings() ? 1 : 2) * table + config.hiddenSize() + config.layers() * ofLayer;
    }

    private long size(String name) {
        return Arrays.stream(shape(name)).reduce(1, (a, b) -> a * b);
    }

    /** How the weights are kept. */
    public WeightFormat format() {
        return format;
    }

    /**
     * Whether the backward pass computes each layer's activations again instead of keeping them: a third more work for
     * memory that grows with tokens times hidden size only. Always so for a pass over more tokens than {@link
     * MemoryPlan#tokensPerPass} says, and for a base whose weights are widened, which would be kept otherwise. Chen et al. 2016, Training deep nets with sublinear memory cost.
     */
    public void recomputeActivations(boolean recompute) {
        this.recompute = recompute || widens;
    }

    private static final List<String> WEIGHT_NAMES = List.of(
            "input_layernorm.weight",
            "self_attn.q_proj.weight",
            "self_attn.k_proj.weight",
            "self_attn.v_proj.weight",
            "self_attn.o_proj.weight",
            "post_attention_layernorm.weight",
            "mlp.gate_proj.weight",
            "mlp.up_proj.weight",
            "mlp.down_proj.weight");
    private static final List<String> EXTRA_NAMES = List.of(
            "self_attn.q_proj.bias",
            "self_attn.k_proj.bias",
            "self_attn.v_proj.bias",
            "self_attn.q_norm.weight",
            "self_attn.k_norm.weight");

    /** Makes every weight trainable (pre-training, full fine-tuning) and returns them under Hugging Face's names. */
    public List<NamedParameter> trainable() {
        if (format != WeightFormat.FLOAT32) {
            throw new IllegalStateException(
                    "a base in " + format.label() + " is frozen; load it in float32 to train it");
        }
        frozen = false;
        List<NamedParameter> all = new ArrayList<>();
        all.add(new NamedParameter(EMBEDDING, embedding));
        for (int i = 0; i < layers.size(); i++) {
            String prefix = "model.layers." + i + ".";
            addNamed(all, prefix, WEIGHT_NAMES, layers.get(i).weights());
            addNamed(all, prefix, EXTRA_NAMES, layers.get(i).extra());
        }
        all.add(new NamedParameter("model.norm.weight", finalNorm));
        if (head != embedding) {
            all.add(new NamedParameter("lm_head.weight", head));
        }
        all.forEach(parameter -> parameter.array().setRequiresGradient(true));
        return all;
    }

    private static void addNamed(List<NamedParameter> all, String prefix, List<String> names, List<NDArray> arrays) {
        for (int i = 0; i < arrays.size(); i++) {
            if (arrays.get(i).size() > 0) {
                all.add(new NamedParameter(prefix + names.get(i), arrays.get(i)));
            }
        }
    }

    /**
     * Runs the decoder over rows of one length.
     *
     * @param ids int64 {@code [batch, time]}
     * @param adapter empty for the reference
     * @return {@code [batch, time, hidden]} after the final norm
     */
    public NDArray hiddenStates(NDArray ids, Optional<? extends Adapter> adapter) {
        long batch = ids.getShape().get(0);
        long time = ids.getShape().get(1);
        checkLength(time);
        long[] positions = new long[(int) (batch * time)];
        Arrays.setAll(positions, i -> i % time);
        List<NDArray> segments = new ArrayList<>();
        for (int i = 0; i < batch; i++) {
            segments.add(manager.zeros(new Shape(time, 0)));
        }
        return hiddenStates(ids.reshape(-1), manager.create(positions), segments, adapter)
                .reshape(batch, time, config.hiddenSize());
    }

    /**
     * Runs the decoder over texts that lie one after the other, without padding. A segment either begins a text or
     * continues the last one that began: so a prompt is computed once, whatever follows it.
     *
     * @param ids int64 {@code [tokens]}
     * @param positions int64 {@code [tokens]}: of each token in its text
     * @param segments per segment a mask {@code [own tokens, prefix + own tokens]}, 0 where a token looks and -infinity
     *     elsewhere, for one that continues; {@code [own tokens, 0]} for one that begins a text (causal attention)
     * @param adapter empty for the reference
     * @return {@code [tokens, hidden]} after the final norm
     */
    NDArray hiddenStates(NDArray ids, NDArray positions, List<NDArray> segments, Optional<? extends Adapter> adapter) {
        boolean gradients = GradientMode.isOn();
        NDArray x = operations.call("embed", embedding, ids.expandDims(0));
        NDArray c = operations.call("embed", cos, positions);
        NDArray s = operations.call("embed", sin, positions);
        Layers pass = new Layers(c, s, segments, adapter, dropout(adapter));
        if (gradients && recomputes(ids.size())) {
            x = pass.keepingInputsOnly(x);
        } else {
            for (int i = 0; i < layers.size(); i++) {
                NDArray y = pass.layer(i, x);
                if (!gradients) {
                    x.close();
                }
                x = y;
            }
        }
        return operations.call("rms_norm", x, finalNorm).squeeze(0);
    }

    /** Whether the backward pass of a pass over so many tokens computes its activations again. */
    public boolean recomputes(long tokens) {
        return recompute || tokens > MemoryPlan.tokensPerPass(config);
    }

    /** A pass over all layers with the same positions, masks and adapter. */
    private final class Layers {
        private final List<NDArray> shared;
        private final List<NDArray> segments;
        private final Optional<? extends Adapter> adapter;
        private final boolean dropsOut;
        private final long passSeed;

        Layers(NDArray cos, NDArray sin, List<NDArray> segments, Optional<? extends Adapter> adapter, NDArray dropout) {
            this.shared = List.of(cos, sin, scale(adapter), dropout);
            this.segments = segments;
            this.adapter = adapter;
            this.dropsOut = dropout.size() > 0;
            this.passSeed = dropsOut ? runtime.nextPassSeed() : 0;
        }

        NDArray layer(int index, NDArray x) {
            List<NDArray> plain = new ArrayList<>(List.of(x));
            plain.addAll(shared);
            List<ListArgument> lists = new ArrayList<>(lists(index, adapter));
            lists.add(new ListArgument("masks", segments));
            return operations.callLists("layer", plain, lists).head();
        }

        /** The same masks of dropout whenever this layer of this pass is computed. */
        private NDArray seededLayer(int index, NDArray x) {
            if (dropsOut) {
                runtime.seedOperations(passSeed + index);
            }
            return layer(index, x);
        }

        /** Runs without a graph; the backward pass then goes through one layer after the other, from the last. */
        NDArray keepingInputsOnly(NDArray first) {
            List<NDArray> inputs = new ArrayList<>();
            // Where the embedding learns too, its graph waits for the slopes that arrive at the first layer.
            NDArray x = frozen ? first : first.stopGradient();
            try (GradientMode off = GradientMode.off()) {
                for (int i = 0; i < layers.size(); i++) {
                    inputs.add(x);
                    x = seededLayer(i, x);
                }
            }
            NDArray last = x;
            last.setRequiresGradient(true);
            GradientMode.afterBackward(() -> backward(first, inputs, last.getGradient()));
            return last;
        }

        private void backward(NDArray first, List<NDArray> inputs, NDArray slopes) {
            NDArray upstream = slopes;
            for (int i = layers.size() - 1; i >= 0; i--) {
                boolean goesOn = i > 0 || !frozen;
                try (TensorScope scope = new TensorScope()) {
                    NDArray input = inputs.get(i);
                    input.setRequiresGradient(goesOn);
                    NDArray output = seededLayer(i, input);
                    GradientMode.backward(output, upstream);
                    upstream.close();
                    upstream = goesOn ? scope.passOut(input.getGradient()) : upstream;
                }
                inputs.get(i).close();
            }
            if (!frozen) {
                GradientMode.backward(first, upstream);
                upstream.close();
            }
        }
    }

    /** @param hidden {@code [n, hidden]}; @return {@code [n, vocabulary]} */
    public NDArray logits(NDArray hidden) {
        return operations.call("linear", hidden, head);
    }

    /**
     * Log-probabilities of given tokens, in float32, the head computed in chunks of positions.
     *
     * <p>While the head is frozen no logits are kept for the backward pass. A position's log-probability depends on its
     * own state h only, and its slope W[target] - softmax(W h) W is had from the logits that are in memory anyway; what is
     * returned is the value plus (h - constant(h)) . slope, which is zero and has that gradient.
     *
     * @param hidden {@code [n, hidden]} states that predict the targets
     * @param targets int64 {@code [n]}
     * @return {@code [n]}
     */
    public NDArray logProbabilities(NDArray hidden, NDArray targets) {
        long n = hidden.getShape().get(0);
        boolean frozenHead = !head.hasGradient();
        NDList parts = new NDList();
        for (long from = 0; from < n; from += HEAD_CHUNK) {
            NDIndex slice = new NDIndex(from + ":" + Math.min(n, from + HEAD_CHUNK));
            NDArray states = hidden.get(slice);
            parts.add(
                    frozenHead && GradientMode.isOn()
                            ? operations.call("head_log_probabilities", states, head, targets.get(slice))
                            : operations.call("gathered_log_softmax", logits(states), targets.get(slice)));
        }
        return parts.size() == 1 ? parts.head() : ai.djl.ndarray.NDArrays.concat(parts);
    }

    /** Entropy in nats of the next-token distribution at each position; no gradient is meant to flow. @return {@code [n]} */
    public NDArray entropies(NDArray hidden) {
        long n = hidden.getShape().get(0);
        NDList parts = new NDList();
        for (long from = 0; from < n; from += HEAD_CHUNK) {
            try (TensorScope scope = new TensorScope()) {
                NDArray states = hidden.get(new NDIndex(from + ":" + Math.min(n, from + HEAD_CHUNK)));
                parts.add(scope.passOut(operations.call("entropy", logits(states))));
            }
        }
        return ai.djl.ndarray.NDArrays.concat(parts);
    }

    /** Makes ready for rows of so many tokens. */
    void checkLength(long time) {
        if (time > config.maxPositions()) {
            throw new IllegalArgumentException("a row of " + time + " tokens is longer than the "
                    + config.maxPositions() + " positions of the model");
        }
        if (time > cos.getShape().get(0)) {
            long positions = Math.min(config.maxPositions(), 2 * Long.highestOneBit(time));
            try (TensorScope scope = new TensorScope()) {
                NDArray[] tables = rotaryTables((int) positions);
                cos.close();
                sin.close();
                cos = scope.keep(tables[0], manager);
                sin = scope.keep(tables[1], manager);
            }
        }
    }

    private NDArray scale(Optional<? extends Adapter> adapter) {
        return adapter.isPresent() ? adapter.get().scale() : noScale;
    }

    /** Dropout belongs to training only: passes without gradients never have it. */
    private NDArray dropout(Optional<? extends Adapter> adapter) {
        return adapter.isPresent() && GradientMode.isOn()
                ? adapter.get().dropout().orElse(noDropout)
                : noDropout;
    }

    private List<ListArgument> lists(int index, Optional<? extends Adapter> adapter) {
        Layer layer = layers.get(index);
        LayerAdapter lora = adapter.isPresent() ? adapter.get().layer(index) : noAdapter;
        return List.of(
                new ListArgument("w", layer.weights()),
                new ListArgument("q", layer.scales()),
                new ListArgument("extra", layer.extra()),
                new ListArgument("a", lora.a()),
                new ListArgument("b", lora.b()));
    }

    @Override
    public void close() {
        operations.close();
        manager.close();
    }
}
