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

    @Override
    void close();
}
