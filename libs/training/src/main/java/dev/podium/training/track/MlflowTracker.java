package dev.podium.training.track;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.RoundCommand;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells MLflow's REST interface (2.0): an experiment per project, a run per round with its configuration as parameters. A
 * thread of its own sends; when MLflow does not answer, the start and the end of a round are sent again for about twenty
 * minutes, what is told of steps is dropped and counted, and the round goes on. What MLflow refuses for good (a token that
 * is not valid, a run that is gone) is not sent again.
 * A round that goes on after a restart goes on in its run, which is found by the tag {@code podium.round}.
 */
public final class MlflowTracker implements RoundTracker {
    private static final Logger LOG = LoggerFactory.getLogger(MlflowTracker.class);
    private static final ObjectMapper JSON = EventJson.mapper();
    private static final int MOST_WAITING = 2_000;
    private static final int MOST_PARAMETERS = 100;
    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final long FIRST_PAUSE_MILLIS = 200;
    private static final long LONGEST_PAUSE_MILLIS = 5_000;
    private static final int MOST_TRIES = 250;
    /** Answers of the 4xx kind that another attempt may change: a timeout, a conflict, too many requests. */
    private static final Set<Integer> PASSING = Set.of(408, 409, 429);

    private final URI server;
    private final Optional<String> token;
    private final HttpClient http = HttpClient.newBuilder()
            .connectTimeout(TIMEOUT)
            .version(HttpClient.Version.HTTP_1_1)
            .build();
    private final Clock clock = Clock.systemUTC();
    private final BlockingQueue<Told> waiting = new ArrayBlockingQueue<>(MOST_WAITING);
    private final Map<String, String> runs = new HashMap<>();
    private final Set<String> described = new HashSet<>();
    private final Thread sender;
    private volatile boolean closed;
    private boolean silent;
    private boolean refused;
    private final AtomicLong dropped = new AtomicLong();

    /** @param kind START, PROGRESS, or the outcome of an end */
    private record Told(
            String kind, RoundCommand.StartRound command, long atMillis, int step, Map<String, Double> metrics) {
        boolean canBeMissed() {
            return kind.equals("PROGRESS");
        }
    }

    /** What no other attempt changes. */
    private static final class RefusedException extends IOException {
        private static final long serialVersionUID = 1;

        RefusedException(String message) {
            super(message);
        }
    }

    /**
     * @param server address of MLflow
     * @param token sent as a bearer token
     */
    public MlflowTracker(URI server, Optional<String> token) {
        if (server.getScheme() == null || !server.getScheme().startsWith("http")) {
            throw new IllegalArgumentException(
                    "podium.tracking.mlflow.url must be an address like http://host:5000, not " + server);
        }
        this.server = URI.create(server.toString().replaceAll("/+$", ""));
        this.token = token.filter(text -> !text.isBlank());
        this.sender = Thread.ofPlatform().daemon().name("mlflow").start(this::sendAll);
    }

    @Override
    public void started(
            RoundCommand.StartRound command, int resumedFromStep, int totalSteps, Map<String, Double> info) {
        Map<String, Double> facts = new TreeMap<>();
        info.forEach((name, value) -> facts.put("info/" + name, value));
        tell(new Told("START", command, clock.millis(), resumedFromStep, facts));
    }

    @Override
    public void progress(RoundCommand.StartRound command, int step, Map<String, Double> metrics) {
        tell(new Told("PROGRESS", command, clock.millis(), step, metrics));
    }

    @Override
    public void ended(RoundCommand.StartRound command, String outcome, Map<String, Double> metrics) {
        Map<String, Double> results = new TreeMap<>();
        metrics.forEach((name, value) -> results.put("result/" + name, value));
        tell(new Told(outcome, command, clock.millis(), 0, results));
    }

    private void tell(Told told) {
        while (!waiting.offer(told)) {
            drop();
            // Starts and ends are few, and go before what is told of steps.
            if (told.canBeMissed() || !removeOldestThatCanBeMissed()) {
                return;
            }
        }
    }

