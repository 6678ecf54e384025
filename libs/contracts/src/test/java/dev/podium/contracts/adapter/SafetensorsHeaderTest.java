package dev.podium.contracts.adapter;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsHeaderTest {
    private static final String SOUND = "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
            + "\"b\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[24,32]}}";
    private static final int DATA_BYTES = 32;

    @TempDir
    Path folder;

    @Test
    void aSoundHeaderIsRead() throws Exception {
        SafetensorsHeader header = SafetensorsHeader.read(file(SOUND));
        assertEquals(List.of("a", "b"), List.copyOf(header.tensors().keySet()));
        assertEquals(List.of(2L, 3L), header.tensors().get("a").shape());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "[24,32]   | [20,28]                                  | begins at",
                "[24,32]   | [28,36]                                  | begins at",
                "[24,32]   | [24,30]                                  | offsets",
                "[24,32]   | [24.0,32.5]                              | offsets",
                "[24,32]   | [\"24\",\"32\"]                          | offsets",
                "[24,32]   | {\"x\":24,\"y\":32}                      | offsets",
                "[24,32]   | [-8,0]                                   | offsets",
                "[24,32]   | [9223372036854775800,9223372036854775808] | offsets",
                "BF16      | I64                                      | type",
                "BF16      | F16                                      | type",
                "[2,3]     | [2,0]                                    | shape",
                "[2,3]     | [2,-3]                                   | shape",
                "[2,3]     | [2147483647,2147483647,2147483647]       | shape",
                "[2,3]     | [2,3.5]                                  | shape",
                "[2,3]     | {\"rows\":2,\"columns\":3}               | shape",
                "[2,3]     | [1,1,1,1,1,1,1,2,3]                      | shape",
                "\"b\"     | \"a\"                                    | Duplicate",
            })
    void whatIsWrongIsRefusedByName(String sound, String wrong, String why) throws Exception {
        Path file = file(SOUND.replace(sound.strip(), wrong.strip()));
        ArtifactException refusal = assertThrows(ArtifactException.class, () -> SafetensorsHeader.read(file));
        assertTrue(refusal.getMessage().contains(why.strip()), refusal.getMessage());
    }

    @Test
    void deepAndLongHeadersAreRefused() throws Exception {
        assertThrows(ArtifactException.class, () -> SafetensorsHeader.read(file("[".repeat(100_000))));
        assertThrows(ArtifactException.class, () -> SafetensorsHeader.read(file("[]")));
        assertThrows(ArtifactException.class, () -> SafetensorsHeader.read(file("{\"" + "n".repeat(5_000) + "\":{}}")));
    }

    /** Three thousand files with bytes changed, cut out or doubled: each is refused, or sound in every respect. */
    @Test
    void noMutationGetsThroughUnlessItIsSound() throws Exception {
        Random random = new Random(20261125);
        byte[] sound = bytes(SOUND);
        Path file = folder.resolve("mutated.safetensors");
        int taken = 0;
        for (int round = 0; round < 3_000; round++) {
            Files.write(file, mutated(sound, random));
            try {
                assertSound(SafetensorsHeader.read(file), Files.size(file));
                taken++;
            } catch (ArtifactException refused) {
                assertTrue(refused.getMessage().length() < 2_000, "a message as long as the file");
            }
        }
        // A name or a value of the metadata may change: some get through, most do not.
        assertTrue(taken > 0 && taken < 1_800, "taken: " + taken);
    }

    private static void assertSound(SafetensorsHeader header, long fileBytes) {
        List<SafetensorsHeader.Tensor> inOrder =
                new ArrayList<>(header.tensors().values());
        inOrder.sort(Comparator.comparingLong(SafetensorsHeader.Tensor::begin));
        long at = 0;
        for (SafetensorsHeader.Tensor tensor : inOrder) {
            long values = tensor.shape().stream().reduce(1L, Math::multiplyExact);
            assertEquals(at, tensor.begin());
            assertEquals(at + values * (tensor.type().equals("F32") ? 4 : 2), tensor.end());
            at = tensor.end();
        }
        assertEquals(fileBytes, header.dataStart() + at);
    }

    private static byte[] mutated(byte[] sound, Random random) {
        byte[] bytes = sound.clone();
        int changes = 1 + random.nextInt(3);
        for (int i = 0; i < changes; i++) {
            int at = random.nextInt(bytes.length - DATA_BYTES);
            switch (random.nextInt(4)) {
                case 0 -> bytes[at] = (byte) random.nextInt(256);
                case 1 -> bytes[at] = "0123456789[]{},:\"-.eE".getBytes(UTF_8)[random.nextInt(21)];
                case 2 -> bytes = without(bytes, at, 1 + random.nextInt(8));
                default -> bytes = doubled(bytes, at, 1 + random.nextInt(8));
            }
            if (random.nextBoolean() && bytes.length > DATA_BYTES + 8) {
                // The length is right again, so that more than the first check is met.
                ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(0, bytes.length - 8 - DATA_BYTES);
            }
        }
        return bytes;
    }

    private static byte[] without(byte[] bytes, int at, int length) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(bytes, 0, at);
        int from = Math.min(bytes.length, at + length);
        out.write(bytes, from, bytes.length - from);
        return out.toByteArray();
    }

    private static byte[] doubled(byte[] bytes, int at, int length) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        int to = Math.min(bytes.length, at + length);
        out.write(bytes, 0, to);
        out.write(bytes, at, bytes.length - at);
        return out.toByteArray();
    }

    private Path file(String header) throws Exception {
        return Files.write(folder.resolve("some.safetensors"), bytes(header));
    }

    private static byte[] bytes(String header) {
        byte[] json = header.getBytes(UTF_8);
        return ByteBuffer.allocate(8 + json.length + DATA_BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length)
                .put(json)
                .array();
    }
}
