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
        FloatBuffer rest = values.duplicate();
        return fill(
                rest.remaining(),
                Float.BYTES,
                shape,
                DataType.FLOAT32,
                (from, count) -> bytes.asFloatBuffer().put(rest.slice(rest.position() + from, count)));
    }

    /** An int32 array of these values, as {@link #float32}. */
    public NDArray int32(int[] values, Shape shape) {
        return fill(
                values.length,
                Integer.BYTES,
                shape,
                DataType.INT32,
                (from, count) -> bytes.asIntBuffer().put(values, from, count));
    }

    /** An int8 array of these values, as {@link #float32}. */
    public NDArray int8(byte[] values, Shape shape) {
        return fill(values.length, Byte.BYTES, shape, DataType.INT8, (from, count) -> bytes.put(values, from, count));
    }

    /** A uint8 array of these bits, as {@link #float32}. */
    public NDArray uint8(byte[] values, Shape shape) {
        return fill(values.length, Byte.BYTES, shape, DataType.UINT8, (from, count) -> bytes.put(values, from, count));
    }

    /** Puts values into the buffer. */
    private interface Values {
        void put(int from, int count);
    }

    private NDArray fill(int size, int width, Shape shape, DataType type, Values values) {
        NDArray target = manager.create(shape, type);
        for (int from = 0; from < size; from += CHUNK) {
            int count = Math.min(CHUNK, size - from);
            bytes.clear();
            values.put(from, count);
            try (TensorScope scope = new TensorScope()) {
                NDArray chunk = manager.create(bytes.slice(0, count * width), new Shape(count), type);
                operations.callLists("fill", List.of(target, manager.create((long) from), chunk), List.of());
            }
        }
        return target;
    }
}
