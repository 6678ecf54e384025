package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** People and services who log in. */
@Command(name = "user", description = "People and services: add, list.")
final class UserCommand {
    /** Who may do what. */
    enum Role {
        ADMINISTRATOR,
        OPERATOR,
        LABELER,
        SERVICE
    }

    private final Session session;

    UserCommand(Session session) {
        this.session = session;
    }

    @Command(name = "add", description = "Adds a user; a password is generated and printed unless one is given.")
    int add(
            @Parameters(paramLabel = "NAME") String name,
            @Option(names = "--role", defaultValue = "LABELER", description = "${COMPLETION-CANDIDATES}") Role role,
            @Option(names = "--project", description = "where the role holds; may be repeated, 'all' for every project")
                    @Nullable
                    List<String> projects,
            @Option(names = "--password-stdin", description = "read the password from standard input")
                    boolean passwordFromInput,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        String password = passwordFromInput ? firstLine() : generate();
        try (Api api = session.api()) {
            String roleName = role.name().toLowerCase(java.util.Locale.ROOT);
            List<String> where = projects == null
                    ? List.of()
                    : projects.stream().map(p -> p.equals("all") ? "*" : p).toList();
            api.post("/users", Map.of("name", name, "password", password, "role", roleName, "projects", where));
            if (json.json) {
                Map<String, String> answer = passwordFromInput
                        ? Map.of("name", name, "role", roleName)
                        : Map.of("name", name, "role", roleName, "password", password);
                session.printJson(new com.fasterxml.jackson.databind.ObjectMapper().valueToTree(answer));
            } else {
                session.out().println(roleName + " " + name + " is added");
                if (where.isEmpty() && role != Role.ADMINISTRATOR) {
                    session.out().println("in no project yet: ./podium member add " + name + " --project P");
                }
                if (!passwordFromInput) {
                    session.out().println("password: " + password);
                }
            }
            return 0;
        }
    }

    @Command(name = "list", description = "Lists the users.")
    int list(@Mixin JsonOption json) throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode users = api.get("/users");
            if (json.json) {
                session.printJson(users);
            } else {
                session.printTable(users, "name", "role", "projects");
            }
            return 0;
        }
    }

    private static String generate() {
        byte[] random = new byte[12];
        new SecureRandom().nextBytes(random);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(random);
    }

    private static String firstLine() throws IOException {
        String line = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)).readLine();
        if (line == null || line.isEmpty()) {
            throw new IllegalArgumentException("standard input holds no password");
        }
        return line;
    }
}
