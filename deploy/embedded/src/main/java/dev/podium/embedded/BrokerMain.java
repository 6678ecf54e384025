package dev.podium.embedded;

import dev.podium.embedded.EmbeddedKafka.Listener;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The broker in a process of its own, so that it can be killed without its starter. Arguments: folder, port, and
 * {@code NAME:port:advertisedPort} for each further listener. Prints {@code ready}; ends with its standard input.
 */
public final class BrokerMain {
    private BrokerMain() {}

    /** Starts the broker. */
    public static void main(String[] arguments) throws IOException {
        List<Listener> more = new ArrayList<>();
        for (String argument : List.of(arguments).subList(2, arguments.length)) {
            String[] parts = argument.split(":");
            more.add(new Listener(parts[0], Integer.parseInt(parts[1]), Integer.parseInt(parts[2])));
        }
        EmbeddedKafka broker = EmbeddedKafka.start(
                Path.of(arguments[0]),
                Integer.parseInt(arguments[1]),
                // It is killed often: a restart waits this long for the former registration to end.
                Map.of("broker.session.timeout.ms", "6000"),
                more);
        System.out.println("ready");
        while (System.in.read() >= 0) {
            // Whatever comes is of no interest; only the end is.
        }
        broker.close();
        System.exit(0);
    }
}
