package dev.podium.local.stack;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Process id and start time of a child: with both, a process is found again, and never another one of that id. */
record PidFile(Path file) {
    void write(ProcessHandle process) throws IOException {
        Files.writeString(file, process.pid() + "\n" + started(process) + "\n");
    }

    void delete() throws IOException {
        Files.deleteIfExists(file);
    }

    /** The process that was written, if it still lives. */
    Optional<ProcessHandle> alive() throws IOException {
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        List<String> lines = Files.readAllLines(file);
        if (lines.size() < 2 || !lines.get(0).matches("\\d{1,18}")) {
            return Optional.empty();
        }
        return ProcessHandle.of(Long.parseLong(lines.get(0)))
                .filter(ProcessHandle::isAlive)
                .filter(process -> started(process).equals(lines.get(1)));
    }

    /** Ends what an earlier run left behind. */
    boolean reap() throws IOException {
        Optional<ProcessHandle> leftover = alive();
        if (leftover.isPresent()) {
            leftover.get().destroyForcibly();
            try {
                leftover.get().onExit().get(10, TimeUnit.SECONDS);
            } catch (ExecutionException | TimeoutException e) {
                throw new IOException("process " + leftover.get().pid() + " of an earlier run does not end", e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted", e);
            }
        }
        delete();
        return leftover.isPresent();
    }

    private static String started(ProcessHandle process) {
        return process.info().startInstant().map(Instant::toString).orElse("unknown");
    }
}
