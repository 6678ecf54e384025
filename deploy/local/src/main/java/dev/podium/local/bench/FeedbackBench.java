package dev.podium.local.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RankingRules;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.Application;
import dev.podium.local.stack.Installation;
import dev.podium.local.stack.LocalStack;
import dev.podium.local.stack.Ports;
import dev.podium.local.stack.StackFolder;
import dev.podium.local.stack.StackOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/**
 * Labelers at work, all at once and without a pause, on a stack of its own: how many rankings a second, how long a
 * labeler waits, with few and with very many open tasks; and afterwards, whether each ranking is in the preference sets
 * exactly once.
 */
public final class FeedbackBench {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int FEW = 1000;
    /** So many that no labeler runs out of them before the warm-up ends. */
    private static final int WARM_UP_TASKS = 5000;

    private static final String PASSWORD = "password-of-a-bench-labeler";
    private static final Duration DRAIN = Duration.ofMinutes(4);
    private static final Duration WARM_UP = Duration.ofSeconds(10);
    private static final String READ = "select coalesce(sum(next_offset), 0) from projection_position";
    private static final int MOST_WARM_UPS = 18;
    private static final int LEVEL_RUNS = 5;
    private static final double WARM = 1.05;
    /** One ranking in so many is sent without wanting the next task, which is asked for then, as after a skip. */
    private static final int ASKS_ITSELF = 20;

    private final Wanted wanted;
    private final PrintWriter out;
    private final PrintWriter err;
    private final Map<String, Set<String>> accepted = new ConcurrentHashMap<>();

    /**
     * What to measure.
     *
     * @param labelers at once
     * @param many open tasks of the large store
     * @param seconds of each run
     * @param runs on each store
     */
    public record Wanted(int labelers, int many, int seconds, int runs) {
        public Wanted {
            if (labelers < 1 || labelers > 100 || many < FEW || seconds < 1 || runs < 1) {
                throw new IllegalArgumentException(
                        "labelers must be 1 to 100, open tasks " + FEW + " or more, seconds and runs 1 or more");
            }
        }
    }

    /**
     * @param out takes one JSON line per figure
     * @param err takes what is going on
     */
    public FeedbackBench(Wanted wanted, PrintWriter out, PrintWriter err) {
        this.wanted = wanted;
        this.out = out;
        this.err = err;
    }

    /** One run: how many rankings, and how long each request took, sorted. */
    private record Run(double rankingsPerSecond, long[] nextNanos, long[] submitNanos) {
        double nextMillis(double share) {
            return quantile(nextNanos, share);
        }

        double submitMillis(double share) {
            return quantile(submitNanos, share);
        }

        private static double quantile(long[] sorted, double share) {
            return sorted.length == 0 ? Double.NaN : sorted[(int) (share * (sorted.length - 1))] / 1e6;
        }
    }

    /** Measures. Returns whether nothing was lost and nothing doubled. */
    public boolean run() throws Exception {
        Path home = Files.createTempDirectory("podium-bench-feedback-");
        StackOptions options = new StackOptions(
                new StackFolder(home),
                Installation.find(),
                Ports.free(),
                List.of(Application.FEEDBACK_API, Application.RANKING_STREAM),
                Map.of(),
                this::say);
        try (LocalStack stack = LocalStack.start(options);
                Api api = new Api(
                        stack.url(), stack.operator().user(), stack.operator().password());
                FeedbackStore store = new FeedbackStore(stack.jdbcUrl(), stack.jdbcUser(), stack.jdbcPassword())) {
            int port = options.ports().of(Application.FEEDBACK_API);
            RankingRules rules = new RankingRules(true, 0, wanted.labelers(), 1, 0);
            for (String project : List.of("warm", "many")) {
                create(api, project);
            }
            for (int i = 0; i < wanted.labelers(); i++) {
                api.post(
                        "/users",
                        Map.of("name", name(i), "password", PASSWORD, "role", "labeler", "projects", List.of("*")));
            }
            store.fill("warm", WARM_UP_TASKS, rules);
            store.announce("warm", true);
            warmUp(port);
            List<Run> few = new ArrayList<>();
            for (int run = 0; run < wanted.runs(); run++) {
                // Anew each time, so that as many tasks are open at the end of a run as at its beginning.
                String project = "few" + run;
                create(api, project);
                store.fill(project, FEW, rules);
                store.announce(project, true);
                awaitQuiet(store);
                few.add(tell("few, run " + run, work(port, project, 50 + run)));
            }
            say("copying " + wanted.many() + " tasks");
            store.fill("many", wanted.many(), rules);
            InsertPeer peer = new InsertPeer(store, stack.jdbcUrl(), stack.jdbcUser(), stack.jdbcPassword());
            peer.prepare();
            List<Run> many = new ArrayList<>();
            List<Double> inserts = new ArrayList<>();
            for (int run = 0; run < wanted.runs(); run++) {
                awaitQuiet(store);
                many.add(tell("many, run " + run, work(port, "many", 100 + run)));
                awaitQuiet(store);
                inserts.add(
                        peer.measure("many", wanted.many(), wanted.labelers(), Duration.ofSeconds(wanted.seconds())));
                say(peer.name() + ": " + rounded(inserts.getLast()) + " rankings' inserts a second");
            }
            store.announce("many", false);
            long wrong = lostOrDoubled(stack.bootstrapServers(), store);
            print(few, many, inserts, peer.name(), wrong);
            return wrong == 0;
        } finally {
            delete(home);
        }
    }

