package dev.podium.local.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.podium.contracts.Message;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.SampleSet;
import dev.podium.llm.base.BaseModelFiles;
import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.files.SafetensorsWriter;
import dev.podium.llm.generate.Completion;
import dev.podium.llm.generate.Generator;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.PeftFolder;
import dev.podium.llm.lora.ScalarHead;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.MemoryPlan;
import dev.podium.llm.model.WeightFormat;
import dev.podium.llm.torch.TorchRuntime;
import dev.podium.training.batch.MicroBatches;
import dev.podium.training.batch.PromptTokenizer;
import dev.podium.training.batch.TaskTokens;
import dev.podium.training.data.TrainingData;
import dev.podium.training.dpo.DpoTrainer;
import dev.podium.training.loop.RoundStart;
import dev.podium.training.ppo.PpoTrainer;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundReporter;
import dev.podium.training.round.RoundResult;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** One measurement in a process of its own, so that its peak memory is its own. Prints one JSON line. */
public final class BenchMain {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int PROMPT_WORDS = 90;
    private static final int OUTPUT_WORDS = 60;
    private static final int GENERATE_PROMPTS = 8;
    private static final int GENERATE_SAMPLES = 4;
    private static final int NEW_TOKENS = 64;

    private BenchMain() {}

    /**
     * What to measure.
     *
     * @param outputs per task (train)
     * @param tasks of the measured run (train)
     * @param batch tasks per optimiser step (train)
     * @param recompute whether activations are computed again in the backward pass (train)
     */
    record Work(
            String name,
            BenchModel model,
            Path modelsDir,
            int outputs,
            int tasks,
            int batch,
            int threads,
            WeightFormat format,
            boolean recompute) {
        List<String> arguments() {
            return List.of(
                    name,
                    model.label(),
                    modelsDir.toString(),
                    Integer.toString(outputs),
                    Integer.toString(tasks),
                    Integer.toString(batch),
                    Integer.toString(threads),
                    format.label(),
                    Boolean.toString(recompute));
        }

        /** Another measurement of the same size. */
        Work named(String other) {
            return new Work(other, model, modelsDir, outputs, tasks, batch, threads, format, recompute);
        }

        static Work of(String[] args) {
            return new Work(
                    args[0],
                    BenchModel.of(args[1]),
                    Path.of(args[2]),
                    Integer.parseInt(args[3]),
                    Integer.parseInt(args[4]),
                    Integer.parseInt(args[5]),
                    Integer.parseInt(args[6]),
                    WeightFormat.of(args[7]),
                    Boolean.parseBoolean(args[8]));
        }

        List<PreferenceSet> sets() {
            return BenchTasks.make(tasks, outputs, PROMPT_WORDS, OUTPUT_WORDS, model.label());
        }

        List<PreferenceSet> prompts() {
            return BenchTasks.make(GENERATE_PROMPTS, 2, PROMPT_WORDS, OUTPUT_WORDS, model.label());
        }
    }

    /**
     * Measures {@code train}, {@code generate} or {@code ppo}; with two more arguments, the peer's pairs in a pass and a
     * folder, writes the work there instead.
     */
    public static void main(String[] args) throws Exception {
        Work work = Work.of(args);
        if (args.length > work.arguments().size()) {
            export(work, Integer.parseInt(args[args.length - 2]), Path.of(args[args.length - 1]));
            return;
        }
        // Whatever a library prints, the line on standard output is the result alone.
        PrintStream out = System.out;
        System.setOut(System.err);
        try (BaseModelFiles files = work.model().open(work.modelsDir())) {
            TorchRuntime runtime = TorchRuntime.start("cpu", work.threads());
            double peak = Measured.matmulPeak(runtime.root());
            double bandwidth = Measured.memoryBandwidth(runtime.root());
            try (CausalLM model = CausalLM.load(files.config(), files.weights(), runtime, work.format())) {
                model.recomputeActivations(work.recompute());
                Map<String, Object> result = new LinkedHashMap<>();
                result.put("bench", work.name());
                result.put("tool", "podium");
                result.put("model", work.model().label());
                result.put("base", work.format().label());
                result.put("threads", work.threads());
                if (work.name().equals("train")) {
                    train(work, files, model, result);
                    result.put("matmul_peak_gflops", round(peak / 1e9));
                } else if (work.name().equals("ppo")) {
                    ppo(work, files, model, result);
                } else {
                    generate(work, files, model, result);
                    result.put("memory_gb_per_s_measured", round(bandwidth / 1e9));
                }
                result.put("peak_rss_mb", Measured.peakResidentBytes() >> 20);
                out.println(JSON.writeValueAsString(result));
            }
        }
    }

