package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.smallrye.config.ConfigSourceContext;
import io.smallrye.config.ConfigSourceFactory;
import io.smallrye.config.ConfigValue;
import io.smallrye.config.PropertiesConfigSource;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.eclipse.microprofile.config.spi.ConfigSource;

/**
 * The default of {@code podium.instance-id}: a name that a process has again after a restart and that no other has, made
 * of its host and its folder of stores, which two processes cannot share. The group of consumers knows it by that name.
 */
public final class InstanceIdSource implements ConfigSourceFactory {
    private static final String NAME = "podium.instance-id";
    // Below application.properties and the environment.
    private static final int ORDINAL = 100;

    @Override
    public Iterable<ConfigSource> getConfigSources(ConfigSourceContext context) {
        ConfigValue given = context.getValue(NAME);
        // Quarkus keeps what it found while it built as the lowest of defaults: the name of the machine that built.
        if (given != null && given.getValue() != null && given.getConfigSourceOrdinal() > ORDINAL) {
            return List.of();
        }
        ConfigValue folder = context.getValue("podium.work.dir");
        Path work = Path.of(folder == null || folder.getValue() == null ? "" : folder.getValue());
        return List.of(new PropertiesConfigSource(Map.of(NAME, of(host(work), work)), "instance id", ORDINAL));
    }

    static String of(String host, Path folder) {
        String place = host + "\n" + folder.toAbsolutePath().normalize();
        return "ranking-stream-" + UUID.nameUUIDFromBytes(place.getBytes(UTF_8));
    }

    private static String host(Path folder) {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return kept(folder);
        }
    }

    /** A host without a name that can be looked up: a random one instead, which stays in the folder. */
    static String kept(Path folder) {
        Path file = folder.resolve("instance-id");
        try {
            if (!Files.exists(file)) {
                Files.createDirectories(folder.toAbsolutePath());
                Files.writeString(file, UUID.randomUUID().toString(), StandardOpenOption.CREATE_NEW);
            }
            return Files.readString(file);
        } catch (IOException e) {
            throw new IllegalStateException(
                    "this host has no name, and " + file + " cannot be kept: set PODIUM_INSTANCE_ID to a name that no"
                            + " other ranking-stream has",
                    e);
        }
    }
}
