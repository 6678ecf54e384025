package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.local.bench.methods.Method;
import dev.podium.local.bench.methods.MethodFigures;
import dev.podium.local.bench.methods.MethodFolder;
import dev.podium.local.bench.methods.Methods;
import dev.podium.local.stack.Installation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What every method is worth on held-out tasks. */
@Command(
        name = "methods",
        description = {
            "Trains with every method and several seeds, and measures on held-out tasks before and after.",
            "Needs no running stack. A run that is in the file of runs is not run again."
        })
final class BenchMethodsCommand implements Callable<Integer> {
    private final Session session;

    @Option(names = "--model", defaultValue = "podium-nano", description = "base model")
    private String model = "";

    @Option(names = "--methods", split = ",", description = "such as sft,dpo/sigmoid; all when absent")
    private List<String> methods = List.of();

    @Option(names = "--seeds", defaultValue = "3", description = "seeds from 1 to this")
    private int seeds;

    @Option(names = "--data", description = "ranked conversation trees (OpenAssistant); the demo's rubric when absent")
    private Optional<Path> data = Optional.empty();

    @Option(
            names = "--runs-file",
            description = "one JSON line per run; .podium/bench-methods/MODEL/runs.jsonl when absent")
    private Optional<Path> runsFile = Optional.empty();

    @Option(names = "--markdown", description = "writes the tables there")
    private Optional<Path> markdown = Optional.empty();

    @Option(names = "--report", description = "tells of the runs in the file, and runs nothing")
    private boolean report;

    @Option(names = "--threads", defaultValue = "1", description = "of libtorch")
    private int threads;

    @Option(names = "--models-dir", description = "base models; PODIUM_MODELS_DIR or .podium/models when absent")
    private Optional<Path> modelsDir = Optional.empty();

    BenchMethodsCommand(Session session) {
        this.session = session;
    }

    @Override
    public Integer call() throws Exception {
        Path home = Installation.find().root().resolve(".podium");
        Path models = modelsDir.orElseGet(() -> Optional.ofNullable(System.getenv("PODIUM_MODELS_DIR"))
                .map(Path::of)
                .orElse(home.resolve("models")));
        Path folder = home.resolve("bench-methods").resolve(model);
        List<Method> wanted = methods.isEmpty() ? Method.all() : Method.of(methods);
        Methods all = new Methods(
                new Methods.Wanted(
                        model,
                        models,
                        wanted,
                        seeds,
                        runsFile.orElse(folder.resolve("runs.jsonl")),
                        MethodFolder.in(folder, model, data),
                        data,
                        threads),
                session.err(),
                Session.isTerminal());
        List<JsonNode> runs = report ? all.found() : all.run();
        MethodFigures figures = new MethodFigures(runs);
        figures.lines().forEach(session.out()::println);
        session.out().flush();
        if (markdown.isPresent()) {
            Files.writeString(markdown.get(), figures.markdown());
        }
        return report || runs.size() == wanted.size() * seeds ? 0 : 1;
    }
}
