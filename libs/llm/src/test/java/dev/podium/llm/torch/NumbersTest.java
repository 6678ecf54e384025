package dev.podium.llm.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.TinyModel;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class NumbersTest {
    private static final float[] X = {-4, -1, 2, 8};

    @Test
    void gradientsAreThoseByHandAlsoWhereGarbageIsCollectedBeforeTheBackwardPass() {
        try (CausalLM model = TinyModel.random(1);
                NDManager owner = model.runtime().root().newSubManager()) {
            // With the engine's own methods seven of ten such gradients are wrong.
            for (int i = 0; i < 5; i++) {
                gradient(owner, x -> Numbers.times(x, 3.0), 3, 3, 3, 3);
                gradient(owner, x -> Numbers.over(Numbers.minus(Numbers.plus(x, 7.0), 5f), 0.25f), 4, 4, 4, 4);
                gradient(owner, x -> Numbers.atMost(Numbers.atLeast(x, 0f), 3f), 0, 0, 1, 0);
            }
        }
    }

    private static void gradient(NDManager owner, UnaryOperator<NDArray> function, float... expected) {
        try (NDArray x = owner.create(X);
                TensorScope scope = new TensorScope();
                GradientMode on = GradientMode.on()) {
            x.setRequiresGradient(true);
            NDArray sum = function.apply(x).sum();
            List<ByteBuffer> garbage = collect();
            GradientMode.backward(sum);
            assertArrayEquals(
                    expected, x.getGradient().toFloatArray(), "with " + garbage.size() + " buffers in between");
        }
    }

    /** Frees what nobody holds, and takes its place. */
    private static List<ByteBuffer> collect() {
        System.gc();
        List<ByteBuffer> all = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(4 + i % 16);
            while (buffer.hasRemaining()) {
                buffer.put((byte) 0x7f);
            }
            all.add(buffer);
        }
        return all;
    }
}
