package dev.podium.local.stack;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * What other commands need to know of the stack that runs in a folder.
 *
 * @param pid of the launcher
 * @param url of feedback-api
 * @param applications port of each application
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record StackState(
        long pid,
        String startInstant,
        String url,
        String bootstrapServers,
        String jdbcUrl,
        Map<String, Integer> applications) {
    private static final ObjectMapper JSON = new ObjectMapper();

    public StackState {
        applications = Map.copyOf(applications);
    }

    /** The stack that runs in the folder now, if one does. */
    public static Optional<StackState> running(StackFolder folder) throws IOException {
        Path file = folder.stateFile();
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        StackState state = JSON.readValue(file.toFile(), StackState.class);
        return state.launcher().isPresent() ? Optional.of(state) : Optional.empty();
    }

    /** The launcher's process while it lives. */
    public Optional<ProcessHandle> launcher() {
        return ProcessHandle.of(pid)
                .filter(ProcessHandle::isAlive)
                .filter(process -> startInstant(process).equals(startInstant));
    }

    void write(StackFolder folder) throws IOException {
        StackFolder.writePrivate(
                folder.stateFile(), JSON.writerWithDefaultPrettyPrinter().writeValueAsString(this));
    }

    static String startInstant(ProcessHandle process) {
        return process.info().startInstant().map(Object::toString).orElse("unknown");
    }
}
