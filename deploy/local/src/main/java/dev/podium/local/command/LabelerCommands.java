package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Where the work of people who rank has gone. */
@Command(name = "labelers", description = "Labelers: the adapters that learnt from one.")
final class LabelerCommands {
    private final Session session;

    LabelerCommands(Session session) {
        this.session = session;
    }

    @Command(
            name = "affected",
            description = "Lists the adapters that learnt from a labeler, directly or through one another.")
    int affected(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "LABELER") String labeler,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode adapters = api.get(Api.path("projects", project, "labelers", labeler, "adapters"));
            if (json.json) {
                session.printJson(adapters);
            } else if (adapters.isEmpty()) {
                session.out().println("no adapter of " + project + " learnt from " + labeler);
            } else {
                session.printTable(adapters, "version", "kind", "rankings", "through");
            }
            return 0;
        }
    }
}
