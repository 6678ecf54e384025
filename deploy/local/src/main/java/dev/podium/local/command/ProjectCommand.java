package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Labeling projects. */
@Command(name = "project", description = "Labeling projects: create, list, progress.")
final class ProjectCommand {
    private final Session session;

    ProjectCommand(Session session) {
        this.session = session;
    }

    @Command(name = "create", description = "Creates a project.")
    int create(
            @Parameters(paramLabel = "ID") String id,
            @Option(names = "--name", description = "for people; the id when absent") Optional<String> name,
            @Option(names = "--base-model", defaultValue = "podium-nano") String baseModel,
            @Option(names = "--guidelines", description = "what labelers are asked to prefer")
                    Optional<String> guidelines,
            @Option(names = "--preset", description = "guidelines and rules to begin with; see project presets")
                    Optional<String> preset,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        Map<String, Object> body = new HashMap<>(Map.of("id", id, "name", name.orElse(id), "baseModel", baseModel));
        try (Api api = session.api()) {
            if (preset.isPresent()) {
                JsonNode found = preset(api, preset.get());
                body.put("guidelines", found.path("guidelines").asText());
                body.put("rules", found.path("rules"));
            }
            guidelines.ifPresent(text -> body.put("guidelines", text));
            JsonNode project = api.post("/projects", body);
            if (json.json) {
                session.printJson(project);
            } else {
                session.out().println("project " + id + " is created");
            }
            return 0;
        }
    }

    @Command(
            name = "change",
            description =
                    "Changes name, guidelines, rules (of tasks to come) and how work is given out; shows what holds.")
    int change(
            @Parameters(paramLabel = "ID") String id,
            @Option(names = "--name", description = "for people") Optional<String> name,
            @Option(names = "--guidelines", description = "what labelers are asked to prefer; @FILE reads a file")
                    Optional<String> guidelines,
            @Option(
                            names = "--rule",
                            paramLabel = "NAME=VALUE",
                            description = "tiesAllowed, topK, overlap, minVotes or minMajority")
                    Map<String, String> rules,
            @Option(
                            names = "--work",
                            paramLabel = "NAME=VALUE",
                            description =
                                    "activeSampling, uniformShare, goldShare, goldTasksBeforePause, goldThreshold,"
                                            + " aggregation, aggregationRidge, listwiseFromAggregation or"
                                            + " estimateEveryHours")
                    Map<String, String> work,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        Map<String, Object> body = new HashMap<>();
        name.ifPresent(text -> body.put("name", text));
        if (guidelines.isPresent()) {
            String text = guidelines.get();
            body.put("guidelines", text.startsWith("@") ? Files.readString(Path.of(text.substring(1))) : text);
        }
        if (rules != null) {
            body.put("rules", values(rules));
        }
        try (Api api = session.api()) {
            JsonNode project = body.isEmpty()
                    ? api.get(Api.path("projects", id))
                    : api.put(Api.path("projects", id), body, Map.of());
            String path = Api.path("projects", id, "work-rules");
            JsonNode workRules = work == null ? api.get(path) : api.put(path, values(work), Map.of());
            ObjectNode both = ((ObjectNode) project).deepCopy();
            both.remove("guidelinesHtml");
            both.set("work", workRules);
            if (json.json) {
                session.printJson(both);
            } else {
                session.printPretty(both);
            }
            return 0;
        }
    }

    /** Numbers and truth values as such, all else as text. */
    private static Map<String, Object> values(Map<String, String> given) {
        Map<String, Object> values = new HashMap<>();
        given.forEach((name, value) -> values.put(
                name,
                value.matches("true|false")
                        ? Boolean.valueOf(value)
                        : value.matches("-?[0-9]+(\\.[0-9]+)?") ? new java.math.BigDecimal(value) : value));
        return values;
    }

    private static JsonNode preset(Api api, String id) throws ApiException {
        JsonNode all = api.get("/presets");
        for (JsonNode each : all) {
            if (each.path("id").asText().equals(id)) {
                return each;
            }
        }
        throw new IllegalArgumentException("there is no preset " + id + "; known are " + all.findValuesAsText("id"));
    }

    @Command(name = "presets", description = "Lists guidelines and rules for usual domains.")
    int presets(@Mixin JsonOption json) throws ApiException, StackException, IOException {
        return session.list("/presets", json.json, "id", "name");
    }

    @Command(name = "list", description = "Lists the projects.")
    int list(@Mixin JsonOption json) throws ApiException, StackException, IOException {
        return session.list("/projects", json.json, "id", "name", "baseModel");
    }

    @Command(name = "progress", description = "Counts tasks, rankings and pairs.")
    int progress(@Parameters(paramLabel = "ID") String id, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode progress = api.get(Api.path("projects", id, "progress"));
            if (json.json) {
                session.printJson(progress);
            } else {
                session.printPretty(progress);
            }
            return 0;
        }
    }
}
