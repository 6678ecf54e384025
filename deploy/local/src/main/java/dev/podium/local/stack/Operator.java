package dev.podium.local.stack;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Optional;

/** The first log-in of a local stack, kept for the command line in a file of mode 600. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Operator(String url, String user, String password) {
    /** The password alone, as the stack's start reads it. */
    static final String PASSWORD_FILE = "operator-password";

    private static final ObjectMapper JSON = new ObjectMapper();

    /** As written by the last start of the stack in this folder. */
    public static Optional<Operator> read(StackFolder folder) throws IOException {
        return Files.exists(folder.operatorFile())
                ? Optional.of(JSON.readValue(folder.operatorFile().toFile(), Operator.class))
                : Optional.empty();
    }

    /** The same with another password. */
    public Operator withPassword(String other) {
        return new Operator(url, user, other);
    }

    /** Keeps it in the folder, also for the next start of the stack. */
    public void write(StackFolder folder) throws IOException {
        StackFolder.writePrivate(folder.home().resolve(PASSWORD_FILE), password);
        StackFolder.writePrivate(
                folder.operatorFile(), JSON.writerWithDefaultPrettyPrinter().writeValueAsString(this));
    }

    @Override
    public String toString() {
        return "Operator[" + user + " at " + url + "]";
    }
}
