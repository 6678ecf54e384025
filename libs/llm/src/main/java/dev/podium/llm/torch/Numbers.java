package dev.podium.llm.torch;

import ai.djl.ndarray.NDArray;

/**
 * Arithmetic of arrays with numbers, instead of the engine's own methods that take one. Those put the number into memory of
 * the JVM and let go of it as soon as the operation is done, though the graph reads it again in the backward pass: where the
 * garbage collector has run between the two, the gradient is multiplied by whatever is there by then. Here a number lives as
 * long as the thread's {@link TensorScope}, as every other array does.
 *
 * <p>A {@code double} leaves an array's type as it is unless the array has no dimensions; a {@code float} never widens one.
 */
public final class Numbers {
    private Numbers() {}

    public static NDArray plus(NDArray x, Number n) {
        return x.add(kept(x, n));
    }

    public static NDArray minus(NDArray x, Number n) {
        return x.sub(kept(x, n));
    }

    public static NDArray times(NDArray x, Number n) {
        return x.mul(kept(x, n));
    }

    public static NDArray over(NDArray x, Number n) {
        return x.div(kept(x, n));
    }

    /** The larger of each element and the number. */
    public static NDArray atLeast(NDArray x, Number n) {
        return x.maximum(kept(x, n));
    }

    /** The smaller of each element and the number. */
    public static NDArray atMost(NDArray x, Number n) {
        return x.minimum(kept(x, n));
    }

    private static NDArray kept(NDArray x, Number n) {
        return x.getManager().create(n);
    }
}
