package dev.podium.local.command;

import dev.podium.local.stack.Installation;
import dev.podium.local.stack.LocalStack;
import dev.podium.local.stack.StackException;
import dev.podium.local.stack.StackFolder;
import dev.podium.local.stack.StackOptions;
import dev.podium.local.stack.StackState;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Starts the local stack. */
@Command(name = "up", description = "Starts Kafka, PostgreSQL and the applications on this machine.")
final class UpCommand implements Callable<Integer> {
    private static final Duration DETACH_TIMEOUT = Duration.ofMinutes(5);

    private final Session session;

    @Option(names = "--detach", description = "return when everything is ready; stop it by ./podium down")
    private boolean detach;

    UpCommand(Session session) {
        this.session = session;
    }

    @Override
    public Integer call() throws StackException, IOException, InterruptedException {
        return detach ? startDetached() : runHere();
    }

    private int runHere() throws StackException, IOException, InterruptedException {
        long startedNanos = System.nanoTime();
        StackFolder folder = session.folder();
        LocalStack stack = LocalStack.start(StackOptions.all(
                folder,
                Installation.find(),
                session.ports(),
                line -> session.out().println(line)));
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            session.out().println("stopping");
            stack.close();
            stopped.countDown();
        }));
        session.out().printf("up in %.1f s%n%n", (System.nanoTime() - startedNanos) / 1e9);
        printAddress(
                folder, stack.url(), stack.operator().user(), stack.operator().password());
        session.out().println("Stop with Ctrl-C.");
        stopped.await();
        return 0;
    }

    private void printAddress(StackFolder folder, String url, String user, String password) {
        session.out().println("Podium      " + url);
        session.out().println("  console   " + url + "/console");
        session.out().println("  log-in    " + user + " / " + password);
        session.out().println("  logs      " + folder.logs());
        session.out().println();
        session.out().flush();
    }

    /** The same program without a terminal, which goes on when this one ends. */
    private int startDetached() throws StackException, IOException, InterruptedException {
        StackFolder folder = session.folder();
        Optional<StackState> before = StackState.running(folder);
        if (before.isPresent()) {
            throw new StackException("a stack already runs in " + folder.home() + " ("
                    + before.get().url() + "); stop it by ./podium down");
        }
        folder.create();
        Path log = folder.logs().resolve("launcher.log");
        // It will hold the first log-in.
        Files.deleteIfExists(log);
        Files.createFile(log, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Process launcher = new ProcessBuilder(detachedCommand())
                .redirectErrorStream(true)
                .redirectInput(new File("/dev/null"))
                .redirectOutput(log.toFile())
                .start();
        long deadlineNanos = System.nanoTime() + DETACH_TIMEOUT.toNanos();
        while (!Files.readString(log).contains("\nup in ")) {
            if (!launcher.isAlive() || System.nanoTime() > deadlineNanos) {
                launcher.destroy();
                session.err().println(Files.readString(log).strip());
                return 1;
            }
            TimeUnit.MILLISECONDS.sleep(100);
        }
        session.out().print(Files.readString(log).replace("Stop with Ctrl-C.", "Stop with ./podium down"));
        session.out().flush();
        return 0;
    }

    private static List<String> detachedCommand() {
        List<String> command = new ArrayList<>();
        // Its own session: the terminal's hang-up and Ctrl-C do not reach it.
        if (Files.isExecutable(Path.of("/usr/bin/setsid"))) {
            command.add("/usr/bin/setsid");
        } else {
            command.add("nohup");
        }
        command.add(ProcessHandle.current().info().command().orElse("java"));
        command.addAll(java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Podium.class.getName(), "up"));
        return command;
    }
}
