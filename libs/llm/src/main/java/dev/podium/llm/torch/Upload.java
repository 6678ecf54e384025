package dev.podium.llm.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.List;

/**
 * Copies weights into arrays whose memory is the engine's own. An array that DJL makes of a Java buffer lives in that
 * buffer, so a whole model would count against the JVM's limit of direct memory, which is as large as its heap; here one
 * small buffer is used again and again.
 */
public final class Upload {
    private static final int CHUNK = 1 << 20;

    private final NDManager manager;
    private final Operations operations;
    private final ByteBuffer bytes =
            ByteBuffer.allocateDirect(CHUNK * Float.BYTES).order(ByteOrder.nativeOrder());

    public Upload(NDManager manager, Operations operations) {
        this.manager = manager;
        this.operations = operations;
    }

    /** A float32 array of these values, row-major; it belongs to the thread's innermost scope, which must exist. */
    public NDArray float32(FloatBuffer values, Shape shape) {
        NDArray target = manager.create(shape, DataType.FLOAT32);
        FloatBuffer rest = values.duplicate();
        long from = 0;
        while (rest.hasRemaining()) {
            int count = Math.min(CHUNK, rest.remaining());
            bytes.clear();
            bytes.asFloatBuffer().put(rest.slice(rest.position(), count));
            rest.position(rest.position() + count);
            try (TensorScope scope = new TensorScope()) {
                NDArray chunk = manager.create(bytes.slice(0, count * Float.BYTES), new Shape(count), DataType.FLOAT32);
                operations.callLists("fill", List.of(target, manager.create(from), chunk), List.of());
            }
            from += count;
        }
        return target;
    }
}
