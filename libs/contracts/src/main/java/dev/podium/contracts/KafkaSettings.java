package dev.podium.contracts;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.apache.kafka.clients.admin.AdminClientConfig;

/** Kafka client settings (addresses, TLS, SASL) from an application's configuration. */
public final class KafkaSettings {
    /** What configuration names begin with, e.g. {@code kafka.bootstrap.servers}. */
    public static final String PREFIX = "kafka.";

    private KafkaSettings() {}

    /**
     * The settings that every kind of client takes, as far as they are configured.
     *
     * @param lookup value of a configuration name, e.g. of {@code kafka.security.protocol}
     */
    public static Map<String, Object> from(Function<String, Optional<String>> lookup) {
        Map<String, Object> settings = new HashMap<>();
        for (String name : AdminClientConfig.configNames()) {
            lookup.apply(PREFIX + name).ifPresent(value -> settings.put(name, value));
        }
        return settings;
    }
}
