package dev.podium.training.round;

import dev.podium.llm.base.BaseModelFiles;
import dev.podium.llm.base.BaseModels;
import dev.podium.llm.base.UnknownBaseModelException;
import dev.podium.llm.files.ModelFileException;
import dev.podium.llm.files.UnsupportedModelException;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.torch.TorchRuntime;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Base models from a folder into libtorch; refuses those that cannot fit, before loading. */
public final class TorchBaseModels implements BaseModelSource {
    private static final Logger LOG = LoggerFactory.getLogger(TorchBaseModels.class);
    /** Weights in float32 once, and half as much for adapters, optimiser state and activations. */
    private static final double MEMORY_FACTOR = 1.5;

    private static final int BYTES_PER_PARAMETER = 4;

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
    public OpenModel open(String name) throws RoundFailure {
        BaseModelFiles files;
        try {
            files = models.open(name);
        } catch (UnknownBaseModelException | UnsupportedModelException | ModelFileException e) {
            throw new RoundFailure("unknown_base_model", String.valueOf(e.getMessage()), e);
        }
        boolean loaded = false;
        try {
            requireMemory(name, files);
            // The engine starts on the thread that uses it, at the first round: an idle trainer stays small.
            CausalLM model = load(name, files);
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

    private CausalLM load(String name, BaseModelFiles files) throws RoundFailure {
        try {
            return CausalLM.load(files.config(), files.weights(), runtime());
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

    private void requireMemory(String name, BaseModelFiles files) throws RoundFailure {
        long parameters = 0;
        for (String tensor : files.weights().names()) {
            long size = 1;
            for (long length : files.weights().shape(tensor)) {
                size *= length;
            }
            parameters += size;
        }
        long needed = (long) (parameters * BYTES_PER_PARAMETER * MEMORY_FACTOR);
        LOG.info(
                "base model {}: {} parameters, about {} of {} memory",
                name,
                parameters,
                size(needed),
                size(memoryBytes));
        if (needed > memoryBytes) {
            throw new RoundFailure(
                    "out_of_memory",
                    "base model " + name + " with " + parameters + " parameters needs about " + size(needed)
                            + ", this machine has " + size(memoryBytes)
                            + "; take a smaller base model or a larger machine");
        }
    }

    /** Of the machine, or of the container where one limits it. */
    private static long physicalBytes() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
                ? system.getTotalMemorySize()
                : Long.MAX_VALUE;
    }

    private static String size(long bytes) {
        return bytes < 1e9
                ? String.format(Locale.ROOT, "%.0f MB", bytes / 1e6)
                : String.format(Locale.ROOT, "%.1f GB", bytes / 1e9);
    }
}
