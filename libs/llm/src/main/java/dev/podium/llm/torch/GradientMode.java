package dev.podium.llm.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;

/** Whether operations of this thread record gradients; restores the former mode at close. */
public final class GradientMode implements AutoCloseable {
    private final boolean before = JniUtils.isGradMode();

    private GradientMode(boolean on) {
        JniUtils.setGradMode(on);
    }

    public static GradientMode on() {
        return new GradientMode(true);
    }

    public static GradientMode off() {
        return new GradientMode(false);
    }

    /** Whether operations of this thread record gradients. */
    public static boolean isOn() {
        return JniUtils.isGradMode();
    }

    /** Adds the gradients of a scalar to the leaves it depends on. */
    public static void backward(NDArray scalar) {
        try (NDArray one = scalar.onesLike()) {
            JniUtils.backward((PtNDArray) scalar, (PtNDArray) one, false, false);
        }
    }

    @Override
    public void close() {
        JniUtils.setGradMode(before);
    }
}
