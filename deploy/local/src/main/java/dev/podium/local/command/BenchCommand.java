package dev.podium.local.command;

import dev.podium.llm.model.WeightFormat;
import dev.podium.local.bench.Bench;
import dev.podium.local.bench.ExportBench;
import dev.podium.local.bench.FeedbackBench;
import dev.podium.local.bench.streams.StreamsBench;
import dev.podium.local.stack.Installation;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Measures training and sampling. */
@Command(name = "bench", description = "Measures training and sampling; one JSON line per figure.")
final class BenchCommand implements Callable<Integer> {
    private final Session session;

    @Parameters(
            arity = "0..1",
            paramLabel = "NAME",
            description = "train, generate, ppo, feedback, streams or export; the first three when absent")
    private Optional<String> name = Optional.empty();

    @Option(names = "--peers", description = "in turns with TRL and transformers, and the ratios")
    private boolean peers;

    @Option(names = "--model", defaultValue = "smollm2-135m-instruct", description = "or random-30m")
    private String model = "";

    @Option(names = "--outputs", description = "per ranking (train); 2 and 4 when absent")
    private Optional<Integer> outputs = Optional.empty();

    @Option(names = "--tasks", defaultValue = "16", description = "rankings of a run (train)")
    private int tasks;

    @Option(names = "--batch", defaultValue = "4", description = "rankings of a step (train)")
    private int batch;

    @Option(names = "--threads", defaultValue = "2", description = "of libtorch")
    private int threads;

    @Option(names = "--runs", description = "1; with --peers 5")
    private Optional<Integer> runs = Optional.empty();

    @Option(names = "--base", defaultValue = "float32", description = "base in float32, bfloat16, int8 or nf4")
    private String base = "";

    @Option(names = "--recompute", description = "activations again in the backward pass (train)")
    private boolean recompute;

    @Option(names = "--peer-pairs", defaultValue = "1", description = "in a pass of the peer (train); 1 when absent")
    private int peerPairs;

    @Option(names = "--models-dir", description = "base models; PODIUM_MODELS_DIR or .podium/models when absent")
    private Optional<Path> modelsDir = Optional.empty();

    @Option(names = "--labelers", defaultValue = "50", description = "at work at once (feedback)")
    private int labelers;

    @Option(names = "--open-tasks", defaultValue = "1000000", description = "of the large store (feedback)")
    private int openTasks;

    @Option(names = "--pairs", defaultValue = "1000000", description = "of an export (export)")
    private int pairs;

    @Option(names = "--seconds", defaultValue = "30", description = "of a run (feedback), of the latency (streams)")
    private int seconds;

    @Option(names = "--part", description = "throughput, latency or swap (streams); all when absent")
    private Optional<String> part = Optional.empty();

    @Option(names = "--rankings", defaultValue = "1000000", description = "of the throughput (streams)")
    private int rankings;

    BenchCommand(Session session) {
        this.session = session;
    }

    @Override
    public Integer call() throws Exception {
        if (name.equals(Optional.of("feedback"))) {
            return feedback();
        }
        if (name.equals(Optional.of("streams"))) {
            return streams();
        }
        if (name.equals(Optional.of("export"))) {
            return export();
        }
        Path root = Installation.find().root();
        Path models = modelsDir.orElseGet(() -> Optional.ofNullable(System.getenv("PODIUM_MODELS_DIR"))
                .map(Path::of)
                .orElse(root.resolve(".podium/models")));
        Bench bench = new Bench(root, models, session.out(), session.err());
        try {
            for (String each : name.map(List::of).orElse(List.of("train", "generate", "ppo"))) {
                List<Integer> sizes = outputs.map(List::of).orElse(List.of(2, 4));
                for (int size : each.equals("train") ? sizes : List.of(2)) {
                    Bench.Wanted wanted = new Bench.Wanted(
                            each,
                            model,
                            size,
                            tasks,
                            batch,
                            threads,
                            runs.orElse(peers ? 5 : 1),
                            WeightFormat.of(base),
                            recompute,
                            peerPairs);
                    if (peers) {
                        bench.withPeer(wanted);
                    } else {
                        bench.alone(wanted);
                    }
                }
            }
            return 0;
        } catch (IllegalArgumentException | IOException e) {
            session.err().println("podium: " + e.getMessage());
            return 1;
        }
    }

    private int streams() throws Exception {
        try {
            new StreamsBench(Installation.find(), session.out(), session.err())
                    .run(part.map(List::of).orElse(StreamsBench.PARTS), rankings, seconds);
            return 0;
        } catch (IllegalArgumentException | IOException | StackException e) {
            session.err().println("podium: " + e.getMessage());
            return 1;
        }
    }

    private int export() throws Exception {
        try {
            if (new ExportBench(pairs, session.out(), session.err()).run()) {
                return 0;
            }
            session.err().println("podium: an export was not whole");
        } catch (IllegalArgumentException | IOException | StackException e) {
            session.err().println("podium: " + e.getMessage());
        }
        return 1;
    }

    private int feedback() throws Exception {
        try {
            FeedbackBench.Wanted wanted = new FeedbackBench.Wanted(labelers, openTasks, seconds, runs.orElse(3));
            if (new FeedbackBench(wanted, session.out(), session.err()).run()) {
                return 0;
            }
            session.err().println("podium: rankings were lost or doubled");
        } catch (IllegalArgumentException | IOException | StackException e) {
            session.err().println("podium: " + e.getMessage());
        }
        return 1;
    }
}
