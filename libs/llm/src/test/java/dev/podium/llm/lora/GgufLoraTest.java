package dev.podium.llm.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.podium.llm.files.GgufFile;
import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.files.ModelFileException;
import dev.podium.llm.files.SafetensorsFile;
import dev.podium.llm.files.SafetensorsWriter;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufLoraTest {
    private static final int LAYERS = 2;
    private static final int HEADS = 4;
    private static final int KEY_VALUE_HEADS = 2;
    private static final int RANK = 8;

    @TempDir
    Path folder;

    @Test
    void whatIsWrittenIsReadBackAsItWas() throws Exception {
        Path peft = adapter(false);
        Path gguf = folder.resolve("lora.gguf");

        GgufLora.write(peft, base(false), "tiny", gguf);

        try (GgufFile back = GgufFile.open(gguf);
                SafetensorsFile wanted = SafetensorsFile.open(peft.resolve(PeftFolder.WEIGHTS))) {
            assertEquals(Optional.of("llama"), back.text("general.architecture"));
            assertEquals(Optional.of("adapter"), back.text("general.type"));
            assertEquals(Optional.of("lora"), back.text("adapter.type"));
            assertEquals(wanted.names(), new java.util.TreeSet<>(back.names()));
            for (String name : wanted.names()) {
                assertArrayEquals(wanted.shape(name), back.shape(name), name);
                assertArrayEquals(floats(wanted.readFloat32(name)), floats(back.readFloat32(name)), name);
            }
        }
    }

    /** What a llama's q gets is B A with the rows of B in the order of the file: pairs of the rotary halves. */
    @Test
    void rowsOfQueriesArePairedForLlamasAndLeftForOthers() throws Exception {
        Path peft = adapter(false);
        float[] rows = firstColumn(peft);
        int half = base(false).headSize() / 2;

        Path llama = folder.resolve("llama.gguf");
        GgufLora.write(peft, base(false), "tiny", llama);
        float[] paired = raw(llama);
        assertEquals(rows[0], paired[0]);
        assertEquals(rows[half], paired[1]);
        assertEquals(rows[1], paired[2]);

        Path qwen = folder.resolve("qwen.gguf");
        GgufLora.write(peft, base(true), "tiny", qwen);
        assertArrayEquals(rows, raw(qwen));
    }

    @Test
    void rankStabilisedAdaptersAreScaledInB() throws Exception {
        Path gguf = folder.resolve("rs.gguf");
        Path peft = adapter(true);
        GgufLora.write(peft, base(true), "tiny", gguf);
        float[] rows = firstColumn(peft);
        float[] written = raw(gguf);
        for (int i = 0; i < rows.length; i++) {
            assertEquals(rows[i] * Math.sqrt(RANK), written[i], 1e-6);
        }
    }

    @Test
    void anAdapterOfAnotherBaseIsRefused() throws Exception {
        Path peft = adapter(false);
        ModelConfig wider = new ModelConfig(
                32, 64, 48, LAYERS, HEADS, KEY_VALUE_HEADS, 16, 10_000, 1e-5, 128, true, false, false, List.of(2));
        assertThrows(ModelFileException.class, () -> GgufLora.write(peft, wider, "wider", folder.resolve("no.gguf")));
    }

    private static float[] firstColumn(Path peft) {
        try (SafetensorsFile file = SafetensorsFile.open(peft.resolve(PeftFolder.WEIGHTS))) {
            return column(floats(file.readFloat32(name(0, LoraTarget.Q_PROJ, "B"))));
        }
    }

    /** By the reader's own name of another tensor, so that nothing is put back: o is never turned. */
    private static float[] raw(Path gguf) throws IOException {
        byte[] bytes = Files.readAllBytes(gguf);
        String text = new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1);
        Path renamed = gguf.resolveSibling("renamed.gguf");
        // Same length, so that all offsets stay.
        Files.write(
                renamed,
                text.replace("blk.0.attn_v.weight.lora_b", "blk.9.attn_v.weight.lora_b")
                        .replace("blk.0.attn_q.weight.lora_b", "blk.0.attn_v.weight.lora_b")
                        .getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
        try (GgufFile file = GgufFile.open(renamed)) {
            return column(floats(file.readFloat32(name(0, LoraTarget.V_PROJ, "B"))));
        }
    }

    private static float[] column(float[] values) {
        float[] column = new float[values.length / RANK];
        for (int row = 0; row < column.length; row++) {
            column[row] = values[row * RANK];
        }
        return column;
    }

    private static float[] floats(FloatBuffer buffer) {
        float[] values = new float[buffer.remaining()];
        buffer.get(values);
        return values;
    }

    private static String name(int layer, LoraTarget target, String part) {
        return "base_model.model.model.layers." + layer + "." + target.path() + ".lora_" + part + ".weight";
    }

    private static ModelConfig base(boolean qwen3) {
        return new ModelConfig(
                32, 32, 48, LAYERS, HEADS, KEY_VALUE_HEADS, 8, 10_000, 1e-5, 128, true, false, qwen3, List.of(2));
    }

    private Path adapter(boolean rankStabilised) throws IOException {
        Path peft = Files.createDirectories(folder.resolve("peft-" + rankStabilised));
        Files.writeString(
                peft.resolve(PeftFolder.CONFIG),
                "{\"peft_type\":\"LORA\",\"bias\":\"none\",\"r\":" + RANK + ",\"lora_alpha\":16,\"use_rslora\":"
                        + rankStabilised
                        + ",\"target_modules\":[\"q_proj\",\"k_proj\",\"v_proj\",\"o_proj\",\"gate_proj\",\"up_proj\","
                        + "\"down_proj\"]}");
        Random random = new Random(7);
        Map<String, SafetensorsWriter.Tensor> tensors = new TreeMap<>();
        for (int layer = 0; layer < LAYERS; layer++) {
            for (LoraTarget target : LoraTarget.values()) {
                tensors.put(name(layer, target, "A"), tensor(random, RANK, target.inputSize(base(false))));
                tensors.put(name(layer, target, "B"), tensor(random, target.outputSize(base(false)), RANK));
            }
        }
        SafetensorsWriter.write(
                peft.resolve(PeftFolder.WEIGHTS), tensors, SafetensorsWriter.Type.F32, Map.of("format", "pt"));
        return peft;
    }

    private static SafetensorsWriter.Tensor tensor(Random random, int rows, int columns) {
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return new SafetensorsWriter.Tensor(values, new long[] {rows, columns});
    }
}
