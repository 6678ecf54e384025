package dev.podium.local.chaos;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.local.chaos.Fault.Kind;
import dev.podium.local.check.Checker;
import dev.podium.local.check.Evidence;
import dev.podium.local.check.Finding;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import dev.podium.local.stack.StackFolder;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Hits a working stack with a plan of faults, lets it mend, and looks at what is left.
 *
 * <pre>
 *   start -> import, labelers, rounds -> faults -> labelers and rounds end -> checks until they pass, or time is up
 * </pre>
 */
public final class Chaos {
    private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration MEND_TIMEOUT = Duration.ofMinutes(3);
    private static final Duration END_TIMEOUT = Duration.ofMinutes(5);
    private static final Duration CHECK_TIMEOUT = Duration.ofMinutes(3);
    private static final long CHECK_PAUSE_SECONDS = 3;
    // Of twenty labelers: a few seconds' work for each fault. Where fewer were taken, nothing was under fire.
    private static final int LEAST_ACCEPTED_PER_FAULT = 5;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final ChaosOptions options;
    private final PrintWriter out;
    private final ObjectNode report = JSON.createObjectNode();
    private final List<String> gaveUpInError = new CopyOnWriteArrayList<>();
    private final long startedNanos = System.nanoTime();

    public Chaos(ChaosOptions options, PrintWriter out) {
        this.options = options;
        this.out = out;
    }

    /** Runs everything; true when every check passed. The report says what was done and found. */
    public boolean run() throws IOException, StackException, ApiException, InterruptedException {
        prepareFolder();
        report.put("seed", options.seed());
        report.put("labelers", options.labelers());
        try (ChaosStack stack = ChaosStack.start(new StackFolder(options.folder()), this::say)) {
            Thread hook = new Thread(stack::close);
            Runtime.getRuntime().addShutdownHook(hook);
            stack.skipped().forEach((kind, why) -> {
                say("skipped: " + kind + ", " + why);
                report.withObject("/skipped").put(kind.name(), why);
            });
            boolean passed = underFire(stack);
            Runtime.getRuntime().removeShutdownHook(hook);
            return passed;
        } finally {
            report.put("seconds", seconds());
            if (options.report().isPresent()) {
                Files.writeString(
                        options.report().get(),
                        JSON.writerWithDefaultPrettyPrinter().writeValueAsString(report) + "\n");
            }
        }
    }

    private boolean underFire(ChaosStack stack) throws IOException, ApiException, InterruptedException {
        Path ledgerFile = options.folder().resolve("accepted.jsonl");
        List<Api> connections = new ArrayList<>();
        try (Ledger ledger = new Ledger(ledgerFile)) {
            List<ChaosLabeler> labelers;
            try (Api patient = new Api(stack.url(), "operator", stack.operatorPassword())) {
                prepareProject(patient);
                labelers = labelers(connections, stack, patient, ledger);
            }
            Api operator = connect(connections, stack.url(), "operator", stack.operatorPassword());
            ChaosRounds rounds = new ChaosRounds(operator, options.labelers(), this::say);
            List<Thread> work = new ArrayList<>();
            Thread.UncaughtExceptionHandler gaveUp = (thread, failure) -> {
                gaveUpInError.add(thread.getName() + ": " + failure);
                say(thread.getName() + " gave up: " + failure);
            };
            for (int i = 0; i < labelers.size(); i++) {
                work.add(Thread.ofVirtual()
                        .name("labeler-" + (i + 1))
                        .uncaughtExceptionHandler(gaveUp)
                        .start(labelers.get(i)));
            }
            Thread roundsWork = Thread.ofPlatform()
                    .daemon()
                    .name("rounds")
                    .uncaughtExceptionHandler(gaveUp)
                    .start(rounds);
            try {
                hit(stack, ledger);
            } finally {
                labelers.forEach(ChaosLabeler::stop);
                rounds.stop();
            }
            boolean ended = awaitAll(stack, work, roundsWork, rounds);
            return conclude(stack, ledger, rounds, ledgerFile, ended);
        } finally {
            connections.forEach(Api::close);
        }
    }