    /** Each task is for every labeler, so that it stays open however many have ranked it. */
    private void create(Api api, String project) throws ApiException {
        api.post("/projects", Map.of("id", project, "rules", Map.of("overlap", wanted.labelers())));
    }

    private static String name(int labeler) {
        return "labeler-" + labeler;
    }

    /** A server that has just started compiles what it runs: until some runs were hardly quicker than the best before. */
    private void warmUp(int port) throws InterruptedException, IOException {
        double best = 0;
        int level = 0;
        for (int run = 0; run < MOST_WARM_UPS && level < LEVEL_RUNS; run++) {
            double now =
                    tell("warm-up " + run, work(port, "warm", run, WARM_UP)).rankingsPerSecond();
            level = now < best * WARM ? level + 1 : 0;
            best = Math.max(best, now);
        }
    }

    private Run work(int port, String project, long seed) throws InterruptedException, IOException {
        return work(port, project, seed, Duration.ofSeconds(wanted.seconds()));
    }

    /** All labelers at once, for the time of a run; a labeler who has nothing left ends earlier. */
    private Run work(int port, String project, long seed, Duration time) throws InterruptedException, IOException {
        List<Future<Times>> all = new ArrayList<>();
        long begin = System.nanoTime();
        long until = begin + time.toNanos();
        try (ExecutorService threads = Executors.newFixedThreadPool(wanted.labelers())) {
            for (int i = 0; i < wanted.labelers(); i++) {
                String name = name(i);
                long own = seed * 1000 + i;
                all.add(threads.submit(() -> labeler(port, project, name, own, until)));
            }
        }
        double seconds = (System.nanoTime() - begin) / 1e9;
        Times times = new Times();
        try {
            for (Future<Times> one : all) {
                times.next.addAll(one.get().next);
                times.submit.addAll(one.get().submit);
            }
        } catch (ExecutionException e) {
            throw new IOException("a labeler could not go on: " + e.getCause(), e);
        }
        return new Run(
                times.submit.size() / seconds,
                times.next.stream().mapToLong(t -> t).sorted().toArray(),
                times.submit.stream().mapToLong(t -> t).sorted().toArray());
    }

    /** How long each request took, in nanoseconds. */
    private static final class Times {
        private final List<Long> next = new ArrayList<>();
        private final List<Long> submit = new ArrayList<>();
    }

    private Times labeler(int port, String project, String name, long seed, long until) throws IOException {
        Times times = new Times();
        try (LabelerConnection labeler = new LabelerConnection(port, project, name, PASSWORD, seed)) {
            Optional<String> task = Optional.empty();
            for (long n = seed; System.nanoTime() < until; n++) {
                if (task.isEmpty()) {
                    long asked = System.nanoTime();
                    task = labeler.next();
                    times.next.add(System.nanoTime() - asked);
                    if (task.isEmpty()) {
                        break;
                    }
                }
                String ranked = task.get();
                long given = System.nanoTime();
                task = labeler.submit(ranked, n % ASKS_ITSELF != 0);
                times.submit.add(System.nanoTime() - given);
                if (!accepted.computeIfAbsent(ranked, t -> ConcurrentHashMap.newKeySet())
                        .add(name)) {
                    throw new IOException(name + " was given " + ranked + " twice");
                }
            }
        }
        return times;
    }

    /** A run begins when the events of the one before are sent, and nothing comes back from the stream any more. */
    private static void awaitQuiet(FeedbackStore store) throws SQLException, InterruptedException {
        long deadlineNanos = System.nanoTime() + DRAIN.toNanos();
        long before = -1;
        long now = store.count(READ);
        while ((now != before || store.count("select count(*) from outbox") > 0) && System.nanoTime() < deadlineNanos) {
            before = now;
            Thread.sleep(1500);
            now = store.count(READ);
        }
    }

