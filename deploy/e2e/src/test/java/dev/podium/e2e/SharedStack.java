package dev.podium.e2e;

import dev.podium.embedded.testing.OidcServer;
import dev.podium.local.client.Api;
import dev.podium.local.stack.Application;
import dev.podium.local.stack.Installation;
import dev.podium.local.stack.LocalStack;
import dev.podium.local.stack.Ports;
import dev.podium.local.stack.StackException;
import dev.podium.local.stack.StackFolder;
import dev.podium.local.stack.StackOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One stack of real processes for all tests of this module, started when first asked for, stopped with the JVM. It has
 * no sample service. People can log in by an organisation, too. A test takes a project of its own; a test that kills a
 * process waits until it is ready again, one that holds the way to Kafka lets it go.
 */
final class SharedStack {
    private static @Nullable LocalStack stack;
    private static @Nullable Wire wayToKafka;

    private SharedStack() {}

    static synchronized LocalStack get() {
        LocalStack running = stack;
        if (running == null) {
            running = start();
            stack = running;
        }
        return running;
    }

    /** A connection as the operator; to be closed. */
    static Api operator() {
        LocalStack running = get();
        return new Api(
                running.url(), running.operator().user(), running.operator().password());
    }

    /** The way that applications take to find Kafka; connections that are there go on without it. */
    static synchronized Wire wayToKafka() {
        get();
        return Objects.requireNonNull(wayToKafka);
    }

    private static LocalStack start() {
        try {
            Path folder = Files.createTempDirectory("podium-e2e-");
            Ports ports = Ports.free();
            Wire wire = Wire.to(ports.kafka());
            wayToKafka = wire;
            OidcServer organisation = OidcServer.start();
            StackOptions options = new StackOptions(
                    new StackFolder(folder),
                    Installation.find(),
                    ports,
                    List.of(
                            Application.FEEDBACK_API,
                            Application.RANKING_STREAM,
                            Application.REWARD_TRAINER,
                            Application.POLICY_TRAINER),
                    // Its processes end before what the second compiler makes of them would pay.
                    Map.of(
                            "PODIUM_THREADS",
                            "1",
                            "JDK_JAVA_OPTIONS",
                            "-XX:TieredStopAtLevel=1",
                            "KAFKA_BOOTSTRAP_SERVERS",
                            wire.address(),
                            "PODIUM_OIDC_ENABLED",
                            "true",
                            "PODIUM_OIDC_URL",
                            organisation.url(),
                            "PODIUM_OIDC_CLIENT_ID",
                            OidcServer.CLIENT_ID,
                            "PODIUM_OIDC_SECRET",
                            OidcServer.CLIENT_SECRET),
                    line -> System.out.println("stack: " + line));
            LocalStack started = LocalStack.start(options);
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                started.close();
                delete(folder);
            }));
            return started;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (StackException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
    }

    private static void delete(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            System.err.println("left behind: " + folder + " (" + e + ")");
        }
    }
}
