package dev.podium.local.command;

import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Exports the decided pairs of a project. */
@Command(name = "export", description = "Writes the decided pairs as JSON lines.")
final class ExportCommand implements Callable<Integer> {
    private final Session session;

    @Option(names = "--project", required = true)
    private String project = "";

    @Option(names = "--format", defaultValue = "trl", description = "trl, trl-conversational or preferences")
    private String format = "trl";

    @Option(names = "--output", description = "a file; standard output when absent")
    private Optional<Path> output = Optional.empty();

    ExportCommand(Session session) {
        this.session = session;
    }

    @Override
    public Integer call() throws ApiException, StackException, IOException {
        try (Api api = session.api();
                InputStream lines = api.stream(Api.path("projects", project, "export") + "?format=" + format)) {
            if (output.isPresent()) {
                // A half-written export must not look like a whole one.
                Path file = output.get().toAbsolutePath();
                Path aside = file.resolveSibling(file.getFileName() + ".part");
                Files.copy(lines, aside, StandardCopyOption.REPLACE_EXISTING);
                Files.move(aside, file, StandardCopyOption.REPLACE_EXISTING);
            } else {
                new InputStreamReader(lines, StandardCharsets.UTF_8).transferTo(session.out());
                session.out().flush();
            }
            return 0;
        }
    }
}
