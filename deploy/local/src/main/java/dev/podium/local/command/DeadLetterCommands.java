package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Records that the stream could not use. */
@Command(name = "dead-letters", description = "Dead letters: list, replay.")
final class DeadLetterCommands {
    private final Session session;

    DeadLetterCommands(Session session) {
        this.session = session;
    }

    @Command(name = "list", description = "Lists the newest.")
    int list(@Option(names = "--limit", defaultValue = "50") int limit, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return session.list(
                "/dead-letters?limit=" + limit,
                json.json,
                "partition",
                "offset",
                "at",
                "reason",
                "topic",
                "origin",
                "eventId",
                "message");
    }

    @Command(name = "replay", description = "Sends one to the topic it came from, under the same event id.")
    int replay(
            @Parameters(paramLabel = "PARTITION", index = "0") int partition,
            @Parameters(paramLabel = "OFFSET", index = "1") long offset,
            @Option(names = "--dry-run", description = "only say what is wrong with it") boolean dryRun,
            @Option(names = "--reason", description = "for the audit log") Optional<String> reason,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        Map<String, Object> body = new HashMap<>(Map.of("dryRun", dryRun));
        reason.ifPresent(text -> body.put("reason", text));
        try (Api api = session.api()) {
            JsonNode done = api.post(
                    Api.path("dead-letters", Integer.toString(partition), Long.toString(offset), "replay"), body);
            if (json.json) {
                session.printJson(done);
            } else {
                String problem = done.path("problem").asText();
                session.out()
                        .println((dryRun ? "would be sent to " : "sent to ")
                                + done.path("topic").asText()
                                + (problem.isEmpty() ? "" : "; it would be refused again: " + problem));
            }
            return 0;
        }
    }
}
