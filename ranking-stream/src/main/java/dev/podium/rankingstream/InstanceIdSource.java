package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.smallrye.config.ConfigSourceContext;
import io.smallrye.config.ConfigSourceFactory;
import io.smallrye.config.ConfigValue;
import io.smallrye.config.PropertiesConfigSource;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
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
        ConfigValue folder = context.getValue("podium.work.dir");
        String value = folder == null || folder.getValue() == null ? "" : folder.getValue();
        return List.of(new PropertiesConfigSource(Map.of(NAME, of(host(), Path.of(value))), "instance id", ORDINAL));
    }

    static String of(String host, Path folder) {
        String place = host + "\n" + folder.toAbsolutePath().normalize();
        return "ranking-stream-" + UUID.nameUUIDFromBytes(place.getBytes(UTF_8));
    }

    private static String host() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            // No name: the folder alone has to do.
            return "localhost";
        }
    }
}
