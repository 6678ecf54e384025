package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Pointers that services follow. */
@Command(name = "channel", description = "Channels: list, promote, rollback, loads.")
final class ChannelCommands {
    private final Session session;

    ChannelCommands(Session session) {
        this.session = session;
    }

    @Command(name = "list", description = "Lists a project's channels.")
    int list(@Option(names = "--project", required = true) String project, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return table(
                Api.path("projects", project, "channels"),
                json.json,
                "channel",
                "version",
                "sequence",
                "changedBy",
                "at",
                "reason");
    }

    @Command(name = "loads", description = "Lists what each service runs, or why it refused.")
    int loads(@Option(names = "--project", required = true) String project, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return table(
                Api.path("projects", project, "loads"),
                json.json,
                "instanceId",
                "channel",
                "status",
                "runningVersion",
                "swapMillis",
                "problem");
    }

    @Command(name = "promote", description = "Points a channel to an adapter version.")
    int promote(
            @Option(names = "--project", required = true) String project,
            @Option(names = "--channel", defaultValue = "production") String channel,
            @Option(names = "--reason") Optional<String> reason,
            @Parameters(paramLabel = "VERSION", description = "'base' for the base model without an adapter")
                    String version,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        ObjectNode body = new ObjectMapper().createObjectNode();
        if (version.equals("base")) {
            body.putNull("version");
        } else {
            body.put("version", version);
        }
        reason.ifPresent(text -> body.put("reason", text));
        try (Api api = session.api()) {
            return print(api.put(Api.path("projects", project, "channels", channel), body, Map.of()), json.json);
        }
    }

    @Command(name = "rollback", description = "Points a channel to what it pointed to before.")
    int rollback(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "CHANNEL", defaultValue = "production", description = "${DEFAULT-VALUE}")
                    String channel,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            // Sent twice, it is one step back all the same.
            Map<String, String> once =
                    Map.of("Idempotency-Key", UUID.randomUUID().toString());
            return print(
                    api.post(Api.path("projects", project, "channels", channel, "rollback"), Map.of(), once)
                            .orElseThrow(),
                    json.json);
        }
    }

    private int table(String path, boolean json, String... fields) throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode rows = api.get(path);
            if (json) {
                session.printJson(rows);
            } else {
                session.printTable(rows, fields);
            }
            return 0;
        }
    }

    private int print(JsonNode pointer, boolean json) {
        if (json) {
            session.printJson(pointer);
        } else {
            session.out()
                    .println(pointer.path("channel").asText() + " -> "
                            + pointer.path("version").asText("the base model") + " (change "
                            + pointer.path("sequence").asText() + ")");
        }
        return 0;
    }
}