    /** The tokens and weights of a work, for a peer that does the same. */
    private static void export(Work work, int peerPairs, Path folder) throws IOException {
        try (BaseModelFiles files = work.model().open(work.modelsDir())) {
            // A peer in bfloat16 reads bfloat16: what it maps counts as its memory.
            BenchModel.writeHuggingFaceFolder(
                    files,
                    folder.resolve("model"),
                    work.format() == WeightFormat.BFLOAT16 ? SafetensorsWriter.Type.BF16 : SafetensorsWriter.Type.F32);
            PromptTokenizer tokenizer =
                    new PromptTokenizer(files, files.config().maxPositions());
            List<Map<String, Object>> tasks = tokenizer.tokenize(work.sets()).tasks().stream()
                    .map(task -> Map.<String, Object>of("prompt", task.prompt(), "completions", task.completions()))
                    .toList();
            List<int[]> prompts = tokenizer.tokenize(work.prompts()).tasks().stream()
                    .map(TaskTokens::prompt)
                    .toList();
            JSON.writeValue(
                    folder.resolve("tokens.json").toFile(),
                    Map.of(
                            "tasks", tasks,
                            "batch", work.batch(),
                            "prompts", prompts,
                            "samples", GENERATE_SAMPLES,
                            "new_tokens", NEW_TOKENS,
                            "pairs_per_pass", peerPairs,
                            "recompute", work.recompute(),
                            "threads", work.threads()));
        }
    }

    private static void train(Work work, BaseModelFiles files, CausalLM model, Map<String, Object> result)
            throws Exception {
        List<PreferenceSet> sets = work.sets();
        run(work, files, model, sets.subList(0, Math.min(2, sets.size())), new Steady(model));
        long start = System.nanoTime();
        Steady steady = new Steady(model);
        RoundResult round = run(work, files, model, sets, steady);
        double seconds = (System.nanoTime() - start) / 1e9;
        List<TaskTokens> tasks = new PromptTokenizer(files, files.config().maxPositions())
                .tokenize(sets)
                .tasks();
        long tokens = 0;
        long completion = 0;
        long pairs = 0;
        for (TaskTokens task : tasks) {
            long own = task.completions().stream().mapToLong(c -> c.length).sum();
            tokens += own + (long) task.completions().size() * task.prompt().length;
            completion += own;
            pairs += task.pairs().size();
        }
        result.put("outputs", work.outputs());
        result.put("tasks", tasks.size());
        result.put("seconds", round(seconds));
        result.put("rankings_per_s", round(tasks.size() / seconds));
        result.put("pairs_per_s", round(pairs / seconds));
        result.put("tokens_per_s", round(tokens / seconds));
        result.put("gflops", round(trainingFlops(files.config(), tasks, completion) / seconds / 1e9));
        result.put("recompute", work.recompute());
        result.put("planned_rss_mb", plan(work, model, tasks).total() >> 20);
        result.put("loss_first", round(round.metrics().getOrDefault("loss_first", Double.NaN)));
        result.put("loss_last", round(round.metrics().getOrDefault("loss_last", Double.NaN)));
        steady.into(result);
    }

