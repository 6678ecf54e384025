package dev.podium.local.bench.methods;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.SampleSet;
import dev.podium.llm.base.BaseModelFiles;
import dev.podium.llm.base.BaseModels;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.PeftFolder;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.torch.TorchRuntime;
import dev.podium.training.batch.PromptTokenizer;
import dev.podium.training.data.TrainingData;
import dev.podium.training.dpo.DpoTrainer;
import dev.podium.training.ppo.PpoTrainer;
import dev.podium.training.reward.RewardTrainer;
import dev.podium.training.round.RoundCancelled;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import dev.podium.training.round.RoundReporter;
import dev.podium.training.round.RoundResult;
import dev.podium.training.sft.SftTrainer;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Some methods with one seed, in a process of their own; prints one JSON line as soon as a method is done. */
public final class MethodRun {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String NORMALISATION = "normalisation.json";
    private static final double GREEDY = 0;
    private static final double SAMPLED = 1;

    private final Work work;
    private final BaseModelFiles files;
    private final CausalLM model;
    private final MethodScale scale;
    private final TrainingData data;
    private final ObjectNode figures = JSON.createObjectNode();

    private MethodRun(Work work, BaseModelFiles files, CausalLM model) throws IOException {
        this.work = work;
        this.files = files;
        this.model = model;
        this.scale = MethodScale.of(work.model());
        this.data =
                MethodData.of(files, model, scale, work.trees(), work.folder().resolve("tasks.jsonl"));
    }

    /**
     * What to run.
     *
     * @param folder where tasks and reward models are kept for other runs
     * @param trees ranked conversations; empty: the rubric ranks the model's own answers
     */
    record Work(
            String model, Path modelsDir, Method method, long seed, Path folder, Optional<Path> trees, int threads) {
        /** @param methods in order, in place of the one of this work */
        List<String> arguments(List<Method> methods) {
            return List.of(
                    model,
                    modelsDir.toString(),
                    String.join(",", methods.stream().map(Method::label).toList()),
                    Long.toString(seed),
                    folder.toString(),
                    trees.map(Path::toString).orElse(""),
                    Integer.toString(threads));
        }

        static List<Work> of(String[] arguments) {
            return Method.of(List.of(arguments[2].split(","))).stream()
                    .map(method -> new Work(
                            arguments[0],
                            Path.of(arguments[1]),
                            method,
                            Long.parseLong(arguments[3]),
                            Path.of(arguments[4]),
                            arguments[5].isEmpty() ? Optional.empty() : Optional.of(Path.of(arguments[5])),
                            Integer.parseInt(arguments[6])))
                    .toList();
        }
    }

    /** Runs methods one after the other; ends at the first that fails. */
    public static void main(String[] arguments) throws Exception {
        List<Work> all = Work.of(arguments);
        // Whatever a library prints, the lines on standard output are the results alone.
        PrintStream out = System.out;
        System.setOut(System.err);
        TorchRuntime runtime = TorchRuntime.start("cpu", all.getFirst().threads());
        for (Work work : all) {
            System.err.println(work.method().label() + " with seed " + work.seed());
            // Anew for each: full fine-tuning changes the model itself.
            try (BaseModelFiles files = new BaseModels(work.modelsDir()).open(work.model());
                    CausalLM model = CausalLM.load(files.config(), files.weights(), runtime)) {
                out.println(JSON.writeValueAsString(new MethodRun(work, files, model).run()));
                out.flush();
            }
        }
    }

    private ObjectNode run() throws IOException, RoundFailure, RoundCancelled {
        long began = System.nanoTime();
        ObjectNode line = JSON.createObjectNode();
        line.put("bench", "methods");
        line.put("model", work.model());
        line.put("method", work.method().label());
        line.put("seed", work.seed());
        line.put("train_tasks", data.train().size());
        line.put("heldout_tasks", data.heldOut().size());
        Path folder = Files.createTempDirectory("podium-methods-");
        try {
            Optional<RoundContext.RewardModel> reward =
                    work.method().kind() == RoundKind.PPO ? Optional.of(rewardModel()) : Optional.empty();
            long start = System.nanoTime();
            RoundResult result = train(scale.config(work.method(), work.seed()), folder, reward);
            line.put("training_seconds", round((System.nanoTime() - start) / 1e9));
            if (work.method().equals(Method.REWARD_OF_PPO)) {
                keep(result.adapter().orElseThrow());
            }
            tell(result.metrics());
            if (scale.judged().isPresent() && work.method().kind() != RoundKind.REWARD) {
                judge(result, scale.judged().get());
            }
        } finally {
            delete(folder);
        }
        line.set("figures", figures);
        line.put("seconds", round((System.nanoTime() - began) / 1e9));
        return line;
    }

