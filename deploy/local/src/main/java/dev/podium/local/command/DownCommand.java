package dev.podium.local.command;

import dev.podium.local.stack.LocalStack;
import dev.podium.local.stack.StackException;
import dev.podium.local.stack.StackState;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import picocli.CommandLine.Command;

/** Stops the stack of the folder. */
@Command(name = "down", description = "Stops the local stack; its data stay.")
final class DownCommand implements Callable<Integer> {
    private static final int TIMEOUT_SECONDS = 60;

    private final Session session;

    DownCommand(Session session) {
        this.session = session;
    }

    @Override
    public Integer call() throws StackException, IOException, InterruptedException {
        Optional<StackState> state = StackState.running(session.folder());
        Optional<ProcessHandle> launcher = state.flatMap(StackState::launcher);
        if (launcher.isEmpty()) {
            List<String> left = LocalStack.endLeftovers(session.folder());
            left.forEach(session.out()::println);
            if (left.isEmpty()) {
                session.out().println("nothing runs in " + session.folder().home());
            }
            return 0;
        }
        launcher.get().destroy();
        try {
            launcher.get().onExit().get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException | ExecutionException e) {
            launcher.get().destroyForcibly();
            session.err()
                    .println("the launcher did not stop within " + TIMEOUT_SECONDS
                            + " s and was killed; the next start clears what it left");
            return 1;
        }
        session.out().println("stopped");
        return 0;
    }
}
