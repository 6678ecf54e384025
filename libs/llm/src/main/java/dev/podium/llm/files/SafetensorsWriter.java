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
import java.util.Comparator;
import java.util.List;
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

    /** Gives a tensor's values in order, some at a time. */
    public interface Values {
        void writeTo(Sink sink) throws IOException;
    }

    /** Takes values in order. */
    public interface Sink {
        void accept(float[] values) throws IOException;
    }

    /** A tensor whose values need not be in memory together. */
    public record Source(String name, long[] shape, Values values) {}

    /** Writes tensors, sorted by name, with the given metadata. */
    public static void write(Path file, Map<String, Tensor> tensors, Type type, Map<String, String> metadata)
            throws IOException {
        List<Source> sources = tensors.entrySet().stream()
                .map(tensor -> new Source(
                        tensor.getKey(),
                        tensor.getValue().shape(),
                        sink -> sink.accept(tensor.getValue().values())))
                .toList();
        write(file, sources, type, metadata);
    }

    /** Writes tensors, sorted by name, with the given metadata, one chunk in memory at a time. */
    public static void write(Path file, List<Source> tensors, Type type, Map<String, String> metadata)
            throws IOException {
        int bytes = type == Type.F32 ? 4 : 2;
        ObjectNode header = new ObjectMapper().createObjectNode();
        ObjectNode meta = header.putObject("__metadata__");
        new TreeMap<>(metadata).forEach(meta::put);
        List<Source> sorted =
                tensors.stream().sorted(Comparator.comparing(Source::name)).toList();
        long offset = 0;
        for (Source tensor : sorted) {
            ObjectNode entry = header.putObject(tensor.name());
            entry.put("dtype", type.name());
            var shape = entry.putArray("shape");
            long end = bytes;
            for (long d : tensor.shape()) {
                shape.add(d);
                end *= d;
            }
            end += offset;
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
            long written = 0;
            for (Source tensor : sorted) {
                written += write(out, tensor, type, bytes);
            }
            if (written != offset) {
                throw new IllegalArgumentException("tensors of " + written + " bytes for shapes of " + offset);
            }
        }
        Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static long write(OutputStream out, Source tensor, Type type, int bytes) throws IOException {
        long[] written = {0};
        tensor.values().writeTo(values -> {
            out.write(encode(values, type, bytes));
            written[0] += (long) bytes * values.length;
        });
        return written[0];
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
