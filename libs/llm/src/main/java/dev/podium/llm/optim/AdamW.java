package dev.podium.llm.optim;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.NamedParameter;
import dev.podium.llm.torch.Operations;
import dev.podium.llm.torch.Operations.ListArgument;
import dev.podium.llm.torch.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoublePredicate;

/**
 * AdamW (Loshchilov and Hutter, arXiv 1711.05101) with betas 0.9 and 0.999, epsilon 1e-8 and no weight decay, over all
 * parameters in one fused call.
 */
public final class AdamW implements AutoCloseable {
    private final Operations operations;
    private final NDManager manager;
    private final List<NamedParameter> parameters;
    private final List<NDArray> arrays;
    private final List<NDArray> first = new ArrayList<>();
    private final List<NDArray> second = new ArrayList<>();
    private final List<NDArray> steps = new ArrayList<>();

    /** @param parameters leaves that require gradients */
    public AdamW(CausalLM model, List<NamedParameter> parameters) {
        this.operations = model.operations();
        this.manager = model.runtime().root().newSubManager();
        this.parameters = List.copyOf(parameters);
        this.arrays = parameters.stream().map(NamedParameter::array).toList();
        try (TensorScope scope = new TensorScope()) {
            for (NDArray array : arrays) {
                first.add(scope.keep(manager.zeros(array.getShape()), manager));
                second.add(scope.keep(manager.zeros(array.getShape()), manager));
                steps.add(scope.keep(manager.create(0f), manager));
            }
        }
    }

    /** The gradients' global norm; not finite when a gradient is not. */
    public double gradientNorm() {
        try (TensorScope scope = new TensorScope()) {
            return norm(gradients());
        }
    }

    private double norm(List<NDArray> gradients) {
        return operations
                .callLists("norm", List.of(), List.of(new ListArgument("grads", gradients)))
                .head()
                .getFloat();
    }

    private List<NDArray> gradients() {
        return arrays.stream().map(NDArray::getGradient).toList();
    }

    /**
     * Clips the gradients to a global norm, takes a step and zeroes the gradients. A step with a gradient that is not
     * finite is not taken.
     *
     * @return the norm before clipping; not finite means that the parameters are unchanged
     */
    public double step(double learningRate, double maxNorm) {
        return step(learningRate, maxNorm, norm -> true);
    }

    /**
     * The same, but only where the norm before clipping is accepted; the gradients are zeroed either way.
     *
     * @param accepted is asked about finite norms
     */
    public double step(double learningRate, double maxNorm, DoublePredicate accepted) {
        try (TensorScope scope = new TensorScope()) {
            List<NDArray> gradients = gradients();
            double norm = norm(gradients);
            if (Double.isFinite(norm) && accepted.test(norm)) {
                if (norm > maxNorm) {
                    operations.callLists(
                            "scale",
                            List.of(manager.create((float) (maxNorm / (norm + 1e-6)))),
                            List.of(new ListArgument("grads", gradients)));
                }
                operations.callLists(
                        "adamw",
                        List.of(manager.create((float) learningRate), manager.create(1f)),
                        List.of(
                                new ListArgument("params", arrays),
                                new ListArgument("grads", gradients),
                                new ListArgument("m", first),
                                new ListArgument("v", second),
                                new ListArgument("steps", steps)));
            }
            zero(gradients);
            return norm;
        }
    }

    /** Sets all gradients to zero, also those that are not finite. */
    public void zeroGradients() {
        try (TensorScope scope = new TensorScope()) {
            zero(gradients());
        }
    }

    private void zero(List<NDArray> gradients) {
        operations.callLists("zero", List.of(manager.create(0f)), List.of(new ListArgument("grads", gradients)));
    }

    /** Everything a resumed run needs, under the parameters' names: to be read, and to be overwritten in place. */
    public List<NamedParameter> state() {
        List<NamedParameter> state = new ArrayList<>();
        for (int i = 0; i < parameters.size(); i++) {
            String name = parameters.get(i).name();
            state.add(new NamedParameter(name + "/m", first.get(i)));
            state.add(new NamedParameter(name + "/v", second.get(i)));
            state.add(new NamedParameter(name + "/step", steps.get(i)));
        }
        return state;
    }

    /** The fused operations of the model that is trained. */
    public Operations operations() {
        return operations;
    }

    @Override
    public void close() {
        manager.close();
    }
}
