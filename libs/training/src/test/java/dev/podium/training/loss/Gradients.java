package dev.podium.training.loss;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.function.Function;

/** Autograd against central differences, in float64. */
final class Gradients {
    private Gradients() {}

    /** Runs something with autograd on, which is a setting of the thread. */
    static void withAutograd(Runnable body) {
        JniUtils.setGradMode(true);
        body.run();
    }

    /** Gradient of a scalar function of one vector by autograd. */
    static double[] ofVector(NDManager manager, double[] at, Function<NDArray, NDArray> function) {
        JniUtils.setGradMode(true);
        NDArray x = manager.create(at);
        x.setRequiresGradient(true);
        NDArray y = function.apply(x);
        NDArray one = y.onesLike();
        JniUtils.backward((PtNDArray) y, (PtNDArray) one, false, false);
        return x.getGradient().toDoubleArray();
    }

    /** Fails unless the gradient by autograd is the one by differences. */
    static void check(NDManager manager, double[] at, Function<NDArray, NDArray> function) {
        double[] gradient = ofVector(manager, at, function);
        double h = 1e-5;
        for (int i = 0; i < at.length; i++) {
            double[] up = at.clone();
            double[] down = at.clone();
            up[i] += h;
            down[i] -= h;
            double difference = (function.apply(manager.create(up)).getDouble()
                            - function.apply(manager.create(down)).getDouble())
                    / (2 * h);
            assertEquals(difference, gradient[i], 1e-6 * Math.max(1, Math.abs(difference)), "element " + i);
        }
    }
}
