package dev.podium.local.bench.methods;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MethodFolderTest {
    @TempDir
    Path folder;

    @Test
    void whatIsKeptOfOneDataFileIsNotUsedWithAnother() throws IOException {
        Path data = Files.writeString(folder.resolve("trees.jsonl"), "{}\n");
        Path same = Files.writeString(folder.resolve("copy.jsonl"), "{}\n");
        Path of = MethodFolder.in(folder, "smollm2-135m", Optional.of(data));

        assertEquals(of, MethodFolder.in(folder, "smollm2-135m", Optional.of(same)));
        assertNotEquals(of, MethodFolder.in(folder, "smollm2-360m", Optional.of(data)));
        assertNotEquals(of, MethodFolder.in(folder, "smollm2-135m", Optional.empty()));
        Files.writeString(data, "{ }\n");
        assertNotEquals(of, MethodFolder.in(folder, "smollm2-135m", Optional.of(data)));
    }
}
