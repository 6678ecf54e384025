package dev.podium.local.command;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Benchmarks; none is part of this version. */
@Command(name = "bench", description = "Runs a benchmark; one JSON line per figure.")
final class BenchCommand implements Callable<Integer> {
    private final Session session;

    @Parameters(arity = "0..1", paramLabel = "NAME", description = "which one; all when absent", defaultValue = "")
    private String name = "";

    BenchCommand(Session session) {
        this.session = session;
    }

    @Override
    public Integer call() {
        session.err()
                .println(
                        name.isEmpty()
                                ? "podium: there are no benchmarks yet"
                                : "podium: no benchmark named " + name + " yet");
        return 1;
    }
}
