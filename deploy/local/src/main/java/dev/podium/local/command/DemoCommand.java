package dev.podium.local.command;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** Runs the whole loop without a hand. */
@Command(name = "demo", description = "Runs the whole loop without a hand, on data of its own.")
final class DemoCommand implements Callable<Integer> {
    private final Session session;

    DemoCommand(Session session) {
        this.session = session;
    }

    @Override
    public Integer call() {
        session.err().println("not yet");
        return 1;
    }
}
