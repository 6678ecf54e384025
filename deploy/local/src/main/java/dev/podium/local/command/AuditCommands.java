package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Who did what, and why. */
@Command(name = "audit", description = "The audit log: list, verify.")
final class AuditCommands {
    private final Session session;

    AuditCommands(Session session) {
        this.session = session;
    }

    @Command(name = "list", description = "Lists the newest entries.")
    int list(
            @Option(names = "--project", description = "of this one only") Optional<String> project,
            @Option(names = "--limit", defaultValue = "50") int limit,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            String path = project.map(id -> Api.path("projects", id, "audit")).orElse("/audit");
            JsonNode entries = api.get(path + "?limit=" + limit);
            if (json.json) {
                session.printJson(entries);
            } else {
                session.printTable(
                        entries,
                        "sequence",
                        "at",
                        "actor",
                        "action",
                        "project",
                        "target",
                        "person",
                        "reason",
                        "detail");
            }
            return 0;
        }
    }

    @Command(name = "verify", description = "Looks whether the log is whole; the exit code is 1 when it is not.")
    int verify(
            @Option(names = "--head", description = "a hash noted earlier, which must still be in the log")
                    Optional<String> head,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode verdict =
                    api.get("/audit/verify" + head.map(hash -> "?head=" + hash).orElse(""));
            boolean whole = verdict.path("whole").asBoolean();
            if (json.json) {
                session.printJson(verdict);
            } else if (whole) {
                session.out()
                        .println("whole: " + verdict.path("entries").asLong() + " entries, head "
                                + verdict.path("head").asText());
            } else {
                session.err()
                        .println("podium: "
                                + (verdict.path("broken").isNumber()
                                        ? "entry " + verdict.path("broken").asLong() + " does not fit the chain"
                                        : "the hash " + head.orElse("") + " is not in the log: its end was cut off"));
            }
            return whole ? 0 : 1;
        }
    }
}
