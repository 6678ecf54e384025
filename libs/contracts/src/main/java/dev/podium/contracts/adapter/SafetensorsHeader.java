package dev.podium.contracts.adapter;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The header of a safetensors file, verified: 8 bytes of length, JSON, then the data without gap or overlap.
 *
 * @param dataStart position of the first byte of data in the file
 * @see <a href="https://github.com/huggingface/safetensors#format">the format</a>
 */
record SafetensorsHeader(Map<String, Tensor> tensors, long dataStart) {
    /** The format's own limit is 100 MB; an adapter has a few hundred tensors. */
    private static final int MAX_HEADER_BYTES = 4 * 1024 * 1024;

    private static final int SCAN_BYTES = 1024 * 1024;
    private static final int MAX_DIMENSIONS = 8;
    private static final int MAX_TENSORS = 50_000;
    private static final int MAX_NAME_CHARACTERS = 300;

    /** One tensor; begin and end are relative to the data's start. */
    record Tensor(String name, String type, List<Long> shape, long begin, long end) {}

    static SafetensorsHeader read(Path path) throws IOException, ArtifactException {
        String file = path.getFileName().toString();
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            long size = channel.size();
            if (size < 8) {
                throw new ArtifactException(file + " is no safetensors file: it has " + size + " bytes");
            }
            long length =
                    readFully(channel, 0, 8).order(ByteOrder.LITTLE_ENDIAN).getLong();
            if (length < 2 || length > MAX_HEADER_BYTES || 8 + length > size) {
                throw new ArtifactException(
                        file + " is no safetensors file: header length " + length + " of " + size + " bytes");
            }
            byte[] json = readFully(channel, 8, (int) length).array();
            return new SafetensorsHeader(parse(file, json, size - 8 - length), 8 + length);
        }
    }

    private static Map<String, Tensor> parse(String file, byte[] json, long dataBytes) throws ArtifactException {
        JsonNode header;
        try {
            header = EventJson.tree(new String(json, UTF_8).strip().getBytes(UTF_8));
        } catch (InvalidEventException e) {
            throw new ArtifactException("the header of " + file + " is " + e.getMessage());
        }
        if (!header.isObject()) {
            throw new ArtifactException("the header of " + file + " is no JSON object");
        }
        Map<String, Tensor> tensors = new TreeMap<>();
        for (Map.Entry<String, JsonNode> field : header.properties()) {
            if (field.getKey().length() > MAX_NAME_CHARACTERS || tensors.size() >= MAX_TENSORS) {
                throw new ArtifactException(file + " has more than " + MAX_TENSORS + " tensors, or one whose name has"
                        + " more than " + MAX_NAME_CHARACTERS + " characters");
            }
            if (!field.getKey().equals("__metadata__")) {
                tensors.put(field.getKey(), tensor(file, field.getKey(), field.getValue()));
            }
        }
        List<Tensor> inOrder = new ArrayList<>(tensors.values());
        inOrder.sort(Comparator.comparingLong(Tensor::begin).thenComparingLong(Tensor::end));
        long at = 0;
        for (Tensor tensor : inOrder) {
            if (tensor.begin() != at) {
                throw new ArtifactException("tensor " + tensor.name() + " of " + file + " begins at " + tensor.begin()
                        + ", the one before it ends at " + at);
            }
            at = tensor.end();
        }
        if (at != dataBytes) {
            throw new ArtifactException("the tensors of " + file + " end at " + at + " of " + dataBytes + " bytes");
        }
        return tensors;
    }

    private static Tensor tensor(String file, String name, JsonNode node) throws ArtifactException {
        String type = node.path("dtype").asText("");
        JsonNode offsets = node.path("data_offsets");
        JsonNode sizes = node.path("shape");
        int bytesPerValue =
                switch (type) {
                    case "F32" -> 4;
                    case "BF16" -> 2;
                    default ->
                        throw new ArtifactException("tensor " + name + " of " + file + " has type "
                                + shortened(node.path("dtype")) + "; F32 and BF16 may be loaded");
                };
        List<Long> shape = new ArrayList<>();
        long bytes = bytesPerValue;
        boolean sound = sizes.isArray() && sizes.size() <= MAX_DIMENSIONS;
        for (JsonNode size : sizes) {
            long length = size.isIntegralNumber() && size.canConvertToLong() ? size.asLong() : 0;
            sound &= length >= 1 && length <= Integer.MAX_VALUE && bytes <= Long.MAX_VALUE / length;
            if (!sound) {
                throw new ArtifactException("tensor " + name + " of " + file + " has shape " + shortened(sizes));
            }
            shape.add(length);
            bytes *= length;
        }
        if (!sound
                || !offsets.isArray()
                || offsets.size() != 2
                || !isOffset(offsets.get(0))
                || !isOffset(offsets.get(1))
                || offsets.get(1).asLong() - offsets.get(0).asLong() != bytes) {
            throw new ArtifactException("tensor " + name + " of " + file + " has offsets " + shortened(offsets)
                    + " for " + type + " " + shape);
        }
        return new Tensor(
                name, type, shape, offsets.get(0).asLong(), offsets.get(1).asLong());
    }

    private static boolean isOffset(JsonNode node) {
        return node.isIntegralNumber() && node.canConvertToLong() && node.asLong() >= 0;
    }

    /** What a stranger wrote is not repeated at length. */
    private static String shortened(JsonNode node) {
        String text = node.toString();
        return text.length() <= 100 ? text : text.substring(0, 100) + "...";
    }

    /** Refuses values that are not finite: in both types all exponent bits are then set. */
    void requireFinite(Path path) throws IOException, ArtifactException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            for (Tensor tensor : tensors.values()) {
                for (long at = tensor.begin(); at < tensor.end(); at += SCAN_BYTES) {
                    int length = (int) Math.min(SCAN_BYTES, tensor.end() - at);
                    ByteBuffer values =
                            readFully(channel, dataStart + at, length).order(ByteOrder.LITTLE_ENDIAN);
                    if (!finite(values, tensor.type().equals("F32"))) {
                        throw new ArtifactException(
                                "tensor " + tensor.name() + " of " + path.getFileName()
                                        + " has values that are not finite",
                                true);
                    }
                }
            }
        }
    }

    private static boolean finite(ByteBuffer values, boolean float32) {
        if (float32) {
            while (values.remaining() >= 4) {
                if ((values.getInt() & 0x7f800000) == 0x7f800000) {
                    return false;
                }
            }
        } else {
            while (values.remaining() >= 2) {
                if ((values.getShort() & 0x7f80) == 0x7f80) {
                    return false;
                }
            }
        }
        return true;
    }

    private static ByteBuffer readFully(FileChannel channel, long position, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, position + buffer.position()) < 0) {
                throw new IOException("the file ends within its header or data");
            }
        }
        return buffer.flip();
    }
}