    private RoundResult train(RoundConfig config, Path folder, Optional<RoundContext.RewardModel> reward)
            throws RoundFailure, RoundCancelled {
        boolean ppo = config.kind() == RoundKind.PPO;
        TrainingData used = ppo && data.heldOut().size() > scale.judgedRollouts()
                ? new TrainingData(data.train(), data.heldOut().subList(0, scale.judgedRollouts()), 0)
                : data;
        RoundCommand.StartRound command = new RoundCommand.StartRound(
                "bench",
                "bench",
                config.kind(),
                "v1",
                files.name(),
                config,
                List.of(),
                Optional.empty(),
                ppo ? Optional.of("bench") : Optional.empty(),
                List.of(),
                List.of(),
                "bench",
                Instant.EPOCH);
        RoundContext context = new RoundContext(
                command, used, files, model, folder, Optional.empty(), reward, new Silent(), () -> false);
        return switch (config.kind()) {
            case SFT -> new SftTrainer().train(context);
            case REWARD -> new RewardTrainer().train(context);
            case DPO -> new DpoTrainer().train(context);
            case PPO -> new PpoTrainer().train(context);
            case SAMPLE -> throw new IllegalArgumentException("sampling trains nothing");
        };
    }

    /** The reward model of this seed: that of the method which trains it, or trained now. */
    private RoundContext.RewardModel rewardModel() throws IOException, RoundFailure, RoundCancelled {
        Path kept = rewardFolder();
        if (!Files.exists(kept)) {
            Path folder = Files.createTempDirectory("podium-methods-");
            try {
                keep(train(scale.config(Method.REWARD_OF_PPO, work.seed()), folder, Optional.empty())
                        .adapter()
                        .orElseThrow());
            } finally {
                delete(folder);
            }
        }
        JsonNode numbers = JSON.readTree(kept.resolve(NORMALISATION).toFile());
        return new RoundContext.RewardModel(
                kept.resolve("adapter"),
                numbers.path("gain").asDouble(),
                numbers.path("bias").asDouble());
    }

    private Path rewardFolder() {
        return work.folder().resolve("reward-" + work.seed());
    }

    private void keep(RoundResult.TrainedAdapter adapter) throws IOException {
        Path kept = rewardFolder();
        if (Files.exists(kept)) {
            return;
        }
        Path aside = Files.createTempDirectory(work.folder(), "keep-");
        Files.createDirectories(aside.resolve("adapter"));
        try (Stream<Path> all = Files.list(adapter.folder())) {
            for (Path file : all.toList()) {
                Files.copy(
                        file,
                        aside.resolve("adapter").resolve(file.getFileName().toString()));
            }
        }
        JSON.writeValue(
                aside.resolve(NORMALISATION).toFile(),
                Map.of(
                        "gain", adapter.rewardGain().orElse(1.0),
                        "bias", adapter.rewardBias().orElse(0.0)));
        Files.move(aside, kept, StandardCopyOption.ATOMIC_MOVE);
    }

    /** What the trainer measured on held-out tasks. */
    private void tell(Map<String, Double> metrics) {
        switch (work.method().kind()) {
            case SFT -> figure("heldout_loss", metrics, "heldout_loss_before", "heldout_loss_after");
            case REWARD -> {
                figure("heldout_accuracy", metrics, "heldout_accuracy_before", "heldout_accuracy_after");
                figure("heldout_brier", metrics, "", "heldout_brier");
                figure("heldout_ece", metrics, "", "heldout_ece");
            }
            case DPO -> {
                figure("heldout_accuracy", metrics, "", "heldout_accuracy");
                figure("heldout_margin", metrics, "", "heldout_margin");
            }
            case PPO -> {
                figure("heldout_reward", metrics, "reward_before", "reward_after");
                figure("heldout_kl", metrics, "kl_before", "kl");
            }
            case SAMPLE -> {}
        }
    }

