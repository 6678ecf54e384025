package dev.podium.llm.files;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A GGUF file of the llama architecture, mapped into memory; tensors appear under Hugging Face's names and layout (the
 * rows of q and k, which the format reorders, are put back), those of a LoRA adapter under PEFT's. Read are F32, F16, BF16, Q8_0, Q4_0, Q4_1,
 * Q4_K and Q6_K.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">the format</a>
 */
public final class GgufFile implements TensorSource {
    private static final int MAGIC = 0x46554747;
    private static final int MAX_STRING_BYTES = 16 << 20;
    private static final int MAX_ENTRIES = 1 << 22;
    private static final int MAX_DIMENSIONS = 4;
    private static final long MAX_ALIGNMENT = 1 << 16;
    private static final int BLOCK = 32;
    private static final long MAX_HEADER_BYTES = 256 << 20;

    private final MappedFile file;
    private final ByteBuffer header;
    private final Map<String, Object> metadata = new LinkedHashMap<>();
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final List<String> unmapped = new ArrayList<>();

    private enum Type {
        F32(1, 4),
        F16(1, 2),
        BF16(1, 2),
        Q8_0(BLOCK, 34),
        Q4_0(BLOCK, 18),
        Q4_1(BLOCK, 20),
        Q4_K(KQuants.BLOCK, KQuants.Q4_BYTES),
        Q6_K(KQuants.BLOCK, KQuants.Q6_BYTES);

        private final int values;
        private final int bytes;

        Type(int values, int bytes) {
            this.values = values;
            this.bytes = bytes;
        }

        static Type of(int code, String tensor) {
            return switch (code) {
                case 0 -> F32;
                case 1 -> F16;
                case 2 -> Q4_0;
                case 3 -> Q4_1;
                case 8 -> Q8_0;
                case 12 -> Q4_K;
                case 14 -> Q6_K;
                case 30 -> BF16;
                default ->
                    throw new ModelFileException("tensor " + tensor + " is of GGUF type " + code
                            + "; read are F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K and Q6_K");
            };
        }
    }

    private record Entry(Type type, long[] shape, long offset) {}

    private GgufFile(MappedFile file) {
        this.file = file;
        this.header = file.slice(0, Math.min(file.bytes(), MAX_HEADER_BYTES));
    }

    /** @throws ModelFileException when the file is damaged or of a form that is not read */
    public static GgufFile open(Path path) {
        try {
            MappedFile mapped = new MappedFile(path);
            try {
                GgufFile file = new GgufFile(mapped);
                file.parse();
                return file;
            } catch (java.nio.BufferUnderflowException e) {
                mapped.close();
                throw new ModelFileException(path + " ends in the middle of its header", e);
            } catch (ModelFileException | UnsupportedModelException e) {
                mapped.close();
                throw new ModelFileException(path + ": " + e.getMessage(), e);
            }
        } catch (IOException e) {
            throw new ModelFileException("cannot read " + path + ": " + e.getMessage(), e);
        }
    }

