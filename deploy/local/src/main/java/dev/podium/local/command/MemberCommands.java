package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Who is in a project. */
@Command(name = "member", description = "Members of a project: add, list, remove.")
final class MemberCommands {
    /** What one is in a project. */
    enum Role {
        OPERATOR,
        LABELER,
        SERVICE
    }

    private final Session session;

    MemberCommands(Session session) {
        this.session = session;
    }

    @Command(name = "add", description = "Makes a user a member, or gives a member another role.")
    int add(
            @Option(names = "--project", required = true) String project,
            @Option(names = "--role", defaultValue = "LABELER", description = "${COMPLETION-CANDIDATES}") Role role,
            @Parameters(paramLabel = "NAME") String name,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            String word = role.name().toLowerCase(Locale.ROOT);
            JsonNode member = api.put(Api.path("projects", project, "members", name), Map.of("role", word), Map.of());
            if (json.json) {
                session.printJson(member);
            } else {
                session.out().println(name + " is " + word + " in " + project);
            }
            return 0;
        }
    }

    @Command(name = "list", description = "Lists the members; those of every project are not among them.")
    int list(@Option(names = "--project", required = true) String project, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return session.list(Api.path("projects", project, "members"), json.json, "name", "role");
    }

    @Command(name = "remove", description = "Takes a member out of the project; what they ranked stays.")
    int remove(
            @Option(names = "--project", required = true) String project, @Parameters(paramLabel = "NAME") String name)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            api.delete(Api.path("projects", project, "members", name));
            session.out().println(name + " is out of " + project);
            return 0;
        }
    }
}
