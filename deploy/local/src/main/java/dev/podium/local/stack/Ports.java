package dev.podium.local.stack;

import dev.podium.embedded.FreePort;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/**
 * The ports of a stack, all counted from the first one.
 *
 * @param first port of feedback-api, where people go
 */
public record Ports(int first) {
    /** The first port unless PODIUM_HTTP_PORT says otherwise. */
    public static final int DEFAULT_FIRST = 8080;

    private static final int KAFKA_OFFSET = 10;
    private static final int POSTGRES_OFFSET = 11;

    public Ports {
        if (first < 1 || first > 65535 - POSTGRES_OFFSET) {
            throw new IllegalArgumentException(
                    "PODIUM_HTTP_PORT must be between 1 and " + (65535 - POSTGRES_OFFSET) + ", not " + first);
        }
    }

    /** A block of ports that was free a moment ago. */
    public static Ports free() throws IOException {
        RandomGenerator random = RandomGenerator.getDefault();
        for (int attempt = 0; attempt < 50; attempt++) {
            // Below the range that systems take for outgoing connections.
            Ports ports = new Ports(random.nextInt(20_000, 32_000));
            if (ports.taken().isEmpty()) {
                return ports;
            }
        }
        throw new IOException("no block of 12 free ports was found");
    }

    public int of(Application application) {
        return first + application.portOffset();
    }

    public int kafka() {
        return first + KAFKA_OFFSET;
    }

    public int postgres() {
        return first + POSTGRES_OFFSET;
    }

    /** Those that somebody listens on, with what they are wanted for. */
    List<String> taken() {
        Map<String, Integer> wanted = new LinkedHashMap<>();
        for (Application application : Application.values()) {
            wanted.put(application.label(), of(application));
        }
        wanted.put("Kafka", kafka());
        wanted.put("PostgreSQL", postgres());
        List<String> taken = new ArrayList<>();
        wanted.forEach((name, port) -> {
            if (FreePort.isTaken(port)) {
                taken.add(port + " (" + name + ")");
            }
        });
        return taken;
    }
}
