package dev.podium.training;

import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.SampleSet;
import dev.podium.llm.base.BaseModelFiles;
import dev.podium.llm.base.BaseModels;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.torch.TorchRuntime;
import dev.podium.training.data.TrainingData;
import dev.podium.training.round.Guard;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundReporter;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/** A round on a tiny random Llama whose tokens are characters: real gradients, in seconds. */
public final class TinyRound implements AutoCloseable {
    public static final Path GOLDEN = Path.of("src/test/resources/golden");
    public static final RoundConfig.Lora LORA = new RoundConfig.Lora(8, 16, 0, RoundConfig.Lora.ALL_TARGETS);
    private static final Instant NOW = Instant.parse("2026-11-24T00:00:00Z");

    private static final class Holder {
        static final TorchRuntime RUNTIME = TorchRuntime.start("cpu", 1);
    }

    public final BaseModelFiles base;
    public final CausalLM model;
    public final Recorder recorder = new Recorder();

    public TinyRound() {
        Holder.RUNTIME.enterThread();
        base = new BaseModels(GOLDEN).open("tiny-llama");
        model = CausalLM.load(base.config(), base.weights(), Holder.RUNTIME);
    }

    /** Remembers what a trainer told. */
    public static final class Recorder implements RoundReporter {
        public final List<Map<String, Double>> progress = new ArrayList<>();
        public final List<Integer> checkpoints = new ArrayList<>();
        public final List<SampleSet> samples = new ArrayList<>();
        public final List<Integer> resumedFrom = new ArrayList<>();
        public final List<Guard> guards = new ArrayList<>();
        public Map<String, Double> info = Map.of();
        public int totalSteps;
        /** Is told of each checkpoint, and of each sample before it. */
        public IntConsumer onCheckpoint = step -> {};

        public Consumer<SampleSet> onSample = set -> {};

        @Override
        public void started(Map<String, Double> startInfo, int resumedFromStep, int steps) {
            info = startInfo;
            totalSteps = steps;
            resumedFrom.add(resumedFromStep);
        }

        @Override
        public void progress(int step, int steps, Map<String, Double> metrics, double etaSeconds) {
            progress.add(metrics);
        }

        @Override
        public void checkpointed(int step) {
            checkpoints.add(step);
            onCheckpoint.accept(step);
        }

        @Override
        public void guarded(Guard guard) {
            guards.add(guard);
        }

        @Override
        public void sample(SampleSet set) {
            samples.add(set);
            onSample.accept(set);
        }
    }

    public static RoundConfig.Training training(double learningRate, double epochs, int batch) {
        return new RoundConfig.Training(learningRate, epochs, batch, 256, 1.0, 0, 0.25, 3);
    }

    /** Tasks whose polite outputs win over curt ones, in three ranks, with one tie. */
    public static TrainingData politeness(int train, int heldOut) {
        List<PreferenceSet> sets = new ArrayList<>();
        for (int i = 0; i < train + heldOut; i++) {
            sets.add(task(
                    "task" + i,
                    "Where is parcel " + i + "?",
                    List.of("Thank you, it comes.", "It comes.", "no", "No " + (char) ('a' + i % 26)),
                    List.of(new int[] {0, 1}, new int[] {0, 2}, new int[] {0, 3}, new int[] {1, 2}, new int[] {1, 3})));
        }
        return new TrainingData(sets.subList(0, train), sets.subList(train, train + heldOut), 0);
    }

    public static PreferenceSet task(String id, String prompt, List<String> texts, List<int[]> decided) {
        List<Output> outputs = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
            outputs.add(new Output("o" + i, texts.get(i), Output.Provenance.imported(), List.of()));
        }
        List<PreferenceSet.Pair> pairs = new ArrayList<>();
        for (int[] pair : decided) {
            pairs.add(new PreferenceSet.Pair("o" + pair[0], "o" + pair[1], 1.0 / decided.size(), 1, 0, 0.5, 0.75));
        }
        return new PreferenceSet(
                "p",
                id,
                List.of(Message.user(prompt)),
                outputs,
                Optional.empty(),
                pairs,
                List.of(),
                Map.of(),
                List.of(),
                false,
                !pairs.isEmpty(),
                NOW);
    }

    /** A task with other ties, marks and rankings. */
    public static PreferenceSet with(
            PreferenceSet set,
            List<PreferenceSet.Tie> ties,
            Map<String, Integer> unacceptable,
            List<PreferenceSet.RankingUsed> rankings) {
        return new PreferenceSet(
                set.projectId(),
                set.taskId(),
                set.prompt(),
                set.outputs(),
                set.baseModel(),
                set.pairs(),
                ties,
                unacceptable,
                rankings,
                set.cycle(),
                set.decided(),
                set.updatedAt());
    }

    public RoundContext context(RoundConfig config, TrainingData data, Path workDir) {
        return context(config, data, workDir, Optional.empty(), Optional.empty(), () -> false);
    }

    public RoundContext context(
            RoundConfig config,
            TrainingData data,
            Path workDir,
            Optional<Path> initialAdapter,
            Optional<RoundContext.RewardModel> reward,
            BooleanSupplier cancelled) {
        return context(config, data, List.of(), List.of(), workDir, initialAdapter, reward, cancelled);
    }

    public RoundContext context(
            RoundConfig config,
            TrainingData data,
            List<List<Message>> prompts,
            List<RoundCommand.SftRecord> records,
            Path workDir,
            Optional<Path> initialAdapter,
            Optional<RoundContext.RewardModel> reward,
            BooleanSupplier cancelled) {
        RoundCommand.StartRound command = new RoundCommand.StartRound(
                "r1",
                "p",
                config.kind(),
                "v1",
                "tiny-llama",
                config,
                List.of(),
                initialAdapter.map(path -> "v0"),
                Optional.of("v0"),
                prompts,
                records,
                "test",
                NOW);
        return new RoundContext(command, data, base, model, workDir, initialAdapter, reward, recorder, cancelled);
    }

    /** The same with another adapter to mix in. */
    public static RoundContext mixing(RoundContext context, Path mixAdapter) {
        return new RoundContext(
                context.command(),
                context.data(),
                context.base(),
                context.model(),
                context.workDir(),
                context.initialAdapter(),
                context.rewardModel(),
                context.reporter(),
                context.cancelled(),
                Optional.of(mixAdapter));
    }

    /** Cancels once this many checks were made: a stop in mid-round, as far as the disk can tell a kill. */
    public static BooleanSupplier afterChecks(int checks) {
        int[] made = {0};
        return () -> ++made[0] > checks;
    }

    /** Bytes of the adapter's weights. */
    public static byte[] weights(Path folder) {
        try {
            return java.nio.file.Files.readAllBytes(folder.resolve("adapter_model.safetensors"));
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        model.close();
        base.close();
    }
}