    /** Rankings that were accepted and are not in the newest sets, and those in the sets that were never accepted. */
    private long lostOrDoubled(String kafka, FeedbackStore store) throws Exception {
        awaitQuiet(store);
        long deadlineNanos = System.nanoTime() + DRAIN.toNanos();
        long wrong = difference(kafka);
        while (wrong > 0 && System.nanoTime() < deadlineNanos) {
            Thread.sleep(1000);
            wrong = difference(kafka);
        }
        return wrong;
    }

    private long difference(String kafka) {
        Map<String, List<String>> sets = new HashMap<>();
        try (BoundedReader log = BoundedReader.connect(Map.of("bootstrap.servers", kafka))) {
            log.readAll(log.partitions(Topics.PREFERENCES), record -> {
                PreferenceSet set = read(record.value());
                sets.put(
                        set.taskId(),
                        set.rankings().stream()
                                .map(PreferenceSet.RankingUsed::labelerId)
                                .toList());
                return true;
            });
        }
        long wrong = 0;
        long counted = 0;
        Set<String> tasks = new TreeSet<>(accepted.keySet());
        tasks.addAll(sets.keySet());
        for (String task : tasks) {
            List<String> found = sets.getOrDefault(task, List.of());
            Set<String> expected = accepted.getOrDefault(task, Set.of());
            Set<String> distinct = Set.copyOf(found);
            counted += found.size();
            wrong += found.size() - distinct.size();
            wrong += distinct.stream().filter(who -> !expected.contains(who)).count();
            wrong += expected.stream().filter(who -> !distinct.contains(who)).count();
        }
        say(counted + " rankings in " + sets.size() + " preference sets, "
                + accepted.values().stream().mapToLong(Set::size).sum() + " were accepted");
        return wrong;
    }

    private static PreferenceSet read(byte[] value) {
        try {
            return EventJson.read(value, PreferenceSet.class);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a preference set cannot be read", e);
        }
    }

    private void print(List<Run> few, List<Run> many, List<Double> inserts, String peer, long wrong) {
        double[] rates = many.stream().mapToDouble(Run::rankingsPerSecond).toArray();
        double[] ratios = new double[rates.length];
        Arrays.setAll(ratios, i -> rates[i] / inserts.get(i));
        line("rankings_per_second", median(rates), "1/s")
                .put("peer", peer)
                .put(
                        "peer_value",
                        rounded(median(inserts.stream().mapToDouble(d -> d).toArray())))
                .put("ratio", rounded(median(ratios)))
                .put("runs", wanted.runs());
        compared("submit_p50_ms", few, many, run -> run.submitMillis(0.5));
        compared("submit_p99_ms", few, many, run -> run.submitMillis(0.99));
        compared("next_task_p50_ms", few, many, run -> run.nextMillis(0.5));
        compared("next_task_p99_ms", few, many, run -> run.nextMillis(0.99));
        line("rankings_lost_or_doubled", wrong, "1")
                .put("of", accepted.values().stream().mapToLong(Set::size).sum());
        lines.forEach(out::println);
        out.flush();
    }

    private final List<ObjectNode> lines = new ArrayList<>();

    private void compared(
            String figure, List<Run> few, List<Run> many, java.util.function.ToDoubleFunction<Run> value) {
        double large = median(many.stream().mapToDouble(value).toArray());
        double small = median(few.stream().mapToDouble(value).toArray());
        line(figure, large, "ms")
                .put("peer", "small_store")
                .put("peer_value", rounded(small))
                .put("ratio", rounded(large / small))
                .put("runs", wanted.runs())
                .put("peer_open_tasks", FEW);
    }

    private ObjectNode line(String figure, double value, String unit) {
        ObjectNode line = JSON.createObjectNode();
        line.put("bench", "feedback");
        line.put("figure", figure);
        line.put("value", rounded(value));
        line.put("unit", unit);
        line.put("labelers", wanted.labelers());
        line.put("open_tasks", wanted.many());
        lines.add(line);
        return line;
    }

    private Run tell(String what, Run run) {
        say(String.format(
                Locale.ROOT,
                "%s: %.0f rankings/s, next task %.1f ms (p99 %.1f), submit %.1f ms (p99 %.1f)",
                what,
                run.rankingsPerSecond(),
                run.nextMillis(0.5),
                run.nextMillis(0.99),
                run.submitMillis(0.5),
                run.submitMillis(0.99)));
        return run;
    }

    private void say(String what) {
        err.println("feedback: " + what);
        err.flush();
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int n = sorted.length;
        return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    }

    private static double rounded(double value) {
        return Double.isFinite(value) ? Double.parseDouble(String.format(Locale.ROOT, "%.4g", value)) : 0;
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
