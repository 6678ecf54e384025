package dev.podium.training.loss;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
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
        return x.minimum(-1e-6f).exp().neg().add(1f).log();
    }

    /** Values of a float32 or float64 array on the host. */
    static double[] doubles(NDArray x) {
        if (x.getDataType() == DataType.FLOAT64) {
            return x.toDoubleArray();
        }
        float[] values = x.toFloatArray();
        double[] doubles = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            doubles[i] = values[i];
        }
        return doubles;
    }
}