    private void parse() {
        if (readInt() != MAGIC) {
            throw new ModelFileException("this is no GGUF file");
        }
        int version = readInt();
        if (version != 2 && version != 3) {
            throw new ModelFileException("GGUF version " + version + " is not read, only 2 and 3 are");
        }
        int tensors = count(readLong());
        int keys = count(readLong());
        for (int i = 0; i < keys; i++) {
            String key = readString();
            if (metadata.put(key, readValue(readInt())) != null) {
                throw new ModelFileException("the metadata has " + key + " twice");
            }
        }
        record Raw(String name, long[] shape, Type type, long offset) {}
        List<Raw> raw = new ArrayList<>();
        for (int i = 0; i < tensors; i++) {
            String name = readString();
            int dimensions = readInt();
            if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
                throw new ModelFileException("tensor " + name + " has " + dimensions + " dimensions");
            }
            long[] shape = new long[dimensions];
            for (int d = shape.length - 1; d >= 0; d--) {
                shape[d] = readLong();
            }
            raw.add(new Raw(name, shape, Type.of(readInt(), name), readLong()));
        }
        long alignment = integer("general.alignment").orElse(32L);
        if (alignment < 1 || alignment > MAX_ALIGNMENT) {
            throw new ModelFileException("general.alignment " + alignment + " is not read");
        }
        long start = (header.position() + alignment - 1) / alignment * alignment;
        for (Raw tensor : raw) {
            long[] shape = tensor.shape();
            long bytes = size(shape) / tensor.type().values * tensor.type().bytes;
            if (shape[shape.length - 1] % tensor.type().values != 0) {
                throw new ModelFileException("tensor " + tensor.name() + " has rows of " + shape[shape.length - 1]
                        + ", " + tensor.type() + " needs a multiple of " + tensor.type().values);
            }
            // In this order nothing can overflow.
            if (tensor.offset() < 0
                    || tensor.offset() > file.bytes()
                    || start + tensor.offset() + bytes > file.bytes()) {
                throw new ModelFileException("tensor " + tensor.name() + " lies outside the file");
            }
            Optional<String> name = hfName(tensor.name());
            if (name.isEmpty()) {
                unmapped.add(tensor.name());
            } else if (entries.put(name.get(), new Entry(tensor.type(), shape, start + tensor.offset())) != null) {
                throw new ModelFileException("the file has tensor " + tensor.name() + " twice");
            }
        }
    }

    private static int count(long value) {
        if (value < 0 || value > MAX_ENTRIES) {
            throw new ModelFileException("the header counts " + value + " entries");
        }
        return (int) value;
    }

    private static Optional<String> hfName(String name) {
        switch (name) {
            case "token_embd.weight":
                return Optional.of("model.embed_tokens.weight");
            case "output_norm.weight":
                return Optional.of("model.norm.weight");
            case "output.weight":
                return Optional.of("lm_head.weight");
            default:
                break;
        }
        String[] parts = name.split("\\.", -1);
        boolean adapter = parts.length == 5 && (parts[4].equals("lora_a") || parts[4].equals("lora_b"));
        if ((parts.length != 4 && !adapter) || !parts[0].equals("blk") || !parts[3].equals("weight")) {
            return Optional.empty();
        }
        String inner =
                switch (parts[2]) {
                    case "attn_norm" -> "input_layernorm";
                    case "ffn_norm" -> "post_attention_layernorm";
                    case "attn_q" -> "self_attn.q_proj";
                    case "attn_k" -> "self_attn.k_proj";
                    case "attn_v" -> "self_attn.v_proj";
                    case "attn_output" -> "self_attn.o_proj";
                    case "ffn_gate" -> "mlp.gate_proj";
                    case "ffn_up" -> "mlp.up_proj";
                    case "ffn_down" -> "mlp.down_proj";
                    default -> "";
                };
        if (adapter && !inner.isEmpty() && !inner.endsWith("layernorm")) {
            return Optional.of("base_model.model.model.layers." + parts[1] + "." + inner
                    + (parts[4].equals("lora_a") ? ".lora_A.weight" : ".lora_B.weight"));
        }
        return inner.isEmpty() || adapter
                ? Optional.empty()
                : Optional.of("model.layers." + parts[1] + "." + inner + "." + parts[3]);
    }

    /**
     * The model's shape, from the metadata.
     *
     * @throws UnsupportedModelException when the file holds more than this architecture computes (biases, scaled
     *     positions, experts): to leave it out would silently be another model
     */
    public ModelConfig config() {
        String architecture = text("general.architecture").orElse("");
        if (!architecture.equals("llama")) {
            throw new UnsupportedModelException("general.architecture " + architecture + " is not supported in GGUF");
        }
        int hidden = required("llama.embedding_length");
        int heads = required("llama.attention.head_count");
        if (!unmapped.isEmpty()) {
            throw new UnsupportedModelException("tensor " + unmapped.getFirst() + " is not supported in GGUF");
        }
        String scaling = text("llama.rope.scaling.type").orElse("none");
        if (!scaling.equals("none")) {
            throw new UnsupportedModelException("llama.rope.scaling.type " + scaling + " is not supported");
        }
        for (String key : List.of("llama.rope.scaling.factor", "llama.rope.scale_linear")) {
            // Without a type it means linear scaling.
            if (number(key).orElse(1.0) != 1) {
                throw new UnsupportedModelException(key + " other than 1 is not supported");
            }
        }
        if (heads < 1 || hidden % heads != 0) {
            throw new UnsupportedModelException(
                    "llama.embedding_length " + hidden + " is no multiple of llama.attention.head_count " + heads);
        }
        int headSize = hidden / heads;
        for (String key : List.of("llama.attention.key_length", "llama.rope.dimension_count")) {
            if (integer(key).orElse((long) headSize) != headSize) {
                throw new UnsupportedModelException(key + " other than " + headSize + " is not supported in GGUF");
            }
        }
        long[] embedding = shape("model.embed_tokens.weight");
        return new ModelConfig(
                (int) embedding[0],
                hidden,
                required("llama.feed_forward_length"),
                required("llama.block_count"),
                heads,
                integer("llama.attention.head_count_kv").orElse((long) heads).intValue(),
                headSize,
                number("llama.rope.freq_base").orElse(10_000.0),
                number("llama.attention.layer_norm_rms_epsilon").orElse(1e-5),
                required("llama.context_length"),
                !entries.containsKey("lm_head.weight"),
                false,
                false,
                List.of(required("tokenizer.ggml.eos_token_id")));
    }

    private int required(String key) {
        return integer(key)
                .orElseThrow(() -> new ModelFileException("the metadata has no " + key))
                .intValue();
    }

    /** A text of the metadata, e.g. {@code tokenizer.chat_template}. */
    public Optional<String> text(String key) {
        return metadata.get(key) instanceof String value ? Optional.of(value) : Optional.empty();
    }

    /** An integer of the metadata, of whatever width. */
    public Optional<Long> integer(String key) {
        return metadata.get(key) instanceof Long value ? Optional.of(value) : Optional.empty();
    }

    private Optional<Double> number(String key) {
        return metadata.get(key) instanceof Double value ? Optional.of(value) : Optional.empty();
    }

    /** A list of strings or numbers; empty when there is none. */
    public List<?> list(String key) {
        return metadata.get(key) instanceof List<?> value ? value : List.of();
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
        int count = (int) size(entry.shape());
        long bytes = (long) count / entry.type().values * entry.type().bytes;
        ByteBuffer in = file.slice(entry.offset(), bytes);
        float[] values = unpacked(entry.type(), in, count);
        if (isTurned(name) && name.contains("q_proj")) {
            values = halvesFromPairs(values, entry.shape(), required("llama.attention.head_count"));
        } else if (isTurned(name)) {
            int heads = required("llama.attention.head_count");
            values = halvesFromPairs(
                    values,
                    entry.shape(),
                    integer("llama.attention.head_count_kv")
                            .orElse((long) heads)
                            .intValue());
        }
        return FloatBuffer.wrap(values);
    }

    @Override
    public FloatBuffer readRows(String name, long first, long rows) {
        Entry entry = entry(name);
        long columns = entry.shape()[1];
        if (isTurned(name) || columns % entry.type().values != 0) {
            return TensorSource.super.readRows(name, first, rows);
        }
        long bytesOfRow = columns / entry.type().values * entry.type().bytes;
        ByteBuffer in = file.slice(entry.offset() + first * bytesOfRow, rows * bytesOfRow);
        return FloatBuffer.wrap(unpacked(entry.type(), in, Math.toIntExact(rows * columns)));
    }

    /** Of an adapter, the rows of B are those of the layer; of other architectures than llama, all stay as they are. */
    private boolean isTurned(String name) {
        boolean adapter = name.endsWith("q_proj.lora_B.weight") || name.endsWith("k_proj.lora_B.weight");
        return name.endsWith("q_proj.weight")
                || name.endsWith("k_proj.weight")
                || (adapter && text("general.architecture").orElse("").equals("llama"));
    }

    private static float[] unpacked(Type type, ByteBuffer in, int count) {
        return switch (type) {
            case F32 -> Widen.float32(in, count);
            case F16 -> Widen.float16(in, count);
            case BF16 -> Widen.bfloat16(in, count);
            case Q8_0 -> q8(in, count);
            case Q4_0 -> q4(in, count, false);
            case Q4_1 -> q4(in, count, true);
            case Q4_K -> KQuants.q4(in, count);
            case Q6_K -> KQuants.q6(in, count);
        };
    }

    private static float[] q8(ByteBuffer in, int count) {
        float[] out = new float[count];
        for (int i = 0; i < count; i += BLOCK) {
            float scale = Float.float16ToFloat(in.getShort());
            for (int j = 0; j < BLOCK; j++) {
                out[i + j] = scale * in.get();
            }
        }
        return out;
    }

    private static float[] q4(ByteBuffer in, int count, boolean withMinimum) {
        float[] out = new float[count];
        for (int i = 0; i < count; i += BLOCK) {
            float scale = Float.float16ToFloat(in.getShort());
            float minimum = withMinimum ? Float.float16ToFloat(in.getShort()) : -8 * scale;
            for (int j = 0; j < BLOCK / 2; j++) {
                int both = in.get();
                out[i + j] = scale * (both & 0xF) + minimum;
                out[i + j + BLOCK / 2] = scale * ((both >> 4) & 0xF) + minimum;
            }
        }
        return out;
    }

    /** GGUF interleaves the two rotary halves of each head's rows; Hugging Face keeps them apart. */
    private static float[] halvesFromPairs(float[] rows, long[] shape, int heads) {
        if (shape.length != 2 || heads < 1 || shape[0] % (2L * heads) != 0) {
            throw new ModelFileException(
                    "a q or k matrix does not have an even number of rows for each of " + heads + " heads");
        }
        int out = (int) shape[0];
        int in = (int) shape[1];
        int head = out / heads;
        int half = head / 2;
        float[] result = new float[rows.length];
        for (int h = 0; h < heads; h++) {
            for (int j = 0; j < 2; j++) {
                for (int i = 0; i < half; i++) {
                    System.arraycopy(rows, (h * head + i * 2 + j) * in, result, (h * head + j * half + i) * in, in);
                }
            }
        }
        return result;
    }

    private Entry entry(String name) {
        Entry entry = entries.get(name);
        if (entry == null) {
            throw new ModelFileException("the file has no tensor " + name);
        }
        return entry;
    }

    private static long size(long[] shape) {
        long size = 1;
        for (long d : shape) {
            if (d < 0 || (d > 0 && size > Integer.MAX_VALUE / d)) {
                throw new ModelFileException("a tensor has an impossible shape");
            }
            size *= d;
        }
        return size;
    }

    // ---- primitive values, little endian

    private Object readValue(int type) {
        return switch (type) {
            case 0 -> (long) Byte.toUnsignedInt(header.get());
            case 1 -> (long) header.get();
            case 2 -> (long) Short.toUnsignedInt(readShort());
            case 3 -> (long) readShort();
            case 4 -> Integer.toUnsignedLong(readInt());
            case 5 -> (long) readInt();
            case 6 -> (double) Float.intBitsToFloat(readInt());
            case 7 -> header.get() != 0;
            case 8 -> readString();
            case 9 -> readList();
            case 10, 11 -> readLong();
            case 12 -> Double.longBitsToDouble(readLong());
            default -> throw new ModelFileException("metadata of unknown type " + type);
        };
    }

    private List<Object> readList() {
        int type = readInt();
        if (type == 9) {
            throw new ModelFileException("nested lists in the metadata are not read");
        }
        int count = count(readLong());
        if (count > header.remaining()) {
            throw new ModelFileException("the metadata announces a list of " + count + " entries");
        }
        List<Object> list = new ArrayList<>(Math.min(count, 1 << 16));
        for (int i = 0; i < count; i++) {
            list.add(readValue(type));
        }
        return list;
    }

    private short readShort() {
        return header.getShort();
    }

    private int readInt() {
        return header.getInt();
    }

    private long readLong() {
        return header.getLong();
    }

    private String readString() {
        long length = readLong();
        if (length < 0 || length > Math.min(MAX_STRING_BYTES, header.remaining())) {
            throw new ModelFileException("the metadata announces a string of " + length + " bytes");
        }
        byte[] bytes = new byte[(int) length];
        header.get(bytes);
        return new String(bytes, UTF_8);
    }

    @Override
    public void close() {
        file.close();
    }
}