    private void figure(String name, Map<String, Double> metrics, String before, String after) {
        Double value = metrics.get(after);
        if (value != null) {
            figure(name, Optional.ofNullable(metrics.get(before)), value);
        }
    }

    private void figure(String name, Optional<Double> before, double after) {
        ObjectNode figure = figures.putObject(name);
        before.ifPresent(value -> figure.put("before", round(value)));
        figure.put("after", round(after));
    }

    private void judge(RoundResult result, int prompts) throws IOException, RoundFailure {
        RoundResult.TrainedAdapter trained = result.adapter().orElseThrow();
        RubricJudge judge =
                new RubricJudge(new PromptTokenizer(files, scale.maxLengthTokens()), prompts, scale.maxNewTokens());
        // Where the model itself was trained, its weights are no longer the base's.
        try (BaseModelFiles baseFiles = new BaseModels(work.modelsDir()).open(work.model());
                CausalLM base = CausalLM.load(baseFiles.config(), baseFiles.weights(), model.runtime())) {
            for (double temperature : new double[] {GREEDY, SAMPLED}) {
                String name = temperature == GREEDY ? "greedy" : "sampled";
                // Another stream of chance for each side, so that neither copies the other's luck.
                double[] before = baseScores(judge, base, temperature);
                double[] after = scores(judge, base, trained, temperature);
                figure("rubric_win_rate_" + name, Optional.empty(), RubricJudge.winRate(after, before));
                figure("rubric_score_" + name, Optional.of(mean(before)), mean(after));
            }
        }
    }

    /** Kept: they are the same for all methods of a seed. */
    private double[] baseScores(RubricJudge judge, CausalLM base, double temperature) throws IOException {
        long seed = temperature == GREEDY ? 0 : 2 * work.seed() + 1;
        Path kept = work.folder().resolve("base-scores-" + seed + ".json");
        if (!Files.exists(kept)) {
            JSON.writeValue(kept.toFile(), judge.scores(base, Optional.empty(), temperature, seed));
        }
        return JSON.readValue(kept.toFile(), double[].class);
    }

    /** Of the result as it was written. */
    private double[] scores(RubricJudge judge, CausalLM base, RoundResult.TrainedAdapter trained, double temperature) {
        long seed = 2 * work.seed();
        return switch (trained.kind()) {
            case MODEL -> {
                try (BaseModelFiles own = BaseModels.openFolder(trained.folder(), "trained");
                        CausalLM whole = CausalLM.load(own.config(), own.weights(), model.runtime())) {
                    yield judge.scores(whole, Optional.empty(), temperature, seed);
                }
            }
            case POLICY, REWARD -> {
                try (LoraAdapter adapter = PeftFolder.read(trained.folder(), base)) {
                    yield judge.scores(base, Optional.of(adapter), temperature, seed);
                }
            }
        };
    }

    private static double mean(double[] values) {
        return java.util.Arrays.stream(values).average().orElse(Double.NaN);
    }

    private static double round(double value) {
        return Double.isFinite(value) ? Double.parseDouble(String.format(Locale.ROOT, "%.5g", value)) : value;
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path file : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    /** Steps go to standard error. */
    private static final class Silent implements RoundReporter {
        @Override
        public void started(Map<String, Double> info, int resumedFromStep, int totalSteps) {
            System.err.println("started: " + totalSteps + " steps, " + info);
        }

        @Override
        public void progress(int step, int totalSteps, Map<String, Double> metrics, double etaSeconds) {
            System.err.println("step " + step + "/" + totalSteps + " " + metrics);
        }

        @Override
        public void checkpointed(int step) {
            // None is made.
        }

        @Override
        public void sample(SampleSet set) {
            // None is made.
        }
    }
}
