package dev.podium.local.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundConfigSchema;
import dev.podium.contracts.RoundKind;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.client.ProgressBar;
import dev.podium.local.client.Rounds;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Rounds of the trainers. */
@Command(name = "round", description = "Rounds: start, list, show, cancel.")
final class RoundCommands {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final ObjectMapper YAML = new YAMLMapper();

    private final Session session;

    RoundCommands(Session session) {
        this.session = session;
    }

    @Command(name = "start", description = "Starts a round; what is not set takes the defaults.")
    int start(
            @Parameters(paramLabel = "KIND", description = "${COMPLETION-CANDIDATES}") RoundKind kind,
            @Option(names = "--project", required = true) String project,
            @Option(names = "--config", description = "JSON or YAML, or @FILE of it") Optional<String> config,
            @Option(
                            names = "--set",
                            paramLabel = "KEY=VALUE",
                            description = "one field of the configuration, e.g. training.epochs=2")
                    Map<String, String> settings,
            @Option(names = "--base-model", description = "the project's when absent") Optional<String> baseModel,
            @Option(names = "--adapter", description = "version to go on from") Optional<String> adapter,
            @Option(names = "--reward-adapter", description = "PPO: the newest REWARD when absent")
                    Optional<String> rewardAdapter,
            @Option(names = "--prompts", description = "JSON lines: a text, messages, or {\"prompt\": ...}")
                    Optional<Path> prompts,
            @Option(names = "--records", description = "SFT: JSON lines with input and output") Optional<Path> records,
            @Option(names = "--key", description = "Idempotency-Key: the same key starts one round")
                    Optional<String> key,
            @Option(names = "--follow", description = "wait for the end") boolean follow,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        ObjectNode body = JSON.createObjectNode().put("kind", kind.name());
        ObjectNode configuration = configuration(config, settings == null ? Map.of() : settings);
        if (!configuration.isEmpty()) {
            body.set("config", configuration);
        }
        baseModel.ifPresent(value -> body.put("baseModel", value));
        adapter.ifPresent(value -> body.put("initialAdapter", value));
        rewardAdapter.ifPresent(value -> body.put("rewardAdapter", value));
        if (prompts.isPresent()) {
            ArrayNode list = body.putArray("prompts");
            for (JsonNode line : lines(prompts.get())) {
                list.add(line.has("prompt") ? line.get("prompt") : line);
            }
        }
        if (records.isPresent()) {
            body.putArray("records").addAll(lines(records.get()));
        }
        try (Api api = session.api()) {
            JsonNode round = api.post(
                            Api.path("projects", project, "rounds"),
                            body,
                            key.map(value -> Map.of("Idempotency-Key", value)).orElse(Map.of()))
                    .orElseThrow();
            String id = round.path("id").asText();
            if (follow) {
                return follow(api, id, json.json);
            }
            if (json.json) {
                session.printJson(round);
            } else {
                session.out()
                        .println("round " + id + " (" + round.path("version").asText("no version") + "); follow it by"
                                + " ./podium round show " + id + " --follow");
            }
            return 0;
        }
    }

    @Command(
            name = "config",
            description = "Prints a kind's configuration with its defaults, as YAML for --config @FILE; or its schema.")
    int config(
            @Parameters(paramLabel = "KIND", arity = "0..1", description = "${COMPLETION-CANDIDATES}")
                    Optional<RoundKind> kind,
            @Option(names = "--schema", description = "the JSON Schema of the document; without KIND of all kinds")
                    boolean schema)
            throws IOException {
        if (schema) {
            session.printPretty(kind.map(RoundConfigSchema::of).orElseGet(RoundConfigSchema::all));
            return 0;
        }
        if (kind.isEmpty()) {
            session.err().println("podium: name a kind, such as DPO; or --schema for all");
            return 2;
        }
        JsonNode defaults = EventJson.mapper().valueToTree(RoundConfig.defaults(kind.get()));
        session.out()
                .print(YAML.writeValueAsString(
                        ((ObjectNode) defaults).put("kind", kind.get().name())));
        session.out().flush();
        return 0;
    }

    @Command(name = "planned", description = "Lists rounds that wait for one another: of rules, and those run again.")
    int planned(@Option(names = "--project", required = true) String project, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return session.list(
                Api.path("projects", project, "rounds", "planned"),
                json.json,
                "step",
                "kind",
                "state",
                "roundId",
                "reason",
                "note");
    }

    @Command(name = "list", description = "Lists a project's rounds.")
    int list(@Option(names = "--project", required = true) String project, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return session.list(
                Api.path("projects", project, "rounds"),
                json.json,
                "id",
                "kind",
                "version",
                "state",
                "step",
                "totalSteps",
                "requestedAt");
    }

