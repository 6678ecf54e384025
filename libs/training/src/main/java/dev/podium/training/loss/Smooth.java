package dev.podium.training.loss;

import static dev.podium.llm.torch.Numbers.atMost;
import static dev.podium.llm.torch.Numbers.plus;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Activation;

/** Functions of one argument that must neither overflow nor lose their gradient at extremes. */
final class Smooth {
    private Smooth() {}

    /** log(1 / (1 + e^-x)) = -softplus(-x): linear for very negative x, never log(0). */
    static NDArray logSigmoid(NDArray x) {
        return Activation.softPlus(x.neg()).neg();
    }

    /** 1 / (1 + e^-x). */
    static NDArray sigmoid(NDArray x) {
        return Activation.sigmoid(x);
    }

    /** log(1 - e^x) for x < 0, with x kept below -1e-6 where the true value runs to minus infinity. */
    static NDArray logOneMinusExp(NDArray x) {
        return plus(atMost(x, -1e-6f).exp().neg(), 1f).log();
    }
}
