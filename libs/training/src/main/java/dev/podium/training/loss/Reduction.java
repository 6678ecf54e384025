package dev.podium.training.loss;

import static dev.podium.llm.torch.Numbers.times;

import ai.djl.ndarray.NDArray;

/** From a loss per element to one number, such that the number does not depend on how a batch was cut up. */
public final class Reduction {
    private Reduction() {}

    /**
     * sum_i w_i l_i / W.
     *
     * @param losses [n]
     * @param weights [n]
     * @param totalWeight W, the sum of the weights of the whole batch, of which this may be one micro-batch: the
     *     gradients of the micro-batches then add up to the gradient of the whole
     * @return a scalar
     */
    public static NDArray weightedMean(NDArray losses, NDArray weights, double totalWeight) {
        return losses.mul(times(weights, 1 / totalWeight)).sum();
    }
}
