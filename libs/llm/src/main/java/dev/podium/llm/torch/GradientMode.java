package dev.podium.llm.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.ArrayDeque;
import java.util.Deque;

/** Whether operations of this thread record gradients; restores the former mode at close. */
public final class GradientMode implements AutoCloseable {
    private static final ThreadLocal<Deque<GradientMode>> OPEN = ThreadLocal.withInitial(ArrayDeque::new);

    private final boolean before = JniUtils.isGradMode();
    private final Deque<Runnable> afterBackward = new ArrayDeque<>();

    private GradientMode(boolean on) {
        JniUtils.setGradMode(on);
        OPEN.get().push(this);
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

    /**
     * Adds the gradients of a scalar to the leaves it depends on, and then does what {@link #afterBackward} was asked for
     * since the innermost mode was opened, the latest first.
     */
    public static void backward(NDArray scalar) {
        try (NDArray one = scalar.onesLike()) {
            backward(scalar, one);
        }
        GradientMode mode = innermost();
        while (!mode.afterBackward.isEmpty()) {
            mode.afterBackward.pop().run();
        }
    }

    /** Adds the gradients of sum(output * slopes) to the leaves, and nothing else. */
    public static void backward(NDArray output, NDArray slopes) {
        JniUtils.backward((PtNDArray) output, (PtNDArray) slopes, false, false);
    }

    /**
     * What continues the next {@link #backward(NDArray)}, where a pass has cut its graph to save memory. Forgotten when
     * the mode is closed without one.
     */
    public static void afterBackward(Runnable continuation) {
        innermost().afterBackward.push(continuation);
    }

    private static GradientMode innermost() {
        GradientMode mode = OPEN.get().peek();
        if (mode == null) {
            throw new IllegalStateException("gradients need an open GradientMode.on()");
        }
        return mode;
    }

    @Override
    public void close() {
        OPEN.get().remove(this);
        JniUtils.setGradMode(before);
    }
}
