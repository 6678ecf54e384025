package dev.podium.llm.files;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.TreeMap;

/** Writes safetensors files: written aside, then renamed, so that no reader ever sees half a file. */
public final class SafetensorsWriter {
    private SafetensorsWriter() {}

    /** Values and shape of one tensor. */
    public record Tensor(float[] values, long[] shape) {
        /** @throws IllegalArgumentException when the shape asks for another number of values */
        public Tensor {
            long count = 1;
            for (long d : shape) {
                count *= d;
            }
            if (count != values.length) {
                throw new IllegalArgumentException("a shape of " + count + " values for " + values.length);
            }
        }
    }

    /** Data type on disk. */
    public enum Type {
        F32,
        F16,
        BF16
    }

    /** Writes tensors, sorted by name, with the given metadata. */
    public static void write(Path file, Map<String, Tensor> tensors, Type type, Map<String, String> metadata)
            throws IOException {
        int bytes = type == Type.F32 ? 4 : 2;
        ObjectNode header = new ObjectMapper().createObjectNode();
        ObjectNode meta = header.putObject("__metadata__");
        new TreeMap<>(metadata).forEach(meta::put);
        Map<String, Tensor> sorted = new TreeMap<>(tensors);
        long offset = 0;
        for (Map.Entry<String, Tensor> tensor : sorted.entrySet()) {
            ObjectNode entry = header.putObject(tensor.getKey());
            entry.put("dtype", type.name());
            var shape = entry.putArray("shape");
            for (long d : tensor.getValue().shape()) {
                shape.add(d);
            }
            long end = offset + (long) bytes * tensor.getValue().values().length;
            entry.putArray("data_offsets").add(offset).add(end);
            offset = end;
        }
        byte[] json = new ObjectMapper().writeValueAsBytes(header);
        int padded = (json.length + 7) / 8 * 8;
        Path aside = file.resolveSibling(file.getFileName() + ".part");
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(aside))) {
            out.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(padded)
                    .array());
            out.write(json);
            out.write(" ".repeat(padded - json.length).getBytes(java.nio.charset.StandardCharsets.US_ASCII));
            for (Tensor tensor : sorted.values()) {
                out.write(encode(tensor.values(), type, bytes));
            }
        }
        Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static byte[] encode(float[] values, Type type, int bytes) {
        ByteBuffer out = ByteBuffer.allocate(values.length * bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            switch (type) {
                case F32 -> out.putFloat(value);
                case F16 -> out.putShort(Float.floatToFloat16(value));
                case BF16 -> out.putShort(Widen.toBfloat16(value));
            }
        }
        return out.array();
    }
}