    private boolean removeOldestThatCanBeMissed() {
        for (Iterator<Told> all = waiting.iterator(); all.hasNext(); ) {
            if (all.next().canBeMissed()) {
                all.remove();
                return true;
            }
        }
        return false;
    }

    private void drop() {
        long all = dropped.incrementAndGet();
        if (all == 1 || all % 1000 == 0) {
            LOG.warn("MLflow at {} is too slow or away; {} reports are dropped", server, all);
        }
    }

    private void sendAll() {
        try {
            while (!closed || !waiting.isEmpty()) {
                Told told = waiting.poll(200, TimeUnit.MILLISECONDS);
                if (told != null) {
                    sendSurely(told);
                }
            }
        } catch (InterruptedException e) {
            LOG.debug("MLflow is told no more", e);
        }
    }

    private void sendSurely(Told told) throws InterruptedException {
        for (int tried = 1; ; tried++) {
            try {
                send(told);
                silent = false;
                refused = false;
                return;
            } catch (RefusedException e) {
                refused(e);
                drop();
                return;
            } catch (IOException e) {
                if (!silent) {
                    LOG.warn("MLflow at {}: {}; the round goes on without it", server, e.toString());
                }
                silent = true;
            } catch (RuntimeException e) {
                LOG.warn("MLflow at {}: {}", server, e.toString());
                drop();
                return;
            }
            if (told.canBeMissed() || closed || tried == MOST_TRIES) {
                drop();
                return;
            }
            TimeUnit.MILLISECONDS.sleep(Math.min(LONGEST_PAUSE_MILLIS, FIRST_PAUSE_MILLIS * tried));
        }
    }

    /** Said once, until something is taken again. */
    private void refused(RefusedException e) {
        if (!refused) {
            LOG.warn("MLflow at {} refuses what it is told, which is not sent again: {}", server, e.getMessage());
        }
        refused = true;
    }

    private void send(Told told) throws IOException, InterruptedException {
        String run = run(told);
        describe(run, told);
        if (!told.metrics().isEmpty()) {
            ObjectNode batch = JSON.createObjectNode().put("run_id", run);
            ArrayNode metrics = batch.putArray("metrics");
            told.metrics()
                    .forEach((name, value) -> metrics.addObject()
                            .put("key", key(name))
                            .put("value", value)
                            .put("timestamp", told.atMillis())
                            .put("step", told.step()));
            post("runs/log-batch", batch);
        }
        if (!told.kind().equals("START")
                && !told.kind().equals("PROGRESS")
                && !told.kind().equals("ABANDONED")) {
            String status =
                    switch (told.kind()) {
                        case "SUCCEEDED" -> "FINISHED";
                        case "CANCELLED" -> "KILLED";
                        default -> "FAILED";
                    };
            post(
                    "runs/update",
                    JSON.createObjectNode()
                            .put("run_id", run)
                            .put("status", status)
                            .put("end_time", told.atMillis()));
            runs.remove(told.command().roundId());
            described.remove(run);
        }
    }

    /** The run of a round: known, found, or made. */
    private String run(Told told) throws IOException, InterruptedException {
        String round = told.command().roundId();
        String known = runs.get(round);
        if (known != null) {
            return known;
        }
        String experiment = experiment("podium/" + told.command().projectId());
        ObjectNode search = JSON.createObjectNode().put("max_results", 1);
        search.putArray("experiment_ids").add(experiment);
        search.put("filter", "tags.`podium.round` = '" + tag(round) + "'");
        JsonNode found = post("runs/search", search).path("runs").path(0);
        String run = found.isMissingNode()
                ? create(told, experiment)
                : found.path("info").path("run_id").asText();
        runs.put(round, run);
        return run;
    }

    /** A round's id as a tag that can stand in a filter. */
    private static String tag(String round) {
        return round.replaceAll("[^A-Za-z0-9._-]", "_");
    }

