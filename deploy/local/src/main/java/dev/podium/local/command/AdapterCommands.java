package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What the rounds published. */
@Command(name = "adapters", description = "Adapters and models: list, show, fetch, explain where one comes from.")
final class AdapterCommands {
    private final Session session;

    AdapterCommands(Session session) {
        this.session = session;
    }

    @Command(name = "list", description = "Lists a project's adapters.")
    int list(@Option(names = "--project", required = true) String project, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode adapters = api.get(Api.path("projects", project, "adapters"));
            if (json.json) {
                session.printJson(adapters);
            } else {
                session.printTable(
                        adapters, "version", "kind", "roundKind", "baseModel.name", "rankingsUsed", "createdAt");
            }
            return 0;
        }
    }

    @Command(name = "show", description = "Prints an adapter's manifest.")
    int show(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "VERSION") String version,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return print(Api.path("projects", project, "adapters", version), json.json);
    }

    @Command(
            name = "lineage",
            aliases = "explain",
            description = "Names the round, the data set, the rankings and the labelers behind an adapter.")
    int lineage(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "VERSION") String version,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return print(Api.path("projects", project, "adapters", version, "lineage"), json.json);
    }

    @Command(
            name = "fetch",
            description = {
                "Fetches an adapter (PEFT's form) or a whole model (Hugging Face's) into a folder, verified.",
                "A model goes to the models folder as PROJECT.VERSION, an adapter to ./VERSION, unless --to says else."
            })
    int fetch(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "VERSION") String version,
            @Option(names = "--to", description = "folder that does not exist yet") Optional<Path> to)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            Path fetched = AdapterDownload.fetch(api, project, version, to, session.modelsFolder());
            session.out().println(fetched);
            session.out().flush();
            return 0;
        }
    }

    private int print(String path, boolean json) throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode answer = api.get(path);
            if (json) {
                session.printJson(answer);
            } else {
                session.printPretty(answer);
            }
            return 0;
        }
    }
}
