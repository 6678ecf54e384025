package dev.podium.local.stack;

import dev.podium.embedded.OwnSession;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A child process that is started again when it ends by itself, later and later.
 *
 * <p>Its standard input is a pipe that we never write to: it ends when this JVM dies, whatever the reason, and the child
 * takes that as its own end.
 */
final class SupervisedProcess implements AutoCloseable {
    private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);
    private static final Duration HEALTHY = Duration.ofMinutes(1);
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(15);
    private static final Duration LOG_TIMEOUT = Duration.ofSeconds(2);

    private final String name;
    private final List<String> command;
    private final Map<String, String> environment;
    private final RotatedLog log;
    private final PidFile pidFile;
    private final Consumer<String> notices;
    private @Nullable Process process;
    private boolean stopping;
    private int restarts;

    SupervisedProcess(
            String name,
            List<String> command,
            Map<String, String> environment,
            Path logFile,
            PidFile pidFile,
            Consumer<String> notices) {
        this.name = name;
        // Ctrl-C in the terminal must reach the launcher only: it stops the others in order.
        this.command = OwnSession.of(command);
        this.environment = Map.copyOf(environment);
        this.log = new RotatedLog(logFile);
        this.pidFile = pidFile;
        this.notices = notices;
    }

    void start() throws IOException {
        Process started = launch();
        Thread supervisor = new Thread(() -> supervise(started), "supervise-" + name);
        supervisor.setDaemon(true);
        supervisor.start();
    }

    synchronized boolean isAlive() {
        return process != null && process.isAlive();
    }

    /** Process id of the current incarnation; -1 before the first. */
    synchronized long pid() {
        return process == null ? -1 : process.pid();
    }

    /** How often it was started again. */
    synchronized int restarts() {
        return restarts;
    }

    /** SIGKILL, as a crash would; the supervisor starts it again. */
    synchronized void kill() {
        if (process != null) {
            process.toHandle().destroyForcibly();
        }
    }

    String logTail(int lines) {
        return log.tail(lines);
    }

    /** Asks it to end; {@link #close()} waits. */
    synchronized void stop() {
        stopping = true;
        notifyAll();
        if (process != null) {
            // Not Process.destroy(): that closes the pipe that the last lines of the log come through.
            process.toHandle().destroy();
        }
    }

    @Override
    public void close() throws IOException {
        stop();
        Process last;
        synchronized (this) {
            last = process;
        }
        if (last != null && !awaitEnd(last)) {
            last.destroyForcibly();
            awaitEnd(last);
        }
        pidFile.delete();
    }

    private synchronized Process launch() throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().putAll(environment);
        Process started = builder.start();
        process = started;
        try {
            pidFile.write(started.toHandle());
        } catch (IOException e) {
            // A process that no later run could find again is worse than none.
            started.destroyForcibly();
            throw e;
        }
        return started;
    }

    private void supervise(Process first) {
        Process current = first;
        Duration pause = FIRST_PAUSE;
        while (true) {
            long startedNanos = System.nanoTime();
            int status = follow(current);
            if (System.nanoTime() - startedNanos > HEALTHY.toNanos()) {
                pause = FIRST_PAUSE;
            }
            synchronized (this) {
                if (stopping) {
                    return;
                }
                notices.accept(
                        name + " ended with status " + status + "; starting it again in " + pause.toSeconds() + " s");
                if (waitedForStop(pause)) {
                    return;
                }
                restarts++;
                while (true) {
                    try {
                        current = launch();
                        break;
                    } catch (IOException e) {
                        notices.accept(name + " cannot be started again, trying on: " + e.getMessage());
                        if (waitedForStop(LONGEST_PAUSE)) {
                            return;
                        }
                    }
                }
            }
            pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
        }
    }

    /** Waits for the end of the process itself: a child of its own may hold the pipe of its log for longer. */
    private int follow(Process current) {
        Thread copier = new Thread(() -> copyLog(current), "log-" + name);
        copier.setDaemon(true);
        copier.start();
        while (true) {
            try {
                int status = current.waitFor();
                if (!copier.join(LOG_TIMEOUT)) {
                    current.getInputStream().close();
                }
                return status;
            } catch (InterruptedException e) {
                // Nobody interrupts this thread; the process decides when it ends.
                current.destroy();
            } catch (IOException e) {
                notices.accept("the log of " + name + " cannot be closed: " + e.getMessage());
                return current.exitValue();
            }
        }
    }

    private void copyLog(Process current) {
        try {
            log.copy(current.getInputStream());
        } catch (IOException e) {
            if (current.isAlive()) {
                notices.accept("the log of " + name + " is lost: " + e.getMessage());
            }
        }
    }

    /** Waits with the lock given up, so that a stop is seen at once. */
    private synchronized boolean waitedForStop(Duration pause) {
        long deadlineNanos = System.nanoTime() + pause.toNanos();
        while (!stopping) {
            long left = TimeUnit.NANOSECONDS.toMillis(deadlineNanos - System.nanoTime());
            if (left <= 0) {
                return false;
            }
            try {
                wait(left);
            } catch (InterruptedException e) {
                return true;
            }
        }
        return true;
    }

    private static boolean awaitEnd(Process process) {
        try {
            return process.waitFor(STOP_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
