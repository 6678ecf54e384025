package dev.podium.local.bench.methods;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.local.client.ProgressBar;
import dev.podium.local.stack.NativeMemory;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Runs methods with seeds 1 to n, a process for each seed, seed by seed, so that whatever is done when it is stopped
 * has as many seeds of each method as can be. Every run is a line of a file; one that is there is not run again, so that an
 * interruption costs the run at work alone.
 */
public final class Methods {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Wanted wanted;
    private final PrintWriter err;
    private final ProgressBar progress;

    /**
     * What to run.
     *
     * @param runs file of the runs, one JSON line each
     * @param folder where tasks and reward models are kept
     * @param trees ranked conversations; empty: the rubric ranks the model's own answers
     */
    public record Wanted(
            String model,
            Path modelsDir,
            List<Method> methods,
            int seeds,
            Path runs,
            Path folder,
            Optional<Path> trees,
            int threads) {
        public Wanted {
            if (seeds < 1 || threads < 1) {
                throw new IllegalArgumentException("seeds and threads must be 1 or more");
            }
            if (trees.isEmpty() && !model.equals("podium-nano")) {
                throw new IllegalArgumentException(
                        "the rubric's tasks are for podium-nano; give ranked conversations for " + model
                                + " (--data FILE)");
            }
            methods = List.copyOf(methods);
        }
    }

    public Methods(Wanted wanted, PrintWriter err, boolean terminal) {
        this.wanted = wanted;
        this.err = err;
        this.progress = new ProgressBar(err, terminal, "methods");
    }

    /** Runs what is missing and returns all runs that were wanted. */
    public List<JsonNode> run() throws IOException, InterruptedException {
        Files.createDirectories(wanted.folder());
        Files.createDirectories(wanted.runs().toAbsolutePath().getParent());
        List<JsonNode> known = known();
        int total = 0;
        for (int seed = 1; seed <= wanted.seeds(); seed++) {
            total += missing(known, seed).size();
        }
        for (int seed = 1; seed <= wanted.seeds(); seed++) {
            List<Method> missing = new ArrayList<>(missing(known, seed));
            while (!missing.isEmpty()) {
                int before = known.size();
                run(seed, List.copyOf(missing), known, total);
                missing.subList(0, known.size() - before).clear();
                if (!missing.isEmpty()) {
                    Method failed = missing.removeFirst();
                    err.println(failed.label() + " with seed " + seed + " failed; the log is in " + wanted.folder());
                    err.flush();
                }
            }
        }
        List<JsonNode> all = found(known);
        int failed = wanted.methods().size() * wanted.seeds() - all.size();
        progress.finish(all.size() + " runs" + (failed > 0 ? ", " + failed + " failed" : ""));
        return all;
    }

    /** The runs that were wanted and are in the file. */
    public List<JsonNode> found() throws IOException {
        return found(known());
    }

    private List<JsonNode> found(List<JsonNode> known) {
        List<JsonNode> all = new ArrayList<>();
        for (Method method : wanted.methods()) {
            for (int seed = 1; seed <= wanted.seeds(); seed++) {
                find(known, method, seed).ifPresent(all::add);
            }
        }
        return all;
    }

    private List<Method> missing(List<JsonNode> known, long seed) {
        return wanted.methods().stream()
                .filter(method -> find(known, method, seed).isEmpty())
                .toList();
    }

    private List<JsonNode> known() throws IOException {
        List<JsonNode> known = new ArrayList<>();
        if (Files.exists(wanted.runs())) {
            for (String line : Files.readAllLines(wanted.runs())) {
                if (!line.isBlank()) {
                    known.add(JSON.readTree(line));
                }
            }
        }
        return known;
    }

    /** The run of a method and seed with today's configuration. */
    private Optional<JsonNode> find(List<JsonNode> known, Method method, long seed) {
        String configuration = fingerprint(method);
        return known.stream()
                .filter(run -> run.path("model").asText().equals(wanted.model())
                        && run.path("method").asText().equals(method.label())
                        && run.path("seed").asLong() == seed
                        && run.path("configuration").asText().equals(configuration))
                .findFirst();
    }

    /** Of what a run's numbers depend on, but for the code; the same for all seeds. */
    String fingerprint(Method method) {
        String all = MethodScale.of(wanted.model()).settings(method) + " "
                + wanted.trees().map(path -> path.getFileName().toString()).orElse("");
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(all.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(hash, 0, 6);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /** By the runs of the same kind, or by all where there is none; negative when nothing is known. */
    private double eta(List<JsonNode> known, List<Method> now, long seed) {
        List<Method> left = new ArrayList<>(now);
        for (long later = seed + 1; later <= wanted.seeds(); later++) {
            left.addAll(missing(known, later));
        }
        double all = seconds(known, "").orElse(-1);
        double sum = 0;
        for (Method method : left) {
            sum += seconds(known, method.label().split("/", 2)[0] + "/").orElse(all);
        }
        return all < 0 ? -1 : sum;
    }

    private static OptionalDouble seconds(List<JsonNode> known, String kind) {
        return known.stream()
                .filter(run -> run.path("method").asText().startsWith(kind))
                .mapToDouble(run -> run.path("seconds").asDouble())
                .average();
    }

    /** Runs methods with one seed in one process, until all are done or one fails. */
    private void run(long seed, List<Method> methods, List<JsonNode> known, int total)
            throws IOException, InterruptedException {
        MethodRun.Work work = new MethodRun.Work(
                wanted.model(),
                wanted.modelsDir(),
                methods.getFirst(),
                seed,
                wanted.folder(),
                wanted.trees(),
                wanted.threads());
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx1g",
                "-XX:+UseSerialGC",
                "-XX:+IgnoreUnrecognizedVMOptions",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Dai.djl.offline=true",
                "-cp",
                System.getProperty("java.class.path"),
                MethodRun.class.getName()));
        command.addAll(work.arguments(methods));
        String log = methods.getFirst().label().replace('/', '-') + "-" + seed + ".log";
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectError(wanted.folder().resolve(log).toFile());
        builder.environment().put("OPT_OUT_TRACKING", "true");
        builder.environment().putAll(NativeMemory.ENVIRONMENT);
        Process process = builder.start();
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            int next = 0;
            show(seed, methods, next, known, total);
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                ObjectNode run = (ObjectNode) JSON.readTree(line);
                run.put("configuration", fingerprint(methods.get(next)));
                Files.writeString(
                        wanted.runs(),
                        JSON.writeValueAsString(run) + "\n",
                        StandardOpenOption.CREATE,
                        StandardOpenOption.APPEND);
                known.add(run);
                next++;
                show(seed, methods, next, known, total);
            }
        } finally {
            process.destroy();
        }
        process.waitFor();
    }

    private void show(long seed, List<Method> methods, int next, List<JsonNode> known, int total) {
        if (next == methods.size()) {
            return;
        }
        List<Method> left = methods.subList(next, methods.size());
        int later = 0;
        for (long other = seed + 1; other <= wanted.seeds(); other++) {
            later += missing(known, other).size();
        }
        progress.show(
                total - left.size() - later,
                total,
                eta(known, left, seed),
                left.getFirst().label() + " seed " + seed);
    }
}
