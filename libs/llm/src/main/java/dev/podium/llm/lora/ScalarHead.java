package dev.podium.llm.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.NamedParameter;
import dev.podium.llm.torch.TensorScope;
import java.util.random.RandomGenerator;

/** A linear layer from hidden state to one number, without bias: the head of reward and value models. */
public final class ScalarHead implements AutoCloseable {
    /** PEFT's name of the head's tensor. */
    public static final String TENSOR = "base_model.model.score.weight";

    private final CausalLM model;
    private final NDManager manager;
    private final NDArray weight;

    private ScalarHead(CausalLM model, NDManager manager, NDArray weight) {
        this.model = model;
        this.manager = manager;
        this.weight = weight;
    }

    /** A new head drawn from N(0, 1 / sqrt(hidden + 1)), as in Stiennon et al. (arXiv 2009.01325). */
    public static ScalarHead initialise(CausalLM model, RandomGenerator random) {
        int hidden = model.config().hiddenSize();
        double deviation = 1 / Math.sqrt(hidden + 1.0);
        float[] values = new float[hidden];
        for (int i = 0; i < hidden; i++) {
            values[i] = (float) (random.nextGaussian() * deviation);
        }
        return of(model, values);
    }

    /** A head of given weights, {@code [hidden]}. */
    public static ScalarHead of(CausalLM model, float[] values) {
        int hidden = model.config().hiddenSize();
        if (values.length != hidden) {
            throw new IllegalArgumentException(
                    "the head has " + values.length + " weights, the base model " + hidden + " hidden units");
        }
        NDManager manager = model.runtime().root().newSubManager();
        try (TensorScope scope = new TensorScope()) {
            return new ScalarHead(model, manager, scope.keep(manager.create(values, new Shape(1, hidden)), manager));
        }
    }

    /** @param hidden {@code [n, hidden]}; @return {@code [n]} */
    public NDArray apply(NDArray hidden) {
        return model.operations().call("linear", hidden, weight).reshape(-1);
    }

    public NamedParameter parameter() {
        return new NamedParameter(TENSOR, weight);
    }

    public void requireGradients(boolean required) {
        weight.setRequiresGradient(required);
    }

    public float[] export() {
        return weight.toFloatArray();
    }

    @Override
    public void close() {
        manager.close();
    }
}
