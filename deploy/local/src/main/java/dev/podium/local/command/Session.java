package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.podium.contracts.KafkaSettings;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.Installation;
import dev.podium.local.stack.Operator;
import dev.podium.local.stack.Ports;
import dev.podium.local.stack.StackException;
import dev.podium.local.stack.StackFolder;
import dev.podium.local.stack.StackState;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What every command needs: the environment, the folder of the stack, where to print.
 *
 * @param environment of the process
 */
record Session(Map<String, String> environment, PrintWriter out, PrintWriter err) {
    private static final ObjectMapper JSON = new ObjectMapper();

    StackFolder folder() throws StackException {
        String configured = environment.getOrDefault("PODIUM_HOME", "");
        return new StackFolder(
                configured.isBlank() ? Installation.find().root().resolve(".podium") : Path.of(configured));
    }

    /** Where base models are. */
    Path modelsFolder() throws StackException {
        String configured = environment.getOrDefault("PODIUM_MODELS_DIR", "");
        return configured.isBlank() ? folder().models() : Path.of(configured);
    }

    Ports ports() throws StackException {
        String configured = environment.getOrDefault("PODIUM_HTTP_PORT", "");
        if (configured.isBlank()) {
            return new Ports(Ports.DEFAULT_FIRST);
        }
        try {
            return new Ports(Integer.parseInt(configured.strip()));
        } catch (IllegalArgumentException e) {
            throw new StackException("PODIUM_HTTP_PORT is not a port: " + configured, e);
        }
    }

    /** Whether a person watches: the script knows, the JVM cannot tell on every version. */
    static boolean isTerminal() {
        return Boolean.getBoolean("podium.terminal");
    }

    /**
     * A connection by PODIUM_TOKEN, or as the user of PODIUM_USER and PODIUM_PASSWORD, else as the operator of the local stack. The local
     * operator's password goes to this machine only.
     */
    Api api() throws StackException, IOException {
        String user = environment.get("PODIUM_USER");
        String password = environment.get("PODIUM_PASSWORD");
        Optional<Operator> operator = Operator.read(folder());
        String url = environment.getOrDefault(
                "PODIUM_URL", operator.map(Operator::url).orElse("http://localhost:" + ports().first()));
        String token = environment.get("PODIUM_TOKEN");
        if (token != null && !token.isBlank()) {
            return Api.byToken(url, token.strip());
        }
        if (user != null && password != null) {
            return new Api(url, user, password);
        }
        if (user != null || password != null) {
            throw new StackException("half a log-in: " + (user == null ? "PODIUM_USER" : "PODIUM_PASSWORD")
                    + " is not set; set both, or none to be the local operator");
        }
        if (!isThisMachine(url)) {
            throw new StackException("no log-in for " + url
                    + ": set PODIUM_USER and PODIUM_PASSWORD. The local operator's password is not sent elsewhere");
        }
        if (operator.isEmpty()) {
            throw new StackException("no log-in: set PODIUM_USER and PODIUM_PASSWORD, or start the local stack by"
                    + " ./podium up, which leaves one in " + folder().operatorFile());
        }
        return new Api(url, operator.get().user(), operator.get().password());
    }

    /**
     * Keeps a new password where the command line finds it, if it is the local operator's and the command line is that
     * operator now.
     *
     * @return whether it is
     */
    boolean keepPassword(String name, String password) throws StackException, IOException {
        Optional<Operator> operator = Operator.read(folder());
        if (operator.isEmpty()
                || !operator.get().user().equals(name)
                || environment.containsKey("PODIUM_USER")
                || !environment.getOrDefault("PODIUM_TOKEN", "").isBlank()
                || !environment
                        .getOrDefault("PODIUM_URL", operator.get().url())
                        .equals(operator.get().url())) {
            return false;
        }
        operator.get().withPassword(password).write(folder());
        return true;
    }

    private static boolean isThisMachine(String url) throws StackException {
        try {
            String host = String.valueOf(URI.create(url).getHost());
            return List.of("localhost", "127.0.0.1", "[::1]").contains(host);
        } catch (IllegalArgumentException e) {
            throw new StackException("PODIUM_URL is not an address: " + url, e);
        }
    }

    void printJson(JsonNode node) {
        out.println(node.isMissingNode() ? "null" : node.toString());
        out.flush();
    }

    /**
     * Prints what an address answers, as a table or as it is.
     *
     * @param path of the API, without its version
     * @param fields columns of the table
     * @return the command's exit code
     */
    int list(String path, boolean json, String... fields) throws ApiException, StackException, IOException {
        try (Api api = api()) {
            return show(api.get(path), json, fields);
        }
    }

    /** Prints rows, as a table or as they are; returns the exit code of success. */
    int show(JsonNode rows, boolean json, String... fields) {
        if (json) {
            printJson(rows);
        } else {
            printTable(rows, fields);
        }
        return 0;
    }

    /** What one command asks of Podium. */
    interface Asked {
        void of(Api api) throws ApiException, IOException;
    }

    /** Does one thing and prints that it is done; returns the exit code of success. */
    int act(Asked asked, String done) throws ApiException, StackException, IOException {
        try (Api api = api()) {
            asked.of(api);
        }
        return say(done);
    }

    /** Prints what was done; returns the exit code of success. */
    int say(String done) {
        out.println(done);
        out.flush();
        return 0;
    }

    JsonNode readJson(String text) throws IOException {
        return JSON.readTree(text);
    }

    void printPretty(JsonNode node) throws IOException {
        out.println(JSON.writerWithDefaultPrettyPrinter().writeValueAsString(node));
        out.flush();
    }

    /** Prints what a round's or an adapter's evaluation says, where it has one. */
    void printEvaluation(JsonNode evaluation) {
        List<String> lines = EvaluationTables.lines(evaluation);
        if (!lines.isEmpty()) {
            out.println();
            lines.forEach(out::println);
            out.flush();
        }
    }

    /** Prints rows under the names of their fields; a dash stands for what is absent. */
    void printTable(JsonNode rows, String... fields) {
        List<List<String>> cells = new ArrayList<>();
        cells.add(List.of(fields));
        for (JsonNode row : rows) {
            List<String> line = new ArrayList<>();
            for (String field : fields) {
                line.add(text(row.at("/" + field.replace(".", "/"))));
            }
            cells.add(line);
        }
        for (List<String> line : cells) {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < fields.length; i++) {
                int column = i;
                int width = cells.stream()
                        .mapToInt(each -> each.get(column).length())
                        .max()
                        .orElse(0);
                text.append(line.get(i)).append(" ".repeat(width - line.get(i).length() + 2));
            }
            out.println(text.toString().stripTrailing());
        }
        out.flush();
    }

    private static String text(JsonNode value) {
        if (value.isMissingNode()
                || value.isNull()
                || (value.isTextual() && value.asText().isEmpty())) {
            return "-";
        }
        return value.isValueNode() ? value.asText() : value.toString();
    }

    /** Settings of a Kafka client: those of the environment, or the local stack's. */
    Map<String, Object> kafka() throws IOException, StackException {
        Map<String, Object> settings = new HashMap<>(KafkaSettings.from(name -> Optional.ofNullable(
                environment.get(name.toUpperCase(Locale.ROOT).replace('.', '_')))));
        if (!settings.containsKey("bootstrap.servers")) {
            settings.put(
                    "bootstrap.servers",
                    StackState.running(folder())
                            .orElseThrow(() -> new StackException("no Kafka: set KAFKA_BOOTSTRAP_SERVERS, or start the"
                                    + " local stack by ./podium up"))
                            .bootstrapServers());
        }
        return settings;
    }
}
