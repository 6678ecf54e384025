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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** People and services who log in. */
@Command(name = "user", description = "People and services: add, list, password, disable, enable, remove, erase.")
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
            @Option(names = "--oidc", description = "logs in by the OpenID Connect provider, without a password")
                    boolean oidc,
            @Option(names = "--password-stdin", description = "read the password from standard input")
                    boolean passwordFromInput,
            @Option(names = "--returning", description = "the same person as the one of that name who was removed")
                    boolean returning,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        String password = oidc ? "" : passwordFromInput ? firstLine() : generate();
        try (Api api = session.api()) {
            String roleName = role.name().toLowerCase(java.util.Locale.ROOT);
            List<String> where = projects == null
                    ? List.of()
                    : projects.stream().map(p -> p.equals("all") ? "*" : p).toList();
            Map<String, Object> body = new HashMap<>(Map.of("name", name, "role", roleName, "projects", where));
            if (oidc) {
                body.put("oidc", true);
            } else {
                body.put("password", password);
            }
            if (returning) {
                body.put("returning", true);
            }
            api.post("/users", body);
            if (json.json) {
                Map<String, String> answer = passwordFromInput || oidc
                        ? Map.of("name", name, "role", roleName)
                        : Map.of("name", name, "role", roleName, "password", password);
                session.printJson(new com.fasterxml.jackson.databind.ObjectMapper().valueToTree(answer));
            } else {
                session.out().println(roleName + " " + name + " is added");
                if (where.isEmpty() && role != Role.ADMINISTRATOR) {
                    session.out().println("in no project yet: ./podium member add " + name + " --project P");
                }
                if (!passwordFromInput && !oidc) {
                    session.out().println("password: " + password);
                }
            }
            return 0;
        }
    }

    @Command(name = "list", description = "Lists the users.")
    int list(@Mixin JsonOption json) throws ApiException, StackException, IOException {
        return session.list("/users", json.json, "name", "role", "projects", "disabled");
    }

    @Command(name = "password", description = "Gives a user a new password, which is printed once.")
    int password(
            @Parameters(paramLabel = "NAME") String name,
            @Option(names = "--reason", description = "for the audit log") Optional<String> reason,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode made = api.put(Api.path("users", name, "password"), because(reason), Map.of());
            String password = made.path("password").asText();
            if (json.json) {
                session.printJson(made);
            } else {
                session.out().println("password: " + password);
            }
            if (session.keepPassword(name, password)) {
                session.err().println("kept in " + session.folder().operatorFile() + " for this command line");
            }
            return 0;
        }
    }

    @Command(name = "disable", description = "Keeps a user from logging in; tokens of theirs end.")
    int disable(
            @Parameters(paramLabel = "NAME") String name,
            @Option(names = "--reason", description = "for the audit log") Optional<String> reason)
            throws ApiException, StackException, IOException {
        return act(name, "disable", because(reason), " is disabled");
    }

    @Command(name = "enable", description = "Lets a user log in again.")
    int enable(
            @Parameters(paramLabel = "NAME") String name,
            @Option(names = "--reason", description = "for the audit log") Optional<String> reason)
            throws ApiException, StackException, IOException {
        return act(name, "enable", because(reason), " may log in again");
    }

    @Command(name = "remove", description = "Removes a user; their rankings stay under their name.")
    int remove(
            @Parameters(paramLabel = "NAME") String name,
            @Option(names = "--reason", description = "for the audit log") Optional<String> reason)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            String why = reason.map(text -> "?reason=" + java.net.URLEncoder.encode(text, StandardCharsets.UTF_8))
                    .orElse("");
            api.delete(Api.path("users", name) + why);
            session.out().println(name + " is removed");
            return 0;
        }
    }

    /** What becomes of an erased person's rankings. */
    enum Rankings {
        PSEUDONYM,
        RETRACT
    }

    @Command(name = "erase", description = "Erases a person: name and comments go from the database.")
    int erase(
            @Parameters(paramLabel = "NAME") String name,
            @Option(names = "--rankings", required = true, description = "${COMPLETION-CANDIDATES}") Rankings rankings,
            @Option(names = "--reason", description = "for the audit log; no personal data") Optional<String> reason,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            Map<String, String> body = new HashMap<>(because(reason));
            body.put("rankings", rankings.name().toLowerCase(java.util.Locale.ROOT));
            JsonNode erased = api.post(Api.path("users", name, "erase"), body);
            if (json.json) {
                session.printJson(erased);
            } else {
                session.out()
                        .println(erased.path("rankings").asLong() + " rankings "
                                + (erased.path("pseudonym").isTextual()
                                        ? "stay as " + erased.path("pseudonym").asText()
                                        : "are taken back"));
            }
            return 0;
        }
    }

    private int act(String name, String act, Map<String, String> body, String done)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            api.post(Api.path("users", name, act), body);
            session.out().println(name + done);
            return 0;
        }
    }

    private static Map<String, String> because(Optional<String> reason) {
        return reason.map(text -> Map.of("reason", text)).orElse(Map.of());
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
