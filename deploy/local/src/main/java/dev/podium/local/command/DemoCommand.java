package dev.podium.local.command;

import dev.podium.local.client.ApiException;
import dev.podium.local.demo.Demo;
import dev.podium.local.demo.DemoOptions;
import dev.podium.local.stack.Installation;
import dev.podium.local.stack.StackException;
import dev.podium.local.stack.StackFolder;
import dev.podium.local.stack.StackState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Runs the whole loop without a hand. */
@Command(
        name = "demo",
        description = {
            "Runs the whole loop without a hand, on fresh data of its own: import, sample, rank (by simulated labelers),"
                    + " REWARD, DPO, PPO, promote, swap, win rate. Exit code 0 only if every check passed."
        })
final class DemoCommand implements Callable<Integer> {
    private static final String DEFAULT_FOLDER = ".podium-demo";

    /** How the simulated labelers rank. */
    enum Labelers {
        RUBRIC,
        RANDOM
    }

    private final Session session;

    @Option(names = "--model", defaultValue = "podium-nano", description = "base model (${DEFAULT-VALUE})")
    private String model = "podium-nano";

    @Option(names = "--report", description = "write the figures and checks as JSON")
    private Optional<Path> report = Optional.empty();

    @Option(names = "--labelers", defaultValue = "RUBRIC", description = "rubric, or random, which must fail")
    private Labelers labelers = Labelers.RUBRIC;

    @Option(names = "--seed", defaultValue = "1")
    private long seed = 1;

    @Option(names = "--folder", description = "of the demo's data; emptied first (.podium-demo)")
    private Optional<Path> folder = Optional.empty();

    DemoCommand(Session session) {
        this.session = session;
    }

    @Override
    public Integer call() throws StackException, ApiException, IOException, InterruptedException {
        Path root = Installation.find().root();
        Path home = folder.orElse(root.resolve(DEFAULT_FOLDER)).toAbsolutePath();
        refuseOtherFolders(home);
        String models = session.environment().getOrDefault("PODIUM_MODELS_DIR", "");
        DemoOptions options = new DemoOptions(
                model,
                home,
                models.isBlank()
                        ? root.resolve(".podium/models")
                        : Path.of(models).toAbsolutePath(),
                report,
                labelers == Labelers.RANDOM,
                seed,
                Session.isTerminal());
        return new Demo(options, session.out()).run() ? 0 : 1;
    }

    /** The folder will be emptied: only one that a demo made, or none at all. */
    private static void refuseOtherFolders(Path home) throws IOException, StackException {
        if (Files.isDirectory(home)) {
            boolean empty;
            try (var files = Files.list(home)) {
                empty = files.findAny().isEmpty();
            }
            if (!empty && !Files.exists(home.resolve(Demo.MARKER))) {
                throw new StackException(home + " was not made by a demo, so it is not emptied; choose another --folder"
                        + " or delete it yourself");
            }
        }
        if (new StackFolder(home).isLocked()) {
            throw new StackException("a demo already runs in " + home + "; wait for it, or choose another --folder");
        }
        Optional<StackState> running = StackState.running(new StackFolder(home));
        if (running.isPresent()) {
            throw new StackException("a demo already runs in " + home + " ("
                    + running.get().url() + "); wait for it, or choose another --folder");
        }
    }
}
