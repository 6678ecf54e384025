package dev.podium.training.round;

import dev.podium.contracts.RoundConfig;
import dev.podium.llm.base.BaseModelFiles;
import dev.podium.llm.base.BaseModels;
import dev.podium.llm.base.UnknownBaseModelException;
import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.files.ModelFileException;
import dev.podium.llm.files.UnsupportedModelException;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.MemoryPlan;
import dev.podium.llm.model.WeightFormat;
import dev.podium.llm.torch.TorchRuntime;
import dev.podium.training.loop.RoundStart;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Base models from a folder into libtorch; refuses those that cannot fit, before loading. */
public final class TorchBaseModels implements BaseModelSource {
    private static final Logger LOG = LoggerFactory.getLogger(TorchBaseModels.class);
    private static final String REMEDY =
            "Set training.baseFormat=nf4, lower training.maxLengthTokens, take a smaller base model or a larger"
                    + " machine";

    private static final String FULL_REMEDY =
            "Train an adapter instead (method=lora), lower training.maxLengthTokens, take a smaller base model or a"
                    + " larger machine";

    private final BaseModels models;
    private final String device;
    private final int threads;
    private final long memoryBytes;
    private @Nullable TorchRuntime runtime;

    /**
     * @param device {@code auto}, {@code cpu} or {@code cuda:N}
     * @param threads of one tensor operation
     */
    public TorchBaseModels(Path modelsDir, String device, int threads) {
        this(modelsDir, device, threads, physicalBytes());
    }

    /** @param memoryBytes that the process may take */
    TorchBaseModels(Path modelsDir, String device, int threads, long memoryBytes) {
        this.memoryBytes = memoryBytes;
        this.models = new BaseModels(modelsDir);
        this.device = device;
        this.threads = threads;
    }

    @Override
    public OpenModel open(String name, RoundConfig config) throws RoundFailure {
        return open(name, () -> models.open(name), config);
    }

    @Override
    public OpenModel open(Path folder, String name, RoundConfig config) throws RoundFailure {
        return open(name, () -> BaseModels.openFolder(folder, name), config);
    }

    private OpenModel open(String name, Supplier<BaseModelFiles> opener, RoundConfig config) throws RoundFailure {
        BaseModelFiles files;
        try {
            files = opener.get();
        } catch (UnknownBaseModelException | UnsupportedModelException | ModelFileException e) {
            throw new RoundFailure("unknown_base_model", String.valueOf(e.getMessage()), e);
        }
        boolean loaded = false;
        try {
            requireMemory(name, files.config(), config);
            // The engine starts on the thread that uses it, at the first round: an idle trainer stays small.
            CausalLM model = load(name, files, config);
            loaded = true;
            return new OpenModel(name, files.sha256(), files, model, () -> {
                model.close();
                files.close();
            });
        } finally {
            if (!loaded) {
                files.close();
            }
        }
    }

    private CausalLM load(String name, BaseModelFiles files, RoundConfig config) throws RoundFailure {
        try {
            CausalLM model = CausalLM.load(files.config(), files.weights(), runtime(), format(config));
            model.recomputeActivations(config instanceof RoundConfig.Tuning tuning
                    && tuning.training().recompute());
            return model;
        } catch (ModelFileException e) {
            throw new RoundFailure(
                    "unknown_base_model",
                    "the files of base model " + name + " do not fit together: " + e.getMessage(),
                    e);
        }
    }

    private TorchRuntime runtime() {
        TorchRuntime started = runtime;
        if (started == null) {
            started = TorchRuntime.start(device, threads);
            runtime = started;
        }
        return started;
    }

    /** Refuses what cannot fit even with the shortest passes, and says the numbers. */
    private void requireMemory(String name, ModelConfig base, RoundConfig config) throws RoundFailure {
        MemoryPlan least = plan(base, config, true);
        MemoryPlan most = plan(base, config, false);
        LOG.info("base model {} as {}: at most {}", name, format(config).label(), most);
        if (least.total() > memoryBytes) {
            throw new RoundFailure(
                    "out_of_memory",
                    "a " + config.kind() + " round on base model " + name + " as "
                            + format(config).label() + " needs at least " + least + "; this machine has "
                            + MemoryPlan.size(memoryBytes) + ". "
                            + (config instanceof RoundConfig.Sft sft && sft.isFull() ? FULL_REMEDY : REMEDY));
        }
        if (most.total() > memoryBytes) {
            LOG.warn(
                    "with the longest passes that is more than the {} of this machine; training.recompute=true takes"
                            + " less",
                    MemoryPlan.size(memoryBytes));
        }
    }

    private MemoryPlan plan(ModelConfig base, RoundConfig config, boolean least) {
        boolean narrow = runtime().multipliesBfloat16();
        if (!(config instanceof RoundConfig.Tuning tuning)) {
            return MemoryPlan.estimate(base, format(config), narrow, 0, false, 0, sampled(config));
        }
        int longest = tuning.training().maxLengthTokens();
        int tokens = least ? longest : Math.max(longest, MemoryPlan.tokensPerPass(base));
        boolean recompute = least || tuning.training().recompute();
        if (tuning instanceof RoundConfig.Sft sft && sft.isFull()) {
            return MemoryPlan.ofAllWeights(base, recompute, tokens);
        }
        return MemoryPlan.estimate(
                base,
                format(config),
                narrow,
                members(tuning) * RoundStart.shape(tuning.lora()).parameterCount(base),
                recompute,
                tokens,
                tuning instanceof RoundConfig.Ppo ? 1 : 0);
    }

    /** A SAMPLE round that mixes has a copy for each model. */
    private static int sampled(RoundConfig config) {
        return config instanceof RoundConfig.Sample sample
                ? 1 + (sample.mixWithBase() ? 1 : 0) + (sample.mixWith().isBlank() ? 0 : 1)
                : 1;
    }

    private static long members(RoundConfig.Tuning tuning) {
        return tuning instanceof RoundConfig.Reward reward ? reward.members() : 1;
    }

    private static WeightFormat format(RoundConfig config) {
        return config instanceof RoundConfig.Tuning tuning
                ? WeightFormat.of(tuning.training().baseFormat())
                : WeightFormat.FLOAT32;
    }

    /** Of the machine, or of the container where one limits it. */
    private static long physicalBytes() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
                ? system.getTotalMemorySize()
                : Long.MAX_VALUE;
    }
}
