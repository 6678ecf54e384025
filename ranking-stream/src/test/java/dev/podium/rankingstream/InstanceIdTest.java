package dev.podium.rankingstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InstanceIdTest {
    @Test
    void aProcessHasItsNameAgainAndNoOtherHasIt() {
        String name = InstanceIdSource.of("host-1", Path.of("work/stream"));

        assertEquals(name, InstanceIdSource.of("host-1", Path.of("work/other/../stream")));
        assertNotEquals(name, InstanceIdSource.of("host-1", Path.of("work/stream-2")));
        assertNotEquals(name, InstanceIdSource.of("host-2", Path.of("work/stream")));
    }

    @Test
    void withoutANameOfItsHostAProcessKeepsOneInItsFolder(@TempDir Path folder) {
        String name = InstanceIdSource.kept(folder.resolve("work"));

        assertEquals(name, InstanceIdSource.kept(folder.resolve("work")));
        assertNotEquals(name, InstanceIdSource.kept(folder.resolve("other")));
    }
}
