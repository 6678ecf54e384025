package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What programs log in with. */
@Command(name = "token", description = "Tokens of a project: make, list, revoke.")
final class TokenCommands {
    private final Session session;

    TokenCommands(Session session) {
        this.session = session;
    }

    @Command(name = "make", description = "Makes a token, which is printed once.")
    int make(
            @Option(names = "--project", required = true) String project,
            @Option(names = "--role", defaultValue = "SERVICE", description = "${COMPLETION-CANDIDATES}")
                    MemberCommands.Role role,
            @Option(names = "--days", defaultValue = "90", description = "until it ends") int days,
            @Option(names = "--reason", description = "for the audit log") Optional<String> reason,
            @Parameters(paramLabel = "NAME") String name,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        Map<String, Object> body =
                new HashMap<>(Map.of("name", name, "role", role.name().toLowerCase(Locale.ROOT), "days", days));
        reason.ifPresent(text -> body.put("reason", text));
        try (Api api = session.api()) {
            JsonNode made = api.post(Api.path("projects", project, "tokens"), body);
            if (json.json) {
                session.printJson(made);
            } else {
                session.out().println(made.path("token").asText());
            }
            return 0;
        }
    }

    @Command(name = "list", description = "Lists a project's tokens.")
    int list(@Option(names = "--project", required = true) String project, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return session.list(
                Api.path("projects", project, "tokens"),
                json.json,
                "id",
                "name",
                "role",
                "expiresAt",
                "lastUsedAt",
                "revokedAt");
    }

    @Command(name = "revoke", description = "Ends a token at once.")
    int revoke(@Option(names = "--project", required = true) String project, @Parameters(paramLabel = "ID") String id)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            api.delete(Api.path("projects", project, "tokens", id));
            session.out().println("token " + id + " is revoked");
            return 0;
        }
    }
}
