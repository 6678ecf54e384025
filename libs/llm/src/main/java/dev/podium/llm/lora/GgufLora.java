package dev.podium.llm.lora;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.files.ModelFileException;
import dev.podium.llm.files.SafetensorsFile;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Writes an adapter as the GGUF file that {@code llama-server --lora} and llama.cpp's other programs load: float32, the
 * base model's architecture, {@code general.type} adapter, {@code adapter.type} lora.
 *
 * <p>GGUF keeps the rows of q and k of the llama architecture with the two rotary halves of each head interleaved. What
 * an adapter adds to them is B A, so the rows of B go the same way, and A stays.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">the format</a>
 */
public final class GgufLora {
    private static final int MAGIC = 0x46554747;
    private static final int VERSION = 3;
    private static final int ALIGNMENT = 32;
    private static final int TYPE_UINT32 = 4;
    private static final int TYPE_FLOAT32 = 6;
    private static final int TYPE_STRING = 8;
    private static final int TENSOR_F32 = 0;
    private static final int WRITE_VALUES = 1 << 14;
    private static final Pattern NAME = Pattern.compile(
            "base_model\\.model\\.model\\.layers\\.(\\d+)\\.(?:self_attn|mlp)\\.([a-z]+_proj)\\.lora_([AB])\\.weight");

    private GgufLora() {}

    private record Tensor(String source, String name, long rows, long columns, int heads, float factor) {
        long bytes() {
            return 4 * rows * columns;
        }
    }

