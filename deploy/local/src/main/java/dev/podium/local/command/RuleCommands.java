package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What Podium does by itself. */
@Command(name = "rules", description = "Rules: rounds that start by themselves, what follows from A/B tests.")
final class RuleCommands {
    private final Session session;

    RuleCommands(Session session) {
        this.session = session;
    }

    @Command(name = "list", description = "Lists a project's rules.")
    int list(@Option(names = "--project", required = true) String project, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return session.list(
                Api.path("projects", project, "rules"),
                json.json,
                "name",
                "enabled",
                "newDecidedTasks",
                "nextAt",
                "setBy",
                "rule");
    }

    @Command(name = "log", description = "Lists what rules have decided, and why, newest first.")
    int log(@Option(names = "--project", required = true) String project, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return session.list(
                Api.path("projects", project, "rules", "decisions"), json.json, "at", "rule", "decision", "reason");
    }

    @Command(name = "set", description = "Sets a rule from a file; it stays off unless the file says enabled: true.")
    int set(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "NAME") String name,
            @Parameters(paramLabel = "FILE", description = "YAML or JSON") Path file,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        JsonNode rule = new YAMLMapper().readTree(Files.readString(file));
        return put(project, name, rule, json.json);
    }

    @Command(name = "on", description = "Turns a rule on.")
    int on(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "NAME") String name,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return turn(project, name, true, json.json);
    }

    @Command(name = "off", description = "Turns a rule off; rounds that it has planned go on.")
    int off(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "NAME") String name,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return turn(project, name, false, json.json);
    }

    @Command(name = "delete", description = "Removes a rule.")
    int delete(
            @Option(names = "--project", required = true) String project, @Parameters(paramLabel = "NAME") String name)
            throws ApiException, StackException, IOException {
        return session.act(
                api -> api.delete(Api.path("projects", project, "rules", name)), "rule " + name + " is gone");
    }

    private int turn(String project, String name, boolean enabled, boolean json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            for (JsonNode rule : api.get(Api.path("projects", project, "rules"))) {
                if (rule.path("name").asText().equals(name) && rule.path("rule") instanceof ObjectNode body) {
                    return put(project, name, body.put("enabled", enabled), json);
                }
            }
        }
        throw new IllegalArgumentException("there is no rule " + name + " in " + project);
    }

    private int put(String project, String name, JsonNode rule, boolean json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode set = api.put(Api.path("projects", project, "rules", name), rule, Map.of());
            if (json) {
                session.printJson(set);
            } else {
                session.out()
                        .println("rule " + name + " is set, and "
                                + (set.path("enabled").asBoolean()
                                        ? "on"
                                        : "off; turn it on by ./podium rules on " + name + " --project " + project));
                session.out().flush();
            }
            return 0;
        }
    }
}