    /** PPO with as many completions per step, of the length of the tasks' outputs, as DPO has outputs. */
    private static void ppo(Work work, BaseModelFiles files, CausalLM model, Map<String, Object> result)
            throws Exception {
        List<PreferenceSet> sets = work.sets();
        int longest = new PromptTokenizer(files, files.config().maxPositions())
                .tokenize(sets).tasks().stream()
                        .flatMap(task -> task.completions().stream())
                        .mapToInt(completion -> completion.length)
                        .max()
                        .orElse(1);
        RoundConfig.Ppo defaults = RoundConfig.Ppo.DEFAULT;
        int perStep = work.batch() * work.outputs();
        int steps = Math.max(1, work.tasks() / work.batch());
        RoundConfig.Ppo config = new RoundConfig.Ppo(
                1,
                defaults.lora(),
                new RoundConfig.Training(1e-4, 1, perStep, files.config().maxPositions(), 1.0, 0, 0, 1_000_000),
                perStep * steps,
                1,
                1,
                defaults.klCoefficient(),
                defaults.clip(),
                defaults.valueClip(),
                defaults.valueCoefficient(),
                defaults.gamma(),
                defaults.lambda(),
                1.0,
                longest,
                0,
                0);
        Path folder = Files.createTempDirectory("podium-bench-");
        try (LoraAdapter adapter =
                        LoraAdapter.initialise(model, RoundStart.shape(defaults.lora()), new SplittableRandom(1));
                ScalarHead head = ScalarHead.initialise(model, new SplittableRandom(2))) {
            PeftFolder.write(folder.resolve("reward"), adapter, Optional.of(head), files.name());
        }
        List<List<Message>> prompts = new ArrayList<>();
        for (int i = 0; i < perStep; i++) {
            prompts.add(sets.get(i % sets.size()).prompt());
        }
        Steady steady = new Steady(model);
        long start = System.nanoTime();
        try {
            new PpoTrainer()
                    .train(new RoundContext(
                            command(files, config, prompts),
                            new TrainingData(sets, List.of(), 0),
                            files,
                            model,
                            folder.resolve("work"),
                            Optional.empty(),
                            Optional.of(new RoundContext.RewardModel(folder.resolve("reward"), 1, 0)),
                            steady,
                            () -> false));
        } finally {
            delete(folder);
        }
        result.put("completions_per_step", perStep);
        result.put("seconds", round((System.nanoTime() - start) / 1e9));
    }

    private static void delete(Path folder) throws IOException {
        try (var all = Files.walk(folder)) {
            all.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
        }
    }

    private static RoundCommand.StartRound command(
            BaseModelFiles files, RoundConfig config, List<List<Message>> prompts) {
        return new RoundCommand.StartRound(
                "bench",
                "bench",
                config.kind(),
                "v1",
                files.name(),
                config,
                List.of(),
                Optional.empty(),
                config.kind() == RoundKind.PPO ? Optional.of("bench") : Optional.empty(),
                prompts,
                List.of(),
                "bench",
                Instant.EPOCH);
    }

    private static MemoryPlan plan(Work work, CausalLM model, List<TaskTokens> tasks) {
        int limit = MemoryPlan.tokensPerPass(model.config());
        // Any tasks may meet in a batch: the longest ones.
        List<TaskTokens> longest = tasks.stream()
                .sorted(Comparator.comparingInt(TaskTokens::tokens).reversed())
                .limit(work.batch())
                .toList();
        int largest = MicroBatches.ofTasks(longest, limit).stream()
                .mapToInt(part -> part.stream().mapToInt(TaskTokens::tokens).sum())
                .max()
                .orElse(0);
        long adapter = RoundStart.shape(RoundConfig.Dpo.DEFAULT.lora()).parameterCount(model.config());
        return MemoryPlan.estimate(
                model.config(),
                work.format(),
                model.runtime().multipliesBfloat16(),
                adapter,
                work.recompute(),
                largest,
                0);
    }

    /** What is really computed: the prompt once per task, forward twice (the reference once) and gradients of states. */
    private static double trainingFlops(ModelConfig c, List<TaskTokens> tasks, long completionTokens) {
        double linear = (double) c.layers()
                * (2.0 * c.hiddenSize() * c.heads() * c.headSize()
                        + 2.0 * c.hiddenSize() * c.keyValueHeads() * c.headSize()
                        + 3.0 * c.hiddenSize() * c.intermediateSize());
        double tokens = 0;
        for (TaskTokens task : tasks) {
            tokens += task.prompt().length
                    + task.completions().stream().mapToInt(x -> x.length).sum();
        }
        double head = (double) c.vocabularySize() * c.hiddenSize();
        return 6 * linear * tokens + 6 * head * completionTokens;
    }

    private static RoundResult run(
            Work work, BaseModelFiles files, CausalLM model, List<PreferenceSet> sets, RoundReporter reporter)
            throws Exception {
        RoundConfig.Dpo defaults = RoundConfig.Dpo.DEFAULT;
        RoundConfig.Training training =
                new RoundConfig.Training(1e-4, 1, work.batch(), files.config().maxPositions(), 1.0, 0, 0, 1_000_000);
        RoundConfig.Dpo config = new RoundConfig.Dpo(1, defaults.lora(), training, defaults.loss(), defaults.beta(), 0);
        Path folder = Files.createTempDirectory("podium-bench-");
        try {
            return new DpoTrainer()
                    .train(new RoundContext(
                            command(files, config, List.of()),
                            new TrainingData(sets, List.of(), 0),
                            files,
                            model,
                            folder,
                            Optional.empty(),
                            Optional.empty(),
                            reporter,
                            () -> false));
        } finally {
            delete(folder);
        }
    }

