package dev.podium.local.stack;

import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * How a stack is started.
 *
 * @param applications which of them; all by default
 * @param environment added to every application's, e.g. PODIUM_THREADS
 * @param notices takes one line per event: ready, restarted, left behind
 */
public record StackOptions(
        StackFolder folder,
        Installation installation,
        Ports ports,
        List<Application> applications,
        Map<String, String> environment,
        Consumer<String> notices) {
    public StackOptions {
        applications = List.copyOf(applications);
        environment = Map.copyOf(environment);
    }

    /** Every application. */
    public static StackOptions all(
            StackFolder folder, Installation installation, Ports ports, Consumer<String> notices) {
        return new StackOptions(folder, installation, ports, List.of(Application.values()), Map.of(), notices);
    }

    /** The same with more environment for the applications. */
    public StackOptions with(Map<String, String> more) {
        return new StackOptions(folder, installation, ports, applications, more, notices);
    }
}
