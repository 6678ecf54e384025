package dev.podium.llm.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.podium.llm.files.Widen;
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
                (from, count) -> bytes.asFloatBuffer().put(rest.slice(rest.position() + (int) from, (int) count)));
    }

    /** Where the rows of a matrix come from, float32 and row-major. */
    public interface Rows {
        /** @param first from 0 */
        FloatBuffer read(long first, long count);
    }

    /** A float32 matrix, read some rows at a time, as {@link #float32(FloatBuffer, Shape)}. */
    public NDArray float32(Rows values, long rows, long columns) {
        return fillRows(rows, columns, columns, DataType.FLOAT32, (first, count) -> {
            FloatBuffer some = values.read(first, count);
            bytes.asFloatBuffer().put(some.duplicate());
        });
    }

    /**
     * A matrix as bfloat16, two values in an int32 of which the first is in the lower half, as a view of the same memory
     * has it; read some rows at a time.
     *
     * @param columns an even number
     * @return int32 {@code [rows, columns / 2]}
     */
    public NDArray bfloat16(Rows values, long rows, long columns) {
        if (columns % 2 != 0) {
            throw new IllegalArgumentException(
                    "bfloat16 needs matrices with an even number of columns, not " + columns);
        }
        return fillRows(rows, columns, columns / 2, DataType.INT32, (first, count) -> {
            FloatBuffer some = values.read(first, count).duplicate();
            while (some.hasRemaining()) {
                bytes.putInt(Widen.toBfloat16(some.get()) & 0xffff | Widen.toBfloat16(some.get()) << 16);
            }
        });
    }

    /** An int8 array of these values, as {@link #float32}. */
    public NDArray int8(byte[] values, Shape shape) {
        return fill(
                values.length,
                Byte.BYTES,
                shape,
                DataType.INT8,
                (from, count) -> bytes.put(values, (int) from, (int) count));
    }

    /** A uint8 array of these bits, as {@link #float32}. */
    public NDArray uint8(byte[] values, Shape shape) {
        return fill(
                values.length,
                Byte.BYTES,
                shape,
                DataType.UINT8,
                (from, count) -> bytes.put(values, (int) from, (int) count));
    }

    /** Puts some of the rows, or of the values of an array without rows, into the buffer. */
    private interface IntoBuffer {
        void put(long first, long count);
    }

    private NDArray fill(int size, int width, Shape shape, DataType type, IntoBuffer values) {
        return fill(size, 1, 1, width, shape, type, values);
    }

    private NDArray fillRows(long rows, long columns, long elements, DataType type, IntoBuffer values) {
        return fill(rows, columns, elements, Integer.BYTES, new Shape(rows, elements), type, values);
    }

    /**
     * @param columns values of a row, before they are packed
     * @param elements of the array that a row becomes
     * @param width of an element, bytes
     */
    private NDArray fill(
            long rows, long columns, long elements, int width, Shape shape, DataType type, IntoBuffer values) {
        NDArray target = manager.create(shape, type);
        long most = CHUNK / columns;
        if (most < 1) {
            throw new IllegalArgumentException("a row of " + columns + " values is more than is read at once");
        }
        for (long first = 0; first < rows; first += most) {
            long count = Math.min(most, rows - first);
            bytes.clear();
            values.put(first, count);
            try (TensorScope scope = new TensorScope()) {
                int size = Math.toIntExact(count * elements);
                NDArray chunk = manager.create(bytes.slice(0, size * width), new Shape(size), type);
                operations.callLists("fill", List.of(target, manager.create(first * elements), chunk), List.of());
            }
        }
        return target;
    }
}
