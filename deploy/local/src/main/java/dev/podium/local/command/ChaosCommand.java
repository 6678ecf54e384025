package dev.podium.local.command;

import dev.podium.local.chaos.Chaos;
import dev.podium.local.chaos.ChaosOptions;
import dev.podium.local.stack.Installation;
import dev.podium.local.stack.StackException;
import dev.podium.local.stack.StackFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Hits a stack of its own, and proves that nothing was lost. */
@Command(
        name = "chaos",
        description = {
            "Starts a stack of its own and lets labelers submit and rounds run while processes are killed and frozen,"
                    + " servers stopped, connections cut, clocks moved and a disk filled; then checks every promise."
                    + " Exit code 0 only if every check passed. As root it can fill a disk, with a C compiler move a"
                    + " clock; what it cannot do is skipped, and said."
        })
final class ChaosCommand implements Callable<Integer> {
    private static final String DEFAULT_FOLDER = ".podium-chaos";
    private static final int TASKS = 120;
    private static final int LABELERS = 20;

    private final Session session;

    @Option(names = "--faults", defaultValue = "100", description = "how many (${DEFAULT-VALUE})")
    private int faults;

    @Option(names = "--seed", defaultValue = "1", description = "the same seed gives the same plan (${DEFAULT-VALUE})")
    private long seed;

    @Option(names = "--report", description = "write plan, work and checks as JSON")
    private Optional<Path> report = Optional.empty();

    @Option(names = "--folder", description = "of the data; emptied first (.podium-chaos)")
    private Optional<Path> folder = Optional.empty();

    ChaosCommand(Session session) {
        this.session = session;
    }

    @Override
    public Integer call() throws Exception {
        Path home = folder.orElse(Installation.find().root().resolve(DEFAULT_FOLDER))
                .toAbsolutePath();
        refuseOtherFolders(home);
        ChaosOptions options = new ChaosOptions(home, faults, seed, Long.MAX_VALUE, TASKS, LABELERS, report);
        return new Chaos(options, session.out()).run() ? 0 : 1;
    }

    /** The folder will be emptied: only one that a run made, or none at all. */
    private static void refuseOtherFolders(Path home) throws IOException, StackException {
        if (Files.isDirectory(home)) {
            boolean empty;
            try (var files = Files.list(home)) {
                empty = files.findAny().isEmpty();
            }
            if (!empty && !Files.exists(home.resolve(ChaosOptions.MARKER))) {
                throw new StackException(home + " was not made by a chaos run, so it is not emptied; choose another"
                        + " --folder or delete it yourself");
            }
        }
        if (new StackFolder(home).isLocked()) {
            throw new StackException("a stack runs in " + home + "; choose another --folder");
        }
    }
}
