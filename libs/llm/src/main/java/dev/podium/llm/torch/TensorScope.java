package dev.podium.llm.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;

/**
 * Closes every array that was made on this thread since it was opened, except those kept. One per training step and one
 * per layer of a pass without gradients; without it the native memory grows until the process dies.
 */
public final class TensorScope implements AutoCloseable {
    private final NDScope scope = new NDScope();

    public TensorScope() {
        scope.suppressNotUsedWarning();
    }

    /** Takes an array made in this scope (not in an outer one) out of it; the owner closes it then. */
    public <T extends NDArray> T keep(T array, NDManager owner) {
        NDScope.unregister(array);
        array.attach(owner);
        return array;
    }

    /** Takes an array made in this scope out of it and hands it to the scope around it, which must exist. */
    public <T extends NDArray> T passOut(T array) {
        NDScope.unregister(array);
        passed = array;
        return array;
    }

    private @org.jspecify.annotations.Nullable NDArray passed;

    @Override
    public void close() {
        scope.close();
        if (passed != null) {
            NDScope.register(passed);
        }
    }
}