    /**
     * Converts an adapter in PEFT's form.
     *
     * @param folder with adapter_config.json and adapter_model.safetensors
     * @param base the base model's shape and architecture
     * @param target written aside, then renamed
     * @throws ModelFileException when the adapter does not fit the base model
     */
    public static void write(Path folder, ModelConfig base, String baseName, Path target) throws IOException {
        LoraConfig lora = PeftFolder.readConfig(folder);
        String architecture = architecture(base);
        try (SafetensorsFile weights = SafetensorsFile.open(folder.resolve(PeftFolder.WEIGHTS))) {
            List<Tensor> tensors = new ArrayList<>();
            for (String name : weights.names()) {
                tensors.add(tensor(name, weights.shape(name), base, lora));
            }
            if (tensors.isEmpty()) {
                throw new ModelFileException(folder + " has no tensors");
            }
            byte[] header = header(architecture, baseName, base, lora, tensors);
            Path aside = target.resolveSibling(target.getFileName() + ".part");
            try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(aside))) {
                out.write(header);
                pad(out, header.length);
                for (Tensor tensor : tensors) {
                    write(out, values(weights.readFloat32(tensor.source()), tensor));
                    pad(out, tensor.bytes());
                }
            }
            Files.move(aside, target, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    /** As llama.cpp calls it; Mistral's models are llamas there. */
    private static String architecture(ModelConfig base) {
        if (base.attentionBias()) {
            return "qwen2";
        }
        return base.queryKeyNorm() ? "qwen3" : "llama";
    }

    private static Tensor tensor(String name, long[] shape, ModelConfig base, LoraConfig lora) {
        Matcher parts = NAME.matcher(name);
        if (!parts.matches() || shape.length != 2) {
            throw new ModelFileException("tensor " + name + " is none of a LoRA adapter");
        }
        LoraTarget target = LoraTarget.of(parts.group(2));
        boolean down = parts.group(3).equals("A");
        long width = down ? target.inputSize(base) : target.outputSize(base);
        if (shape[down ? 1 : 0] != width
                || shape[down ? 0 : 1] != lora.r()
                || Integer.parseInt(parts.group(1)) >= base.layers()) {
            throw new ModelFileException("tensor " + name + " does not fit the base model");
        }
        boolean turned = !down && architecture(base).equals("llama");
        int heads =
                switch (target) {
                    case Q_PROJ -> turned ? base.heads() : 0;
                    case K_PROJ -> turned ? base.keyValueHeads() : 0;
                    case V_PROJ, O_PROJ, GATE_PROJ, UP_PROJ, DOWN_PROJ -> 0;
                };
        // llama.cpp scales by alpha / r; what rank-stabilised adapters have beyond that goes into B.
        float factor = !down && lora.rsLora() ? (float) Math.sqrt(lora.r()) : 1;
        String suffix = down ? ".lora_a" : ".lora_b";
        return new Tensor(
                name,
                "blk." + parts.group(1) + "." + ggufName(target) + ".weight" + suffix,
                shape[0],
                shape[1],
                heads,
                factor);
    }

    private static String ggufName(LoraTarget target) {
        return switch (target) {
            case Q_PROJ -> "attn_q";
            case K_PROJ -> "attn_k";
            case V_PROJ -> "attn_v";
            case O_PROJ -> "attn_output";
            case GATE_PROJ -> "ffn_gate";
            case UP_PROJ -> "ffn_up";
            case DOWN_PROJ -> "ffn_down";
        };
    }

    private static byte[] header(
            String architecture, String baseName, ModelConfig base, LoraConfig lora, List<Tensor> tensors)
            throws IOException {
        Header out = new Header();
        out.int32(MAGIC);
        out.int32(VERSION);
        out.int64(tensors.size());
        out.int64(8);
        out.text("general.architecture", architecture);
        out.text("general.type", "adapter");
        out.text("general.name", "LoRA for " + baseName);
        out.text("adapter.type", "lora");
        out.key("adapter.lora.alpha", TYPE_FLOAT32);
        out.int32(Float.floatToRawIntBits((float) lora.alpha()));
        out.uint("general.file_type", 0);
        // Not needed by llama.cpp; whoever reads the file knows by them how to put the rows of q and k back.
        out.uint(architecture + ".attention.head_count", base.heads());
        out.uint(architecture + ".attention.head_count_kv", base.keyValueHeads());
        long offset = 0;
        for (Tensor tensor : tensors) {
            out.string(tensor.name());
            out.int32(2);
            out.int64(tensor.columns());
            out.int64(tensor.rows());
            out.int32(TENSOR_F32);
            out.int64(offset);
            offset += (tensor.bytes() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        }
        return out.bytes.toByteArray();
    }

    /** The rows of each head from halves to pairs: row (half, j) becomes row (j, half). */
    private static float[] values(FloatBuffer in, Tensor tensor) {
        float[] source = new float[in.remaining()];
        in.get(source);
        float[] target = source;
        if (tensor.heads() > 0) {
            int columns = (int) tensor.columns();
            int half = (int) (tensor.rows() / tensor.heads() / 2);
            target = new float[source.length];
            for (int head = 0; head < tensor.heads(); head++) {
                for (int side = 0; side < 2; side++) {
                    for (int j = 0; j < half; j++) {
                        int from = (2 * head + side) * half + j;
                        int to = 2 * head * half + 2 * j + side;
                        System.arraycopy(source, from * columns, target, to * columns, columns);
                    }
                }
            }
        }
        if (tensor.factor() != 1) {
            for (int i = 0; i < target.length; i++) {
                target[i] *= tensor.factor();
            }
        }
        return target;
    }

    private static void write(OutputStream out, float[] values) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(4 * WRITE_VALUES).order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at < values.length; at += WRITE_VALUES) {
            buffer.clear();
            int count = Math.min(WRITE_VALUES, values.length - at);
            for (int i = 0; i < count; i++) {
                buffer.putFloat(values[at + i]);
            }
            out.write(buffer.array(), 0, 4 * count);
        }
    }

    private static void pad(OutputStream out, long written) throws IOException {
        for (long at = written; at % ALIGNMENT != 0; at++) {
            out.write(0);
        }
    }

    private static final class Header {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        void int32(int value) throws IOException {
            bytes.write(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(value)
                    .array());
        }

        void int64(long value) throws IOException {
            bytes.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(value)
                    .array());
        }

        void string(String text) throws IOException {
            byte[] utf8 = text.getBytes(UTF_8);
            int64(utf8.length);
            bytes.write(utf8);
        }

        void key(String key, int type) throws IOException {
            string(key);
            int32(type);
        }

        void text(String key, String value) throws IOException {
            key(key, TYPE_STRING);
            string(value);
        }

        void uint(String key, int value) throws IOException {
            key(key, TYPE_UINT32);
            int32(value);
        }
    }
}
