package dev.podium.rankingstream;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnfinishedStateTest {
    @TempDir
    Path application;

    @Test
    void storesThatWereNotClosedInPeaceGoAndOthersStay() throws IOException {
        Path closed = task("0_1");
        Files.createFile(closed.resolve(".checkpoint"));
        Path left = task("0_2");
        Path name = Files.createFile(application.resolve("kafka-streams-process-metadata"));

        UnfinishedState.clear(application);

        assertTrue(Files.exists(closed.resolve("rocksdb/tasks/000004.sst")));
        assertFalse(Files.exists(left));
        assertTrue(Files.exists(name));
    }

    @Test
    void storesThatSomebodyWorksWithStay() throws IOException {
        Path left = task("0_2");
        try (FileChannel channel = FileChannel.open(
                        application.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock lock = channel.lock()) {
            assertTrue(lock.isValid());

            UnfinishedState.clear(application);

            assertTrue(Files.exists(left));
        }
    }

    private Path task(String id) throws IOException {
        Path task = application.resolve(id);
        Files.createDirectories(task.resolve("rocksdb/tasks"));
        Files.createFile(task.resolve("rocksdb/tasks/000004.sst"));
        return task;
    }
}
