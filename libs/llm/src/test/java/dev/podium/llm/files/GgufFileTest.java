package dev.podium.llm.files;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufFileTest {
    private static final Path TINY = Path.of("src/test/resources/golden/tiny.gguf");
    private static final int UINT32 = 4;
    private static final int STRING = 8;
    private static final int LIST = 9;

    @TempDir
    Path folder;

    @Test
    void everyTypeIsReadAsTheGgufLibraryReadsIt() throws IOException {
        JsonNode golden =
                new ObjectMapper().readTree(Files.readAllBytes(Path.of("src/test/resources/golden/tiny-gguf.json")));
        Map<String, String> names = hfNames();
        try (GgufFile file = GgufFile.open(TINY)) {
            assertEquals(names.size(), file.names().size());
            golden.properties().forEach(tensor -> {
                String name = names.get(tensor.getKey());
                FloatBuffer values = file.readFloat32(name);
                JsonNode wanted = tensor.getValue().path("values");
                assertEquals(wanted.size(), values.remaining(), name);
                assertEquals(tensor.getValue().path("shape").get(0).asLong(), file.shape(name)[0], name);
                for (int i = 0; i < wanted.size(); i++) {
                    assertEquals(wanted.get(i).asDouble(), values.get(i), 1e-6, name + " at " + i);
                }
            });
        }
    }

    @Test
    void blocksOf256AreReadAsTheGgufLibraryReadsThem() throws IOException {
        Path folder = Path.of("src/test/resources/golden");
        JsonNode golden = new ObjectMapper().readTree(Files.readAllBytes(folder.resolve("tiny-k-gguf.json")));
        assertEquals(2, golden.size());
        try (GgufFile file = GgufFile.open(folder.resolve("tiny-k.gguf"))) {
            golden.properties().forEach(tensor -> {
                FloatBuffer values = file.readFloat32(hfNames().get(tensor.getKey()));
                JsonNode wanted = tensor.getValue().path("values");
                assertEquals(wanted.size(), values.remaining());
                for (int i = 0; i < wanted.size(); i++) {
                    double value = wanted.get(i).asDouble();
                    assertEquals(value, values.get(i), 1e-6 * Math.max(1, Math.abs(value)), tensor.getKey() + " " + i);
                }
            });
        }
    }

    @Test
    void theConfigurationComesFromTheMetadata() {
        try (GgufFile file = GgufFile.open(TINY)) {
            ModelConfig config = file.config();
            assertArrayEquals(new int[] {8, 32, 64, 1, 4, 2, 8, 16}, new int[] {
                config.vocabularySize(),
                config.hiddenSize(),
                config.intermediateSize(),
                config.layers(),
                config.heads(),
                config.keyValueHeads(),
                config.headSize(),
                config.maxPositions()
            });
            assertTrue(config.tiedEmbeddings());
        }
    }

    @Test
    void hostileHeadersAreRefusedInWords() throws IOException {
        refused("no GGUF", new Header().magic(7));
        refused("version 9", new Header().version(9));
        refused("counts", new Header().counts(-1, 0));
        refused("counts", new Header().counts(0, Long.MAX_VALUE));
        refused("string of", new Header().counts(0, 1).putLong(Long.MAX_VALUE));
        refused(
                "list of",
                new Header().counts(0, 1).text("k").putInt(LIST).putInt(UINT32).putLong(1 << 20));
        refused(
                "nested",
                new Header().counts(0, 1).text("k").putInt(LIST).putInt(LIST).putLong(1));
        refused("unknown type", new Header().counts(0, 1).text("k").putInt(99));
        refused("twice", new Header().counts(0, 2).number("k", 1).number("k", 2));
        refused("alignment 0", new Header().counts(0, 1).number("general.alignment", 0));
        refused("middle", new Header().counts(1, 0));
    }

    @Test
    void hostileTensorsAreRefusedInWords() throws IOException {
        refused("dimensions", new Header().counts(1, 0).text("t").putInt(Integer.MAX_VALUE));
        refused("dimensions", new Header().counts(1, 0).text("t").putInt(-1));
        refused("dimensions", new Header().counts(1, 0).text("t").putInt(0));
        refused("impossible", new Header().counts(1, 0).tensor("t", 0, 0, 1L << 40, 1L << 40));
        refused("impossible", new Header().counts(1, 0).tensor("t", 0, 0, -4));
        refused("type 77", new Header().counts(1, 0).tensor("t", 77, 0, 4));
        refused("multiple of 32", new Header().counts(1, 0).tensor("t", 2, 0, 31));
        refused("outside", new Header().counts(1, 0).tensor("t", 0, 0, 1 << 20));
        refused("outside", new Header().counts(1, 0).tensor("t", 0, -32, 1));
        refused("outside", new Header().counts(1, 0).tensor("t", 0, Long.MAX_VALUE - 8, 1));
        refused(
                "twice",
                new Header()
                        .counts(2, 0)
                        .tensor("output_norm.weight", 0, 0, 1)
                        .tensor("output_norm.weight", 0, 0, 1)
                        .zeros(64));
    }

    @Test
    void whatTheArchitectureDoesNotComputeIsRefusedAndNotLeftOut() throws IOException {
        Header file = new Header()
                .counts(2, 3)
                .text("general.architecture")
                .putInt(STRING)
                .text("llama")
                .number("llama.embedding_length", 2)
                .number("llama.attention.head_count", 1)
                .tensor("token_embd.weight", 0, 0, 2, 4)
                .tensor("rope_freqs.weight", 0, 0, 2)
                .zeros(64);
        try (GgufFile read = GgufFile.open(file.write(folder))) {
            UnsupportedModelException e = assertThrows(UnsupportedModelException.class, read::config);
            assertTrue(String.valueOf(e.getMessage()).contains("rope_freqs.weight"));
        }
    }

    @Test
    void aTruncatedFileIsRefusedWhereverItEnds() throws IOException {
        byte[] whole = Files.readAllBytes(TINY);
        for (int length = 0; length < whole.length; length += 97) {
            Path cut = folder.resolve("cut.gguf");
            Files.write(cut, Arrays.copyOf(whole, length));
            assertThrows(ModelFileException.class, () -> GgufFile.open(cut), "cut at " + length);
        }
    }

    @Test
    void aDamagedHeaderIsReadOrRefusedButBreaksNothing() throws IOException {
        byte[] whole = Files.readAllBytes(TINY);
        SplittableRandom random = new SplittableRandom(5);
        Path damaged = folder.resolve("damaged.gguf");
        for (int i = 0; i < 500; i++) {
            byte[] copy = whole.clone();
            copy[random.nextInt(1200)] ^= (byte) (1 + random.nextInt(255));
            Files.write(damaged, copy);
            try (GgufFile file = GgufFile.open(damaged)) {
                file.config();
                file.names().forEach(file::readFloat32);
            } catch (ModelFileException | UnsupportedModelException e) {
                assertTrue(String.valueOf(e.getMessage()).length() > 10);
            }
        }
    }

    private void refused(String word, Header header) throws IOException {
        Path file = header.write(folder);
        ModelFileException e = assertThrows(ModelFileException.class, () -> GgufFile.open(file));
        assertTrue(String.valueOf(e.getMessage()).contains(word), e.getMessage());
    }

    private static Map<String, String> hfNames() {
        Map<String, String> names = new HashMap<>();
        names.put("token_embd.weight", "model.embed_tokens.weight");
        names.put("output_norm.weight", "model.norm.weight");
        names.put("blk.0.attn_norm.weight", "model.layers.0.input_layernorm.weight");
        names.put("blk.0.ffn_norm.weight", "model.layers.0.post_attention_layernorm.weight");
        names.put("blk.0.attn_q.weight", "model.layers.0.self_attn.q_proj.weight");
        names.put("blk.0.attn_k.weight", "model.layers.0.self_attn.k_proj.weight");
        names.put("blk.0.attn_v.weight", "model.layers.0.self_attn.v_proj.weight");
        names.put("blk.0.attn_output.weight", "model.layers.0.self_attn.o_proj.weight");
        names.put("blk.0.ffn_gate.weight", "model.layers.0.mlp.gate_proj.weight");
        names.put("blk.0.ffn_up.weight", "model.layers.0.mlp.up_proj.weight");
        names.put("blk.0.ffn_down.weight", "model.layers.0.mlp.down_proj.weight");
        return names;
    }

    /** Writes headers that no library would write. */
    private static final class Header {
        private final ByteBuffer bytes = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);

        Header() {
            bytes.putInt(0x46554747).putInt(3).putLong(0).putLong(0);
        }

        Header magic(int magic) {
            bytes.putInt(0, magic);
            return this;
        }

        Header version(int version) {
            bytes.putInt(4, version);
            return this;
        }

        Header counts(long tensors, long keys) {
            bytes.putLong(8, tensors).putLong(16, keys);
            return this;
        }

        Header putInt(int value) {
            bytes.putInt(value);
            return this;
        }

        Header putLong(long value) {
            bytes.putLong(value);
            return this;
        }

        Header text(String text) {
            byte[] utf8 = text.getBytes(UTF_8);
            bytes.putLong(utf8.length).put(utf8);
            return this;
        }

        Header number(String key, int value) {
            return text(key).putInt(UINT32).putInt(value);
        }

        /** @param shape as the format has it: the row's length first */
        Header tensor(String name, int type, long offset, long... shape) {
            text(name).putInt(shape.length);
            for (long d : shape) {
                putLong(d);
            }
            return putInt(type).putLong(offset);
        }

        Header zeros(int count) {
            bytes.put(new byte[count]);
            return this;
        }

        Path write(Path folder) throws IOException {
            Path file = Files.createTempFile(folder, "hostile", ".gguf");
            Files.write(file, Arrays.copyOf(bytes.array(), bytes.position()));
            return file;
        }
    }
}
