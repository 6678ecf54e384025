package dev.podium.rankingstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.smallrye.config.ConfigSourceContext;
import io.smallrye.config.ConfigValue;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.config.spi.ConfigSource;
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

    /** Quarkus records every value that it finds while it builds, this one too. */
    @Test
    void theNameThatWasMadeWhereItWasBuiltIsNotTheProcessesOwn(@TempDir Path folder) {
        Optional<String> one = nameWhere(Integer.MIN_VALUE, "ranking-stream-of-the-build", folder.resolve("one"));
        Optional<String> two = nameWhere(Integer.MIN_VALUE, "ranking-stream-of-the-build", folder.resolve("two"));

        assertTrue(one.isPresent() && two.isPresent());
        assertNotEquals(one, two);
    }

    @Test
    void aNameThatWasGivenStays(@TempDir Path folder) {
        assertEquals(Optional.empty(), nameWhere(300, "pod-0", folder));
    }

    /** What the source adds where a source of this ordinal gives a name; empty: nothing. */
    private static Optional<String> nameWhere(int ordinal, String given, Path folder) {
        ConfigSourceContext context = new ConfigSourceContext() {
            @Override
            public ConfigValue getValue(String name) {
                boolean id = name.equals("podium.instance-id");
                return ConfigValue.builder()
                        .withName(name)
                        .withValue(id ? given : folder.toString())
                        .withConfigSourceOrdinal(id ? ordinal : 300)
                        .build();
            }

            @Override
            public List<String> getProfiles() {
                return List.of();
            }

            @Override
            public Iterator<String> iterateNames() {
                return List.of("podium.instance-id", "podium.work.dir").iterator();
            }
        };
        for (ConfigSource source : new InstanceIdSource().getConfigSources(context)) {
            return Optional.of(source.getValue("podium.instance-id"));
        }
        return Optional.empty();
    }
}
