package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Imports tasks, and the rankings that come with them. */
@Command(
        name = "import",
        description = "Imports JSON lines: Podium's own form, TRL, Anthropic HH or OpenAssistant trees.")
final class ImportCommand implements Callable<Integer> {
    private static final int ERRORS_SHOWN = 20;

    private final Session session;

    @Parameters(paramLabel = "FILE", description = "JSON lines, plain or .gz, or .parquet")
    private Path file = Path.of("");

    @Option(names = "--project", required = true, description = "made when it does not exist")
    private String project = "";

    @Option(names = "--format", defaultValue = "auto", description = "auto, podium, trl, hh or oasst")
    private String format = "auto";

    @Option(names = "--partial", description = "import the good lines of a file with bad ones")
    private boolean partial;

    @Option(names = "--base-model", defaultValue = "podium-nano", description = "of a project that is new")
    private String baseModel = "podium-nano";

    @Mixin
    private JsonOption json = new JsonOption();

    ImportCommand(Session session) {
        this.session = session;
    }

    @Override
    public Integer call() throws ApiException, StackException, IOException {
        if (!Files.isRegularFile(file)) {
            throw new NoSuchFileException(file.toString());
        }
        try (Api api = session.api()) {
            createWhenMissing(api);
            JsonNode report = api.upload(
                    Api.path("projects", project, "import") + "?format=" + format + "&partial=" + partial, file);
            print(report);
            return 0;
        } catch (ApiException e) {
            if (!e.body().has("errors")) {
                throw e;
            }
            print(e.body());
            session.err().println("podium: nothing was imported: " + e.getMessage());
            return 1;
        }
    }

    private void createWhenMissing(Api api) throws ApiException {
        try {
            api.get(Api.path("projects", project));
        } catch (ApiException e) {
            if (e.status() != 404) {
                throw e;
            }
            api.post("/projects", Map.of("id", project, "name", project, "baseModel", baseModel));
            session.err().println("project " + project + " is new; its base model is " + baseModel);
        }
    }

    private void print(JsonNode report) {
        if (json.json) {
            session.printJson(report);
            return;
        }
        session.out()
                .printf(
                        "%s: %d tasks, %d rankings, %d duplicates, %d skipped%n",
                        report.path("format").asText(),
                        report.path("tasks").asLong(),
                        report.path("rankings").asLong(),
                        report.path("duplicates").asLong(),
                        report.path("skipped").asLong());
        JsonNode errors = report.path("errors");
        for (int i = 0; i < Math.min(errors.size(), ERRORS_SHOWN); i++) {
            session.err()
                    .println("line " + errors.get(i).path("line").asLong() + ": "
                            + errors.get(i).path("message").asText());
        }
        if (errors.size() > ERRORS_SHOWN) {
            session.err().println("... and " + (errors.size() - ERRORS_SHOWN) + " more");
        }
    }
}
