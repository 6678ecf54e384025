package dev.podium.llm.files;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A safetensors file, mapped into memory. Its header is verified before anything is read: size, names, data types, shapes
 * against lengths, offsets inside the file and without overlap.
 *
 * @see <a href="https://github.com/huggingface/safetensors#format">the format</a>
 */
public final class SafetensorsFile implements TensorSource {
    /** As in the format's own reader. */
    private static final long MAX_HEADER_BYTES = 100_000_000;

    private static final Map<String, Integer> TYPE_BYTES = Map.of("F32", 4, "F16", 2, "BF16", 2);
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private final Path file;
    private final MappedFile data;
    private final long dataStart;
    private final Map<String, Entry> entries;
    private final Map<String, String> metadata;

    private record Entry(String type, long[] shape, long from, long to) {}

    private SafetensorsFile(
            Path file, MappedFile data, long dataStart, Map<String, Entry> entries, Map<String, String> metadata) {
        this.file = file;
        this.data = data;
        this.dataStart = dataStart;
        this.entries = entries;
        this.metadata = metadata;
    }

    /** @throws ModelFileException when the header is not sound */
    public static SafetensorsFile open(Path file) {
        try {
            MappedFile data = new MappedFile(file);
            try {
                return parse(file, data);
            } catch (ModelFileException e) {
                data.close();
                throw e;
            }
        } catch (IOException e) {
            throw new ModelFileException("cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    private static SafetensorsFile parse(Path file, MappedFile all) {
        if (all.bytes() < 8) {
            throw new ModelFileException(file + " is too short for a safetensors file");
        }
        long headerBytes = all.slice(0, 8).getLong();
        if (headerBytes < 2 || headerBytes > MAX_HEADER_BYTES || headerBytes > all.bytes() - 8) {
            throw new ModelFileException(file + " announces a header of " + headerBytes + " bytes");
        }
        byte[] header = new byte[(int) headerBytes];
        all.slice(8, headerBytes).get(header);
        JsonNode json;
        try {
            json = JSON.readTree(header);
        } catch (IOException e) {
            throw new ModelFileException(file + " has a header that is no JSON", e);
        }
        if (json == null || !json.isObject()) {
            throw new ModelFileException(file + " has a header that is no JSON object");
        }
        long dataBytes = all.bytes() - 8 - headerBytes;
        Map<String, Entry> entries = new LinkedHashMap<>();
        Map<String, String> metadata = new LinkedHashMap<>();
        json.properties().forEach(property -> {
            if (property.getKey().equals("__metadata__")) {
                property.getValue()
                        .properties()
                        .forEach(m -> metadata.put(m.getKey(), m.getValue().asText()));
            } else {
                entries.put(property.getKey(), entry(file, property.getKey(), property.getValue(), dataBytes));
            }
        });
        refuseOverlap(file, entries, dataBytes);
        return new SafetensorsFile(file, all, 8 + headerBytes, entries, metadata);
    }

    private static Entry entry(Path file, String name, JsonNode json, long dataBytes) {
        String type = json.path("dtype").asText();
        Integer bytes = TYPE_BYTES.get(type);
        if (bytes == null) {
            throw new ModelFileException(
                    file + ": tensor " + name + " is of type " + type + "; read are F32, F16, BF16");
        }
        JsonNode shapeJson = json.path("shape");
        if (!shapeJson.isArray() || !json.path("data_offsets").isArray()) {
            throw new ModelFileException(file + ": tensor " + name + " has no list of shape or data_offsets");
        }
        long[] shape = new long[shapeJson.size()];
        long count = 1;
        for (int i = 0; i < shape.length; i++) {
            shape[i] = shapeJson.get(i).asLong(-1);
            if (shape[i] < 0 || (shape[i] > 0 && count > Integer.MAX_VALUE / shape[i])) {
                throw new ModelFileException(file + ": tensor " + name + " has an impossible shape " + shapeJson);
            }
            count *= shape[i];
        }
        long from = json.path("data_offsets").path(0).asLong(-1);
        long to = json.path("data_offsets").path(1).asLong(-1);
        if (from < 0 || to < from || to > dataBytes) {
            throw new ModelFileException(file + ": tensor " + name + " lies outside the file");
        }
        if (to - from != count * bytes) {
            throw new ModelFileException(
                    file + ": tensor " + name + " has " + (to - from) + " bytes, its shape needs " + count * bytes);
        }
        return new Entry(type, shape, from, to);
    }

    private static void refuseOverlap(Path file, Map<String, Entry> entries, long dataBytes) {
        List<Entry> sorted = new ArrayList<>(entries.values());
        sorted.sort(Comparator.comparingLong(Entry::from));
        long end = 0;
        for (Entry entry : sorted) {
            if (entry.from() != end) {
                throw new ModelFileException(file + ": tensors overlap or leave a gap at byte " + end);
            }
            end = entry.to();
        }
        if (end != dataBytes) {
            throw new ModelFileException(file + " has " + (dataBytes - end) + " bytes after its last tensor");
        }
    }

    /** The header's free-form entries, e.g. {@code format}. */
    public Map<String, String> metadata() {
        return Map.copyOf(metadata);
    }

    /** The data type of a tensor: F32, F16 or BF16. */
    public String type(String name) {
        return entry(name).type();
    }

    @Override
    public Set<String> names() {
        return entries.keySet();
    }

    @Override
    public long[] shape(String name) {
        return entry(name).shape().clone();
    }

    @Override
    public FloatBuffer readFloat32(String name) {
        Entry entry = entry(name);
        ByteBuffer bytes = data.slice(dataStart + entry.from(), entry.to() - entry.from());
        int count = (int) ((entry.to() - entry.from()) / (entry.type().equals("F32") ? 4 : 2));
        return switch (entry.type()) {
            case "F32" -> bytes.asFloatBuffer();
            case "F16" -> FloatBuffer.wrap(Widen.float16(bytes, count));
            default -> FloatBuffer.wrap(Widen.bfloat16(bytes, count));
        };
    }

    @Override
    public FloatBuffer readRows(String name, long first, long count) {
        Entry entry = entry(name);
        int width = entry.type().equals("F32") ? 4 : 2;
        long columns = entry.shape()[1];
        ByteBuffer bytes = data.slice(dataStart + entry.from() + first * columns * width, count * columns * width);
        int values = Math.toIntExact(count * columns);
        return switch (entry.type()) {
            case "F32" -> bytes.asFloatBuffer();
            case "F16" -> FloatBuffer.wrap(Widen.float16(bytes, values));
            default -> FloatBuffer.wrap(Widen.bfloat16(bytes, values));
        };
    }

    private Entry entry(String name) {
        Entry entry = entries.get(name);
        if (entry == null) {
            throw new ModelFileException(file + " has no tensor " + name);
        }
        return entry;
    }

    @Override
    public void close() {
        data.close();
    }
}