    private void prepareProject(Api operator) throws ApiException {
        operator.post(
                "/projects",
                Map.of(
                        "id",
                        ChaosStack.PROJECT,
                        "name",
                        "Chaos",
                        "baseModel",
                        "podium-nano",
                        "rules",
                        Map.of("tiesAllowed", true, "overlap", options.labelers(), "minMajority", 0.1)));
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < options.tasks(); i++) {
            ObjectNode line = JSON.createObjectNode().put("prompt", "My lamp number " + i + " does not start.");
            ArrayNode outputs = line.putArray("outputs");
            outputs.add("Hello! Please try another wall socket for lamp " + i + ".");
            outputs.add("Strange, lamp " + i + ".");
            outputs.add("Charge lamp " + i + " for at least one hour.");
            if (i % 3 == 0) {
                // Not another output: only its white space differs.
                outputs.add("  Strange, lamp " + i + ".\n");
            }
            lines.append(line).append('\n');
        }
        operator.upload(Api.path("projects", ChaosStack.PROJECT, "import") + "?format=auto", lines.toString());
    }

    private List<ChaosLabeler> labelers(List<Api> connections, ChaosStack stack, Api operator, Ledger ledger)
            throws ApiException {
        List<ChaosLabeler> labelers = new ArrayList<>();
        for (int i = 1; i <= options.labelers(); i++) {
            String name = "labeler-" + i;
            String password = UUID.randomUUID().toString();
            operator.post(
                    "/users", Map.of("name", name, "password", password, "role", "labeler", "projects", List.of("*")));
            List<Api> replicas = stack.urls().stream()
                    .map(url -> connect(connections, url, name, password))
                    .toList();
            labelers.add(new ChaosLabeler(replicas, name, ledger, options.seed() * 1_000 + i));
        }
        return labelers;
    }

    private static Api connect(List<Api> connections, String url, String user, String password) {
        Api api = new Api(url, user, password, REQUEST_TIMEOUT);
        connections.add(api);
        return api;
    }

    // ---- faults

    private void hit(ChaosStack stack, Ledger ledger) throws IOException, InterruptedException {
        List<Fault> plan =
                FaultPlan.of(options.seed(), options.faults(), stack.skipped().keySet(), options.longestMillis());
        ArrayNode faults = report.putArray("faults");
        Map<Kind, Integer> kinds = new EnumMap<>(Kind.class);
        int lateToMend = 0;
        for (Fault fault : plan) {
            TimeUnit.MILLISECONDS.sleep(fault.pauseMillis());
            double at = seconds();
            int before = ledger.acceptedCount();
            stack.begin(fault);
            TimeUnit.MILLISECONDS.sleep(fault.holdMillis());
            stack.end(fault);
            long endedNanos = System.nanoTime();
            boolean mended = !fault.recover() || stack.awaitReady(fault.target(), MEND_TIMEOUT);
            lateToMend += mended ? 0 : 1;
            double mendSeconds = rounded((System.nanoTime() - endedNanos) / 1e9);
            kinds.merge(fault.kind(), 1, Integer::sum);
            ObjectNode told = faults.addObject();
            told.put("number", fault.number())
                    .put("at_seconds", at)
                    .put("kind", fault.kind().name())
                    .put("target", fault.target().label())
                    .put("hold_millis", fault.holdMillis())
                    .put("clock_seconds", fault.clockSeconds())
                    .put("accepted_meanwhile", ledger.acceptedCount() - before);
            if (fault.recover()) {
                told.put("ready_after_seconds", mended ? mendSeconds : -1);
            }
            say(String.format(
                    java.util.Locale.ROOT,
                    "%3d/%d %-12s %-16s %5.1f s%s",
                    fault.number(),
                    plan.size(),
                    fault.kind(),
                    fault.target().label(),
                    fault.holdMillis() / 1e3,
                    fault.recover() ? mended ? ", ready after " + mendSeconds + " s" : ", NOT READY" : ""));
        }
        kinds.forEach((kind, n) -> report.withObject("/faults_by_kind").put(kind.name(), n));
        report.put("targets_not_ready_in_time", lateToMend);
    }

    // ---- the end

    private boolean awaitAll(ChaosStack stack, List<Thread> labelers, Thread roundsWork, ChaosRounds rounds)
            throws InterruptedException {
        long deadlineNanos = System.nanoTime() + END_TIMEOUT.toNanos();
        boolean ended = true;
        for (Target target : Target.applications()) {
            boolean ready = stack.awaitReady(target, Duration.ofNanos(Math.max(1, deadlineNanos - System.nanoTime())));
            if (!ready) {
                say(target.label() + " does not become ready again");
            }
            ended &= ready;
        }
        for (Thread labeler : labelers) {
            ended &= labeler.join(Duration.ofNanos(Math.max(1, deadlineNanos - System.nanoTime())));
        }
        boolean roundsEnded = roundsWork.join(Duration.ofNanos(Math.max(1, deadlineNanos - System.nanoTime())));
        if (!roundsEnded) {
            say("a round does not end: " + rounds.current());
        }
        return ended && roundsEnded && gaveUpInError.isEmpty();
    }

    private boolean conclude(ChaosStack stack, Ledger ledger, ChaosRounds rounds, Path ledgerFile, boolean ended)
            throws InterruptedException {
        Checker.Result result = checked(stack, ledgerFile);
        ObjectNode work = report.putObject("work");
        work.put("accepted_rankings", ledger.acceptedCount());
        work.put("requests_sent_again", ledger.repeatedCount());
        work.put("requests_refused", ledger.refusedCount());
        work.put("copies_in_the_log", result.copiesInTheLog());
        rounds.ended().forEach((state, n) -> work.withObject("/rounds").put(state, n));
        rounds.failures().forEach(work.withArray("/failed_rounds")::add);
        stack.endedByThemselves()
                .forEach((name, n) ->
                        work.withObject("/processes_that_ended_by_themselves").put(name, n));
        ArrayNode checks = report.putArray("checks");
        checks.addObject()
                .put("name", "everything_is_ready_again_and_every_round_ended")
                .put("passed", ended);
        boolean worked = ledger.acceptedCount()
                >= LEAST_ACCEPTED_PER_FAULT * report.path("faults").size();
        checks.addObject().put("name", "labelers_went_on_under_fire").put("passed", worked);
        if (!worked) {
            say("WRONG   labelers_went_on_under_fire (" + ledger.acceptedCount() + ")");
        }
        for (Finding finding : result.findings()) {
            ObjectNode check = checks.addObject();
            check.put("name", finding.name()).put("passed", finding.passed()).put("looked_at", finding.looked());
            finding.told().forEach(check.withArray("/wrong")::add);
            say((finding.passed() ? "ok      " : "WRONG   ") + finding.name() + " (" + finding.looked() + ")");
            finding.told().forEach(wrong -> say("        " + wrong));
        }
        boolean passed = ended && worked && result.passed();
        report.put("passed", passed);
        say(String.format(
                "%s: %d faults, %d accepted rankings, %s",
                passed ? "passed" : "FAILED", report.path("faults").size(), ledger.acceptedCount(), rounds.ended()));
        return passed;
    }

    /** What is on its way arrives in time, or never. */
    private Checker.Result checked(ChaosStack stack, Path ledger) throws InterruptedException {
        long deadlineNanos = System.nanoTime() + CHECK_TIMEOUT.toNanos();
        while (true) {
            Checker.Result result = look(stack, ledger);
            if (result.passed() || System.nanoTime() > deadlineNanos) {
                return result;
            }
            TimeUnit.SECONDS.sleep(CHECK_PAUSE_SECONDS);
        }
    }

    private Checker.Result look(ChaosStack stack, Path ledger) {
        var database = stack.database();
        try {
            return Checker.look(new Evidence(
                    ledger,
                    stack.bootstrapServers(),
                    database.jdbcUrl(),
                    database.username(),
                    database.password(),
                    ChaosStack.PROJECT,
                    ChaosStack.CHANNEL,
                    new StackFolder(options.folder()).trustedKeysFile(),
                    new StackFolder(options.folder()).trustedPointerKeysFile(),
                    stack.services()));
        } catch (IOException | SQLException | RuntimeException e) {
            return new Checker.Result(List.of(new Finding("the_checker_can_look", 1, List.of(e.toString()))), 0);
        }
    }

    // ---- folder and report

    private void prepareFolder() throws IOException {
        if (Files.isDirectory(options.folder())) {
            SmallDisk.unmountLeftovers(options.folder().toAbsolutePath());
            try (Stream<Path> files = Files.walk(options.folder())) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.deleteIfExists(file);
                }
            }
        }
        Files.createDirectories(options.folder());
        Files.createFile(options.folder().resolve(ChaosOptions.MARKER));
    }

    private synchronized void say(String line) {
        out.printf("%7.1f s  %s%n", seconds(), line);
        out.flush();
    }

    private double seconds() {
        return rounded((System.nanoTime() - startedNanos) / 1e9);
    }

    private static double rounded(double seconds) {
        return Math.round(seconds * 10) / 10.0;
    }
}