    @Command(name = "show", description = "Shows a round.")
    int show(
            @Parameters(paramLabel = "ID") String id,
            @Option(names = "--follow", description = "wait for the end") boolean follow,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            if (follow) {
                return follow(api, id, json.json);
            }
            JsonNode round = api.get(Api.path("rounds", id));
            if (json.json) {
                session.printJson(round);
            } else {
                JsonNode evaluation = ((ObjectNode) round).remove("evaluation");
                session.printPretty(round);
                session.printEvaluation(evaluation == null ? JSON.missingNode() : evaluation);
            }
            return 0;
        }
    }

    @Command(
            name = "rerun",
            description = "Runs a round again under a new version: on the same data set, or on the data of now.")
    int rerun(
            @Parameters(paramLabel = "ID") String id,
            @Option(names = "--data", defaultValue = "same", description = "same or now; ${DEFAULT-VALUE}") DataOf data,
            @Option(names = "--adapter", description = "version to go on from, in place of the first one's")
                    Optional<String> adapter,
            @Option(names = "--reward-adapter", description = "in place of the first one's")
                    Optional<String> rewardAdapter,
            @Option(names = "--key", description = "Idempotency-Key: the same key starts one round")
                    Optional<String> key,
            @Option(names = "--follow", description = "wait for the end, and compare the adapters") boolean follow,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        ObjectNode body = JSON.createObjectNode().put("data", data.name().toUpperCase(java.util.Locale.ROOT));
        adapter.ifPresent(value -> body.put("initialAdapter", value));
        rewardAdapter.ifPresent(value -> body.put("rewardAdapter", value));
        try (Api api = session.api()) {
            JsonNode round = api.post(
                            Api.path("rounds", id, "rerun"),
                            body,
                            key.map(value -> Map.of("Idempotency-Key", value)).orElse(Map.of()))
                    .orElseThrow();
            String again = round.path("id").asText();
            if (!follow) {
                if (json.json) {
                    session.printJson(round);
                } else {
                    session.out()
                            .println("round " + again + " ("
                                    + round.path("version").asText() + ") runs " + id
                                    + " again; follow it by ./podium round show " + again + " --follow");
                }
                return 0;
            }
            int status = follow(api, again, json.json);
            JsonNode rerun = Rounds.awaitAdapter(api, again).path("rerun");
            if (status == 0 && !json.json) {
                session.out().println(compared(rerun, id));
                session.out().flush();
            }
            return status;
        }
    }

    /** What a round that is run again reads. */
    enum DataOf {
        same,
        now
    }

    private static String compared(JsonNode rerun, String first) {
        String data = rerun.path("sameData").asBoolean() ? "on the same data set (by its sha256)" : "on other data";
        JsonNode same = rerun.path("sameAdapter");
        return !same.isBoolean()
                ? "round " + first + " published no adapter to compare with"
                : same.asBoolean()
                        ? data + ", the adapter is the same, byte for byte"
                        : data + ", the adapter is another one";
    }

    @Command(name = "cancel", description = "Cancels a round.")
    int cancel(@Parameters(paramLabel = "ID") String id, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode round = api.post(Api.path("rounds", id, "cancel"), Map.of());
            if (json.json) {
                session.printJson(round);
            } else {
                session.out().println("round " + id + " is asked to stop");
            }
            return 0;
        }
    }

    private int follow(Api api, String id, boolean json) throws ApiException, IOException {
        ProgressBar bar = new ProgressBar(session.err(), Session.isTerminal(), "round");
        JsonNode last = Rounds.follow(
                api,
                id,
                round -> bar.show(
                        round.path("step").asLong(),
                        round.path("totalSteps").asLong(),
                        round.path("etaSeconds").asDouble(-1),
                        round.path("state").asText() + lossOf(round)));
        String state = last.path("state").asText();
        bar.finish(state);
        if (json) {
            session.printJson(last);
        } else {
            session.printPretty(last.path("metrics"));
            session.printEvaluation(last.path("evaluation"));
        }
        JsonNode error = last.path("error");
        if (error.isObject()) {
            session.err()
                    .println("podium: " + error.path("message").asText() + " ("
                            + error.path("code").asText() + ")");
        }
        return state.equals("SUCCEEDED") ? 0 : 1;
    }

    private static String lossOf(JsonNode round) {
        JsonNode loss = round.path("metrics").path("loss");
        return loss.isNumber() ? String.format("  loss %.4f", loss.asDouble()) : "";
    }

    private static ObjectNode configuration(Optional<String> config, Map<String, String> settings) throws IOException {
        JsonNode parsed = JSON.createObjectNode();
        if (config.isPresent()) {
            String text = config.get();
            // YAML reads JSON as well.
            parsed = YAML.readTree(text.startsWith("@") ? Files.readString(Path.of(text.substring(1))) : text);
        }
        if (!(parsed instanceof ObjectNode configuration)) {
            throw new IllegalArgumentException("--config is not an object of fields, in JSON or YAML");
        }
        for (Map.Entry<String, String> setting : settings.entrySet()) {
            String[] path = setting.getKey().split("\\.");
            ObjectNode parent = configuration;
            for (int i = 0; i < path.length - 1; i++) {
                parent = parent.withObjectProperty(path[i]);
            }
            parent.set(path[path.length - 1], value(setting.getValue()));
        }
        return configuration;
    }

    /** Numbers, booleans and lists as JSON has them; anything else is a text. */
    private static JsonNode value(String text) {
        try {
            return JSON.readTree(text);
        } catch (IOException e) {
            return JSON.getNodeFactory().textNode(text);
        }
    }

    private static List<JsonNode> lines(Path file) throws StackException {
        List<JsonNode> nodes = new ArrayList<>();
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (IOException e) {
            throw new StackException(file + " cannot be read: " + e, e);
        }
        for (int i = 0; i < lines.size(); i++) {
            if (!lines.get(i).isBlank()) {
                try {
                    nodes.add(JSON.readTree(lines.get(i)));
                } catch (JsonProcessingException e) {
                    throw new StackException(
                            file + ", line " + (i + 1) + ", is not JSON: " + e.getOriginalMessage()
                                    + ". Each line is one JSON value; a plain text goes in quotes: \"Where is my parcel?\"",
                            e);
                }
            }
        }
        return nodes;
    }
}
