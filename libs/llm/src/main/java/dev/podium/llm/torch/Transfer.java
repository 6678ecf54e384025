package dev.podium.llm.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.util.List;

/** Moves the values of arrays between the engine and Java some at a time, as a whole model can be larger than the heap. */
public final class Transfer {
    private static final int MOST_VALUES = 1 << 20;

    private Transfer() {}

    /** Takes values in order. */
    public interface Sink {
        void accept(float[] values) throws IOException;
    }

    /** Gives the next so many values. */
    public interface Source {
        float[] next(int count) throws IOException;
    }

    /** Reads an array, row-major. */
    public static void read(NDArray array, Sink sink) throws IOException {
        read(array, MOST_VALUES, sink);
    }

    static void read(NDArray array, int mostValues, Sink sink) throws IOException {
        long size = array.size();
        if (size <= mostValues) {
            sink.accept(array.toFloatArray());
            return;
        }
        try (GradientMode off = GradientMode.off()) {
            for (long from = 0; from < size; from += mostValues) {
                try (TensorScope scope = new TensorScope()) {
                    NDIndex part = new NDIndex(from + ":" + Math.min(size, from + mostValues));
                    sink.accept(array.reshape(new Shape(size)).get(part).toFloatArray());
                }
            }
        }
    }

    /** Overwrites an array in place, row-major. */
    public static void write(NDArray array, Operations operations, Source source) throws IOException {
        write(array, operations, MOST_VALUES, source);
    }

    static void write(NDArray array, Operations operations, int mostValues, Source source) throws IOException {
        long size = array.size();
        try (GradientMode off = GradientMode.off()) {
            for (long from = 0; from < size; from += mostValues) {
                try (TensorScope scope = new TensorScope()) {
                    NDArray chunk = array.getManager().create(source.next((int) Math.min(mostValues, size - from)));
                    operations.callLists(
                            "fill", List.of(array, array.getManager().create(from), chunk), List.of());
                }
            }
        }
    }
}
