package dev.podium.llm.files;

import java.nio.FloatBuffer;
import java.util.Set;

/**
 * Named weights of a model, whatever the file: Hugging Face's tensor names and row-major layout ({@code [out, in]} for
 * linear layers).
 */
public interface TensorSource extends AutoCloseable {
    Set<String> names();

    long[] shape(String name);

    /** All values, widened to float32, in row-major order. */
    FloatBuffer readFloat32(String name);

    /**
     * Some rows of a matrix, widened to float32: a whole table of embeddings can be larger than the heap.
     *
     * @param first from 0
     */
    default FloatBuffer readRows(String name, long first, long count) {
        long columns = shape(name)[1];
        FloatBuffer all = readFloat32(name);
        return all.slice(all.position() + Math.toIntExact(first * columns), Math.toIntExact(count * columns));
    }

    @Override
    void close();
}