    private String create(Told told, String experiment) throws IOException, InterruptedException {
        RoundCommand.StartRound command = told.command();
        ObjectNode wanted = JSON.createObjectNode()
                .put("experiment_id", experiment)
                .put("run_name", command.version() + " " + command.kind())
                .put("start_time", told.atMillis());
        ArrayNode tags = wanted.putArray("tags");
        Map<String, String> known = new TreeMap<>(Map.of(
                "podium.round",
                tag(command.roundId()),
                "podium.kind",
                command.kind().name(),
                "podium.version",
                command.version(),
                "podium.baseModel",
                command.baseModel()));
        known.forEach((name, value) -> tags.addObject().put("key", name).put("value", value));
        return post("runs/create", wanted)
                .path("run")
                .path("info")
                .path("run_id")
                .asText();
    }

    /**
     * Sends the configuration, once in the life of this process: a run that is found may have been made by an attempt that
     * came no further. The same values once more are no change to MLflow.
     */
    private void describe(String run, Told told) throws IOException, InterruptedException {
        if (described.contains(run)) {
            return;
        }
        ObjectNode batch = JSON.createObjectNode().put("run_id", run);
        ArrayNode parameters = batch.putArray("params");
        Map<String, String> all = new TreeMap<>();
        flatten("", JSON.valueToTree(told.command().config()), all);
        all.entrySet().stream()
                .limit(MOST_PARAMETERS)
                .forEach(parameter ->
                        parameters.addObject().put("key", parameter.getKey()).put("value", parameter.getValue()));
        try {
            post("runs/log-batch", batch);
        } catch (RefusedException e) {
            // Other values stand there, of another version of this application: the metrics are worth as much.
            refused(e);
        }
        described.add(run);
    }

    private static void flatten(String prefix, JsonNode node, Map<String, String> into) {
        if (node.isObject()) {
            node.properties()
                    .forEach(entry -> flatten(
                            prefix.isEmpty() ? entry.getKey() : prefix + "." + entry.getKey(), entry.getValue(), into));
        } else {
            into.put(prefix, node.isValueNode() ? node.asText() : node.toString());
        }
    }

    private String experiment(String name) throws IOException, InterruptedException {
        String path = "experiments/get-by-name?experiment_name=" + URLEncoder.encode(name, StandardCharsets.UTF_8);
        HttpResponse<String> answer = http.send(request(path).GET().build(), HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() == 404) {
            return post("experiments/create", JSON.createObjectNode().put("name", name))
                    .path("experiment_id")
                    .asText();
        }
        return checked(path, answer).path("experiment").path("experiment_id").asText();
    }

    private JsonNode post(String path, JsonNode body) throws IOException, InterruptedException {
        return checked(
                path,
                http.send(
                        request(path)
                                .header("Content-Type", "application/json")
                                .POST(HttpRequest.BodyPublishers.ofString(body.toString()))
                                .build(),
                        HttpResponse.BodyHandlers.ofString()));
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(server + "/api/2.0/mlflow/" + path))
                .timeout(TIMEOUT);
        token.ifPresent(text -> request.header("Authorization", "Bearer " + text));
        return request;
    }

    private static JsonNode checked(String path, HttpResponse<String> answer) throws IOException {
        int status = answer.statusCode();
        if (status / 100 != 2) {
            String said = answer.body().strip();
            String problem = path + " answered " + status + ": " + said.substring(0, Math.min(300, said.length()));
            throw status / 100 == 4 && !PASSING.contains(status)
                    ? new RefusedException(problem)
                    : new IOException(problem);
        }
        return JSON.readTree(answer.body());
    }

    /** MLflow allows letters, digits, underscores, dashes, periods, spaces, colons and slashes. */
    private static String key(String name) {
        return name.replaceAll("[^A-Za-z0-9_. :/-]", "_");
    }

    /** Sends what waits, for two seconds at most. */
    @Override
    public void close() {
        closed = true;
        try {
            sender.join(Duration.ofSeconds(2));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        sender.interrupt();
        http.shutdownNow();
    }
}
