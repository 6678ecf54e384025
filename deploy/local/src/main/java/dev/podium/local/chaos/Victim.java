package dev.podium.local.chaos;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A process that is started again whenever it ends, as an orchestrator would, unless it is held down. Its standard input
 * is a pipe of this JVM and ends with it, which the child takes as its own end.
 */
final class Victim implements AutoCloseable {
    private static final long CHECK_MILLIS = 200;
    private static final long PAUSE_MILLIS = 1_000;
    private static final long STOP_SECONDS = 20;

    private final String name;
    private final List<String> command;
    private final Map<String, String> environment;
    private final File log;
    private final Consumer<String> notices;
    private @Nullable Process process;
    private boolean heldDown;
    private boolean killed;
    private boolean closing;
    private int endedByItself;

    Victim(String name, List<String> command, Map<String, String> environment, Path log, Consumer<String> notices) {
        this.name = name;
        this.command = List.copyOf(command);
        this.environment = Map.copyOf(environment);
        this.log = log.toFile();
        this.notices = notices;
    }

    void start() throws IOException {
        launch();
        Thread.ofPlatform().daemon().name("keep-" + name).start(this::keepAlive);
    }

    /** SIGKILL; it is started again at once. Returns when it is dead. */
    void kill() {
        end(false);
    }

    /** SIGKILL; it stays away until {@link #release()}. Returns when it is dead. */
    void holdDown() {
        end(true);
    }

    private void end(boolean hold) {
        Process victim;
        synchronized (this) {
            heldDown = hold;
            killed = true;
            victim = process;
        }
        if (victim != null) {
            victim.destroyForcibly();
            victim.onExit()
                    .completeOnTimeout(victim, STOP_SECONDS, TimeUnit.SECONDS)
                    .join();
        }
    }

    synchronized void release() {
        heldDown = false;
    }

    /** SIGSTOP: every thread stands still. */
    void freeze() throws IOException {
        signal("-STOP");
    }

    /** SIGCONT. */
    void thaw() throws IOException {
        signal("-CONT");
    }

    /** How often it ended without being killed. */
    synchronized int endedByItself() {
        return endedByItself;
    }

    @Override
    public void close() throws IOException {
        thaw();
        Process last;
        synchronized (this) {
            closing = true;
            last = process;
        }
        if (last == null) {
            return;
        }
        last.destroy();
        try {
            if (!last.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
                last.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            last.destroyForcibly();
        }
    }

    private void signal(String signal) throws IOException {
        long pid;
        synchronized (this) {
            if (process == null || !process.isAlive()) {
                return;
            }
            pid = process.pid();
        }
        try {
            new ProcessBuilder("kill", signal, Long.toString(pid))
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start()
                    .waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized void launch() throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log));
        builder.environment().putAll(environment);
        killed = false;
        process = builder.start();
    }

    private void keepAlive() {
        try {
            while (true) {
                TimeUnit.MILLISECONDS.sleep(CHECK_MILLIS);
                if (!startAgain()) {
                    return;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean startAgain() throws InterruptedException {
        synchronized (this) {
            if (closing) {
                return false;
            }
            if (heldDown || process == null || process.isAlive()) {
                return true;
            }
            if (!killed) {
                endedByItself++;
                notices.accept(name + " ended by itself with status " + process.exitValue());
                // Whatever ended it may do so again.
                wait(PAUSE_MILLIS);
                if (closing || heldDown) {
                    return true;
                }
            }
            try {
                launch();
            } catch (IOException e) {
                notices.accept(name + " cannot be started: " + e.getMessage());
            }
            return true;
        }
    }
}
