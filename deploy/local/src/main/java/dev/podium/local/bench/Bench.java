package dev.podium.local.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.llm.model.WeightFormat;
import dev.podium.local.stack.NativeMemory;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Runs measurements as processes of their own, on request in turns with Python's tools. */
public final class Bench {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path root;
    private final Path modelsDir;
    private final PrintWriter out;
    private final PrintWriter err;

    /**
     * @param root of the installation; the peers' scripts lie below it
     * @param out takes one JSON line per figure
     * @param err takes what is going on, and one JSON line per run
     */
    public Bench(Path root, Path modelsDir, PrintWriter out, PrintWriter err) {
        this.root = root;
        this.modelsDir = modelsDir;
        this.out = out;
        this.err = err;
    }

    /**
     * What to measure.
     *
     * @param name {@code train}, {@code generate} or {@code ppo}, whose peer is our own DPO
     * @param outputs per ranking
     * @param tasks rankings of a run
     * @param batch rankings of an optimiser step
     * @param runs how often, in turns with the peer where there is one
     * @param format of the base; the peer gets bfloat16 for bfloat16 and float32 for all else
     * @param recompute whether activations are computed again in the backward pass, by both
     * @param peerPairs pairs in a pass of the peer; Podium's passes are as long as {@code MemoryPlan} lets them
     */
    public record Wanted(
            String name,
            String model,
            int outputs,
            int tasks,
            int batch,
            int threads,
            int runs,
            WeightFormat format,
            boolean recompute,
            int peerPairs) {
        public Wanted {
            if (!List.of("train", "generate", "ppo").contains(name)) {
                throw new IllegalArgumentException("there is no benchmark " + name + "; train, generate and ppo are");
            }
            if (outputs < 2 || tasks < 1 || batch < 1 || threads < 1 || runs < 1) {
                throw new IllegalArgumentException("outputs must be 2 or more, the other numbers 1 or more");
            }
            if (tasks % batch != 0) {
                throw new IllegalArgumentException(
                        tasks + " tasks are no whole number of steps of " + batch + "; the last would be another size");
            }
            if (peerPairs < 1 || batch * outputs * (outputs - 1) / 2 % peerPairs != 0) {
                throw new IllegalArgumentException(
                        "a step's pairs must be a whole number of the peer's passes of " + peerPairs);
            }
        }
    }

    /** Measures Podium alone. */
    public void alone(Wanted wanted) throws IOException, InterruptedException {
        BenchMain.Work work = work(wanted);
        List<JsonNode> ours = new ArrayList<>();
        List<JsonNode> others = new ArrayList<>();
        for (int run = 0; run < wanted.runs(); run++) {
            if (wanted.name().equals("ppo")) {
                others.add(told(podium(work.named("train"))));
            }
            ours.add(told(podium(work)));
        }
        print(new Figures(wanted, ours, others).lines());
    }

    /** Measures in turns with the peer; a ratio is that of neighbours in time, because machines are noisy. */
    public void withPeer(Wanted wanted) throws IOException, InterruptedException {
        if (wanted.name().equals("ppo")) {
            alone(wanted);
            return;
        }
        Path python = python();
        BenchMain.Work work = work(wanted);
        Path folder = Files.createTempDirectory("podium-bench-");
        try {
            // The writer of safetensors holds a whole model.
            execute(
                    podium(work, "-Xmx4g", Integer.toString(wanted.peerPairs()), folder.toString()),
                    NativeMemory.ENVIRONMENT);
            List<JsonNode> ours = new ArrayList<>();
            List<JsonNode> theirs = new ArrayList<>();
            for (int run = 0; run < wanted.runs(); run++) {
                err.println(wanted.name() + ": run " + (run + 1) + " of " + wanted.runs());
                err.flush();
                theirs.add(told(peer(python, wanted, folder)));
                ours.add(told(podium(work)));
            }
            print(new Figures(wanted, ours, theirs).lines());
        } finally {
            delete(folder);
        }
    }

    private BenchMain.Work work(Wanted w) {
        return new BenchMain.Work(
                w.name(),
                BenchModel.of(w.model()),
                modelsDir,
                w.outputs(),
                w.tasks(),
                w.batch(),
                w.threads(),
                w.format(),
                w.recompute());
    }

    private void print(List<ObjectNode> lines) {
        lines.forEach(out::println);
        out.flush();
    }

    /** A single run, for whoever looks closer. */
    private JsonNode told(JsonNode run) {
        err.println(run);
        err.flush();
        return run;
    }

    private static JsonNode podium(BenchMain.Work work) throws IOException, InterruptedException {
        return run(podium(work, "-Xmx1g"), NativeMemory.ENVIRONMENT);
    }

    private static List<String> podium(BenchMain.Work work, String heap, String... more) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                heap,
                "-XX:+UseSerialGC",
                "-XX:+IgnoreUnrecognizedVMOptions",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Dai.djl.offline=true",
                "-cp",
                System.getProperty("java.class.path"),
                BenchMain.class.getName()));
        command.addAll(work.arguments());
        command.addAll(List.of(more));
        return command;
    }

    /** In the environment that its users have: glibc's settings are part of what Podium does. */
    private JsonNode peer(Path python, Wanted wanted, Path folder) throws IOException, InterruptedException {
        return run(
                List.of(
                        python.toString(),
                        root.resolve("docs/benchmarks/peers/peer.py").toString(),
                        wanted.name(),
                        folder.toString(),
                        wanted.format() == WeightFormat.BFLOAT16 ? "bfloat16" : "float32"),
                Map.of());
    }

    private static JsonNode run(List<String> command, Map<String, String> environment)
            throws IOException, InterruptedException {
        String last = execute(command, environment)
                .strip()
                .lines()
                .reduce((a, b) -> b)
                .orElse("");
        if (!last.startsWith("{")) {
            throw new IOException("a measurement printed no result: " + last);
        }
        return JSON.readTree(last);
    }

    /** What a process prints; what it says besides is kept when it fails. */
    private static String execute(List<String> command, Map<String, String> environment)
            throws IOException, InterruptedException {
        Path log = Files.createTempFile("podium-bench-", ".log");
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(log.toFile());
        builder.environment().put("OPT_OUT_TRACKING", "true");
        builder.environment().putAll(environment);
        Process process = builder.start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        int exit = process.waitFor();
        if (exit != 0) {
            throw new IOException("a measurement ended with " + exit + "; its output is in " + log);
        }
        Files.delete(log);
        return printed;
    }

    private Path python() throws IOException {
        String named = System.getenv("PODIUM_PEERS_PYTHON");
        Path python = named == null ? root.resolve("docs/benchmarks/peers/.venv/bin/python") : Path.of(named);
        if (!Files.isExecutable(python)) {
            throw new IOException(
                    "the peers need a Python of their own: cd docs/benchmarks/peers && python3 -m venv .venv"
                            + " && .venv/bin/pip install -r requirements.txt (or name one by PODIUM_PEERS_PYTHON)");
        }
        return python;
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
