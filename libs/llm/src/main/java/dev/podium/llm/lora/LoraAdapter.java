package dev.podium.llm.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.model.Adapter;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.LayerAdapter;
import dev.podium.llm.model.NamedParameter;
import dev.podium.llm.torch.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/** The low-rank matrices of one adapter version, in float32. */
public final class LoraAdapter implements Adapter, AutoCloseable {
    private final LoraConfig config;
    private final NDManager manager;
    private final List<LayerAdapter> layers;
    private final NDArray scale;
    private final List<NamedParameter> parameters;
    private final NDArray dropout;
    private boolean dropsOut;

    private LoraAdapter(
            LoraConfig config,
            NDManager manager,
            List<LayerAdapter> layers,
            NDArray scale,
            NDArray dropout,
            List<NamedParameter> parameters) {
        this.config = config;
        this.manager = manager;
        this.layers = List.copyOf(layers);
        this.scale = scale;
        this.dropout = dropout;
        this.parameters = List.copyOf(parameters);
    }

    /** A new adapter that changes nothing yet: A by kaiming uniform with a = sqrt 5, B zero, as PEFT does. */
    public static LoraAdapter initialise(CausalLM model, LoraConfig config, RandomGenerator random) {
        return build(model, config, (name, rows, columns) -> {
            float[] values = new float[rows * columns];
            if (name.contains(".lora_A.")) {
                // kaiming_uniform_(a = sqrt 5): bound = sqrt(6 / ((1 + 5) fan_in)) = 1 / sqrt(fan_in)
                double bound = 1 / Math.sqrt(columns);
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) ((2 * random.nextDouble() - 1) * bound);
                }
            }
            return values;
        });
    }

    /**
     * An adapter from stored matrices.
     *
     * @param matrices PEFT's tensor names to row-major values
     * @throws IllegalArgumentException when one is missing or of another size
     */
    public static LoraAdapter of(CausalLM model, LoraConfig config, Map<String, float[]> matrices) {
        return build(model, config, (name, rows, columns) -> {
            float[] values = matrices.get(name);
            if (values == null) {
                throw new IllegalArgumentException("the adapter has no tensor " + name);
            }
            if (values.length != rows * columns) {
                throw new IllegalArgumentException("tensor " + name + " has " + values.length
                        + " values, the base model needs " + rows + " x " + columns);
            }
            return values;
        });
    }

    private interface Values {
        float[] of(String name, int rows, int columns);
    }

    private static LoraAdapter build(CausalLM model, LoraConfig config, Values values) {
        ModelConfig base = model.config();
        NDManager manager = model.runtime().root().newSubManager();
        List<LayerAdapter> layers = new ArrayList<>();
        List<NamedParameter> parameters = new ArrayList<>();
        try (TensorScope scope = new TensorScope()) {
            for (int i = 0; i < base.layers(); i++) {
                List<NDArray> a = new ArrayList<>();
                List<NDArray> b = new ArrayList<>();
                for (LoraTarget target : LoraTarget.values()) {
                    if (!config.targets().contains(target)) {
                        a.add(scope.keep(manager.zeros(new Shape(0)), manager));
                        b.add(scope.keep(manager.zeros(new Shape(0)), manager));
                        continue;
                    }
                    String name = "base_model.model.model.layers." + i + "." + target.path();
                    int in = target.inputSize(base);
                    int out = target.outputSize(base);
                    a.add(parameter(scope, manager, parameters, name + ".lora_A.weight", config.r(), in, values));
                    b.add(parameter(scope, manager, parameters, name + ".lora_B.weight", out, config.r(), values));
                }
                layers.add(new LayerAdapter(a, b));
            }
            NDArray scale = scope.keep(manager.create((float) config.scale()), manager);
            NDArray dropout = scope.keep(manager.create((float) config.dropout()), manager);
            return new LoraAdapter(config, manager, layers, scale, dropout, parameters);
        }
    }

    private static NDArray parameter(
            TensorScope scope,
            NDManager manager,
            List<NamedParameter> parameters,
            String name,
            int rows,
            int columns,
            Values values) {
        NDArray array = scope.keep(manager.create(values.of(name, rows, columns), new Shape(rows, columns)), manager);
        parameters.add(new NamedParameter(name, array));
        return array;
    }

    public LoraConfig config() {
        return config;
    }

    /** The matrices under PEFT's names, in a fixed order. */
    public List<NamedParameter> parameters() {
        return parameters;
    }

    public long parameterCount() {
        return parameters.stream().mapToLong(p -> p.array().size()).sum();
    }

    /** Whether the matrices collect gradients. */
    public void requireGradients(boolean required) {
        parameters.forEach(p -> p.array().setRequiresGradient(required));
    }

    /**
     * Whether passes with gradients drop out as the configuration says. Off at first: preference and policy training
     * compare log-probabilities of passes, and dropout would make them noise. Masks come from the engine's generator; see
     * {@link dev.podium.llm.torch.TorchRuntime#seed(long)}.
     */
    public void useDropout(boolean used) {
        dropsOut = used && config.dropout() > 0;
    }

    /** Copies of all matrices, by name. */
    public Map<String, float[]> export() {
        Map<String, float[]> all = new TreeMap<>();
        parameters.forEach(p -> all.put(p.name(), p.array().toFloatArray()));
        return all;
    }

    @Override
    public LayerAdapter layer(int index) {
        return layers.get(index);
    }

    @Override
    public NDArray scale() {
        return scale;
    }

    @Override
    public Optional<NDArray> dropout() {
        return dropsOut ? Optional.of(dropout) : Optional.empty();
    }

    @Override
    public void close() {
        manager.close();
    }
}
