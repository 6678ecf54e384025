package dev.podium.training.round;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorkFolderTest {
    @TempDir
    Path folder;

    /** Another trainer took the round over and ended it: nobody tells this one. */
    @Test
    void whatNoRoundHereGoesOnWithGoesAfterAWeek() throws IOException {
        try (WorkFolder work = WorkFolder.open(folder)) {
            untouched(work, "taken-over", 8);
            untouched(work, "waits here", 8);
            untouched(work, "taken-over-yesterday", 1);

            work.prune(Set.of("waits here"));

            Set<Path> kept = Set.of(work.round("waits here"), work.round("taken-over-yesterday"));
            try (Stream<Path> all = Files.list(folder.resolve("rounds"))) {
                assertEquals(kept, all.collect(Collectors.toSet()));
            }
        }
    }

    private static void untouched(WorkFolder work, String roundId, int days) throws IOException {
        Path round = work.round(roundId);
        Path member = Files.createDirectories(round.resolve("member-1"));
        Path checkpoint = Files.writeString(member.resolve("checkpoint.bin"), "4 1.0");
        FileTime written = FileTime.from(Instant.now().minus(Duration.ofDays(days)));
        FileTime longAgo = FileTime.from(Instant.now().minus(Duration.ofDays(30)));
        Files.setLastModifiedTime(checkpoint, written);
        Files.setLastModifiedTime(member, longAgo);
        Files.setLastModifiedTime(round, longAgo);
    }
}
