package dev.podium.llm.files;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.llm.files.SafetensorsWriter.Tensor;
import dev.podium.llm.files.SafetensorsWriter.Type;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsFileTest {
    @TempDir
    Path folder;

    @Test
    void whatIsWrittenIsRead() throws IOException {
        Path file = folder.resolve("a.safetensors");
        float[] values = {1.5f, -2, 0.25f, 1024, 0, -0.5f};
        for (Type type : Type.values()) {
            SafetensorsWriter.write(
                    file,
                    Map.of("b", new Tensor(values, new long[] {2, 3}), "a", new Tensor(new float[] {7}, new long[] {1
                    })),
                    type,
                    Map.of("format", "pt"));
            try (SafetensorsFile read = SafetensorsFile.open(file)) {
                assertEquals(Map.of("format", "pt"), read.metadata());
                assertArrayEquals(new long[] {2, 3}, read.shape("b"));
                float[] back = new float[6];
                FloatBuffer buffer = read.readFloat32("b");
                buffer.get(back);
                assertArrayEquals(values, back);
            }
        }
    }

    @Test
    void bfloat16IsWidened() throws IOException {
        byte[] data = {(byte) 0xC0, 0x3F, 0x00, (byte) 0xC0};
        Path file = raw("{\"x\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}", data);
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
            assertEquals(1.5f, read.readFloat32("x").get(0));
            assertEquals(-2f, read.readFloat32("x").get(1));
        }
    }

    @Test
    void bfloat16IsRoundedToTheNearestAndTiesToEven() {
        assertEquals(1.5f, Widen.fromBfloat16(Widen.toBfloat16(1.5f)));
        assertEquals(0x3F80, Widen.toBfloat16(Float.intBitsToFloat(0x3F808000)));
        assertEquals(0x3F82, Widen.toBfloat16(Float.intBitsToFloat(0x3F818000)));
        assertEquals(0x3F81, Widen.toBfloat16(Float.intBitsToFloat(0x3F808001)));
        assertTrue(Float.isNaN(Widen.fromBfloat16(Widen.toBfloat16(Float.NaN))));
        assertEquals(Float.NEGATIVE_INFINITY, Widen.fromBfloat16(Widen.toBfloat16(Float.NEGATIVE_INFINITY)));
    }

    @Test
    void aShapeThatDoesNotFitItsValuesIsNotWritten() {
        assertThrows(IllegalArgumentException.class, () -> new Tensor(new float[5], new long[] {2, 3}));
    }

    @Test
    void hostileHeadersAreRefusedInWords() throws IOException {
        refused("outside", "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", new byte[4]);
        refused("needs", "{\"x\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", new byte[8]);
        refused("type", "{\"x\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}", new byte[8]);
        refused("impossible", "{\"x\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", new byte[4]);
        refused(
                "impossible",
                "{\"x\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}",
                new byte[4]);
        refused(
                "overlap",
                "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                        + "\"y\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
                new byte[12]);
        refused("after its last", "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", new byte[9]);
        refused("JSON", "{\"x\":{},\"x\":{}}", new byte[0]);
        refused("JSON", "not json at all", new byte[0]);
        refused(
                "no list of shape",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":{\"b\":1},\"data_offsets\":[0,4]}}",
                new byte[4]);
    }

    @Test
    void aTruncatedOrLyingLengthIsRefused() throws IOException {
        Path tiny = folder.resolve("tiny");
        Files.write(tiny, new byte[] {1, 2, 3});
        assertThrows(ModelFileException.class, () -> SafetensorsFile.open(tiny));
        Path lying = folder.resolve("lying");
        Files.write(
                lying,
                ByteBuffer.allocate(16)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(Long.MAX_VALUE)
                        .array());
        assertThrows(ModelFileException.class, () -> SafetensorsFile.open(lying));
    }

    private void refused(String word, String header, byte[] data) throws IOException {
        Path file = raw(header, data);
        ModelFileException e = assertThrows(ModelFileException.class, () -> SafetensorsFile.open(file));
        assertTrue(String.valueOf(e.getMessage()).contains(word), e.getMessage());
    }

    private Path raw(String header, byte[] data) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        Path file = Files.createTempFile(folder, "raw", ".safetensors");
        Files.write(
                file,
                ByteBuffer.allocate(8 + json.length + data.length)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(json.length)
                        .put(json)
                        .put(data)
                        .array());
        return file;
    }
}