    private static void generate(Work work, BaseModelFiles files, CausalLM model, Map<String, Object> result) {
        List<int[]> prompts = new PromptTokenizer(files, files.config().maxPositions())
                .tokenize(work.prompts()).tasks().stream()
                        .map(TaskTokens::prompt)
                        .toList();
        // No end token: every completion has all its tokens, here and there.
        int[] noEnd = {};
        try (Generator warmUp = new Generator(model, Optional.empty())) {
            warmUp.generate(prompts.subList(0, 1), 1, new SamplingParameters(1, 0, 1, 4, 1), noEnd);
        }
        long start = System.nanoTime();
        List<List<Completion>> all;
        // Packing the weights counts.
        try (Generator generator = new Generator(model, Optional.empty())) {
            all = generator.generate(prompts, GENERATE_SAMPLES, new SamplingParameters(1, 0, 1, NEW_TOKENS, 1), noEnd);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        long tokens = all.stream()
                .flatMap(List::stream)
                .mapToLong(c -> c.tokenIds().length)
                .sum();
        result.put("prompts", prompts.size());
        result.put("samples", GENERATE_SAMPLES);
        result.put("new_tokens", NEW_TOKENS);
        result.put("prompt_tokens", prompts.stream().mapToInt(p -> p.length).sum());
        result.put("seconds", round(seconds));
        result.put("tokens_per_s", round(tokens / seconds));
        int longest = prompts.stream().mapToInt(p -> p.length).max().orElse(0);
        MemoryPlan plan = MemoryPlan.estimate(
                model.config(), work.format(), model.runtime().multipliesBfloat16(), 0, false, longest + NEW_TOKENS, 1);
        result.put("planned_rss_mb", plan.total() >> 20);
        result.put("weights_gb_per_s", round(4.0 * model.parameterCount() * NEW_TOKENS / seconds / 1e9));
    }

    private static double round(double value) {
        return Double.isFinite(value) ? Double.parseDouble(String.format(Locale.ROOT, "%.4g", value)) : value;
    }

    /** Looks, after the step at which all memory should be there, whether more is taken later. */
    private static final class Steady implements RoundReporter {
        private static final int WARM_STEP = 50;
        private static final int WINDOW = 20;

        private final CausalLM model;
        private final List<Long> megabytes = new ArrayList<>();
        private final List<Integer> stepsRead = new ArrayList<>();
        private int warmArrays;
        private int mostArrays;

        Steady(CausalLM model) {
            this.model = model;
        }

        @Override
        public void started(Map<String, Double> info, int resumedFromStep, int totalSteps) {
            // Not followed.
        }

        @Override
        public void progress(int step, int totalSteps, Map<String, Double> metrics, double etaSeconds) {
            long resident = Measured.residentBytes() >> 20;
            System.err.println(Arrays.asList(step, totalSteps, metrics.get("loss"), resident));
            stepsRead.add(step);
            megabytes.add(resident);
            if (step >= WARM_STEP) {
                int arrays = model.runtime().arrays();
                warmArrays = warmArrays == 0 ? arrays : warmArrays;
                mostArrays = Math.max(mostArrays, arrays);
            }
        }

        /** Median of the readings of some steps: one reading may fall into the middle of something. */
        private long median(int from, int to) {
            long[] some = IntStream.range(0, stepsRead.size())
                    .filter(i -> stepsRead.get(i) >= from && stepsRead.get(i) <= to)
                    .mapToLong(megabytes::get)
                    .sorted()
                    .toArray();
            return some.length == 0 ? 0 : some[some.length / 2];
        }

        void into(Map<String, Object> result) {
            int steps = stepsRead.isEmpty() ? 0 : stepsRead.getLast();
            if (steps < WARM_STEP + WINDOW) {
                return;
            }
            result.put("steps", steps);
            result.put("rss_mb_at_step_50", median(WARM_STEP - WINDOW / 2, WARM_STEP + WINDOW / 2));
            result.put("rss_mb_after_step_50", median(steps - WINDOW, steps));
            result.put(
                    "rss_mb_highest",
                    megabytes.stream().mapToLong(Long::longValue).max().orElse(0));
            result.put("arrays_at_step_50", warmArrays);
            result.put("arrays_after_step_50", mostArrays);
        }

        @Override
        public void checkpointed(int step) {
            // Not followed.
        }

        @Override
        public void sample(SampleSet set) {
            // Not followed.
        }
    }
}
