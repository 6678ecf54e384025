package dev.podium.llm.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.podium.llm.torch.Upload;
import java.nio.FloatBuffer;
import java.util.List;

/**
 * A matrix in a weight format, as the operation {@code wide} reads it.
 *
 * @param data the weights: float32, or bfloat16 in pairs as int32, or int8, or two in a uint8
 * @param scales three arrays, of no elements where the format has none: of outputs (int8) or of blocks (nf4); of blocks
 *     of scales; the scales' mean
 */
record StoredWeight(NDArray data, List<NDArray> scales) {

    /**
     * Packs and uploads a matrix; the arrays belong to the thread's innermost scope.
     *
     * @param values {@code [rows, columns]}, row-major
     */
    static StoredWeight store(
            WeightFormat format, Upload upload, NDManager manager, Upload.Rows values, long rows, long columns) {
        return switch (format) {
            case FLOAT32 -> plain(manager, upload.float32(values, rows, columns));
            case BFLOAT16 -> plain(manager, upload.bfloat16(values, rows, columns));
            case INT8 -> int8(upload, manager, values.read(0, rows), (int) rows, (int) columns);
            case NF4 -> nf4(upload, manager, values.read(0, rows), rows, columns);
        };
    }

    private static StoredWeight plain(NDManager manager, NDArray data) {
        return new StoredWeight(data, List.of(none(manager), none(manager), none(manager)));
    }

    private static NDArray none(NDManager manager) {
        return manager.create(new float[0]);
    }

    private static StoredWeight int8(Upload upload, NDManager manager, FloatBuffer values, int rows, int columns) {
        FloatBuffer in = values.duplicate();
        float[] row = new float[columns];
        byte[] data = new byte[rows * columns];
        float[] scales = new float[rows];
        for (int r = 0; r < rows; r++) {
            in.get(row);
            float largest = 0;
            for (float value : row) {
                largest = Math.max(largest, Math.abs(value));
            }
            scales[r] = largest / 127;
            for (int c = 0; c < columns && largest > 0; c++) {
                data[r * columns + c] = (byte) Math.round(row[c] / scales[r]);
            }
        }
        return new StoredWeight(
                upload.int8(data, new Shape(rows, columns)),
                List.of(manager.create(scales, new Shape(rows, 1)), none(manager), none(manager)));
    }

    private static StoredWeight nf4(Upload upload, NDManager manager, FloatBuffer values, long rows, long columns) {
        float[] all = new float[values.remaining()];
        values.duplicate().get(all);
        Nf4.Quantised quantised = Nf4.quantise(all);
        return new StoredWeight(
                upload.uint8(quantised.codes(), new Shape(rows, columns / 2)),
                List.of(
                        upload.uint8(quantised.scales(), new Shape(quantised.scales().length)),
                        manager.create(quantised.scaleBlocks()),
                        manager.create(quantised.offset())));
    }
}
