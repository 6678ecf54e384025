package dev.podium.llm.torch;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.engine.StandardCapabilities;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.util.cuda.CudaUtils;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engine, its device and the root of all arrays. One per process.
 *
 * <p>No array is made of bfloat16: that ends the process inside the engine. Such weights are held as integers, and are
 * bfloat16 inside an operation only.
 *
 * <p>Tensor work runs on dedicated platform threads: gradient mode, scopes and the optimiser switch are thread-local in
 * the engine. Call {@link #enterThread()} once on each such thread.
 */
public final class TorchRuntime implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TorchRuntime.class);

    private final Device device;
    private final NDManager root;
    private final boolean multipliesBfloat16;
    private long seed;
    private long passes;

    private TorchRuntime(Device device, NDManager root) {
        this.device = device;
        this.root = root;
        this.multipliesBfloat16 = device.isGpu()
                ? gpuMultipliesBfloat16(device.getDeviceId())
                : processorMultipliesBfloat16(Path.of("/proc/cpuinfo"));
    }

    /**
     * Starts the engine.
     *
     * @param wanted {@code auto}, {@code cpu} or {@code cuda:N}; where there is no such GPU the CPU is used, with a
     *     line in the log that says so
     * @param threads threads of one operation; counts only for the first call in a process
     * @throws IllegalArgumentException when the device is not of that form
     * @throws IllegalStateException when the engine's libraries cannot be loaded; one line with the remedy
     */
    public static TorchRuntime start(String wanted, int threads) {
        String device = wanted.strip().toLowerCase(Locale.ROOT);
        if (!device.equals("auto") && !device.equals("cpu") && !device.matches("cuda:[0-9]{1,2}")) {
            throw new IllegalArgumentException("podium.device must be auto, cpu or cuda:N, not " + wanted);
        }
        System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(threads));
        System.setProperty("ai.djl.pytorch.num_interop_threads", "1");
        Engine engine = load();
        Device chosen = choose(engine, device);
        NDManager root = engine.newBaseManager(chosen);
        TorchRuntime runtime = new TorchRuntime(chosen, root);
        runtime.enterThread();
        LOG.info("PyTorch {} on {}, {} threads", engine.getVersion(), chosen, threads);
        return runtime;
    }

    private static Engine load() {
        try {
            return Engine.getEngine("PyTorch");
        } catch (RuntimeException | LinkageError e) {
            // One line for the operator; the engine's own trace goes with it as the cause.
            throw new IllegalStateException(GpuSetup.notLoadable(e, System.getenv()), e);
        }
    }

    private static Device choose(Engine engine, String wanted) {
        if (wanted.equals("cpu")) {
            return Device.cpu();
        }
        boolean cudaBuild = engine.hasCapability(StandardCapabilities.CUDA);
        GpuSetup setup = GpuSetup.read(Path.of("/"), System.getenv(), cudaBuild, cudaBuild ? engine.getGpuCount() : 0);
        int number = wanted.equals("auto") ? 0 : Integer.parseInt(wanted.substring("cuda:".length()));
        Optional<String> fault = setup.fault(number);
        if (fault.isEmpty()) {
            return Device.gpu(number);
        }
        if (!wanted.equals("auto") || setup.hasHardware()) {
            LOG.warn("podium.device={}, but the CPU is used: {}", wanted, fault.get());
        }
        return Device.cpu();
    }

    /** Prepares the calling platform thread for tensor work: no gradients, no graph optimiser. */
    public void enterThread() {
        JniUtils.setGradMode(false);
        JniUtils.setGraphExecutorOptimize(false);
    }

    /**
     * Whether the device multiplies bfloat16 faster than float32: a GPU of compute capability 8.0 or more, or a processor
     * with AVX-512 BF16 or AMX. Where that cannot be seen, no.
     */
    public boolean multipliesBfloat16() {
        return multipliesBfloat16;
    }

    private static boolean gpuMultipliesBfloat16(int number) {
        try {
            // Two digits or more without the point: 75 is 7.5, 100 is 10.0.
            return Integer.parseInt(CudaUtils.getComputeCapability(number)) >= 80;
        } catch (RuntimeException e) {
            LOG.info("the GPU's compute capability is not told ({}); bfloat16 is widened", e.toString());
            return false;
        }
    }

    private static boolean processorMultipliesBfloat16(Path cpuinfo) {
        try (Stream<String> lines = Files.lines(cpuinfo)) {
            return lines.filter(line -> line.startsWith("flags"))
                    .limit(1)
                    .anyMatch(line -> line.matches(".*\\b(avx512_bf16|amx_bf16)\\b.*"));
        } catch (IOException | UncheckedIOException e) {
            return false;
        }
    }

    public Device device() {
        return device;
    }

    /** The owner of arrays that live as long as the process. */
    public NDManager root() {
        return root;
    }

    /** Arrays and managers that the root owns; constant from step to step, or something leaks. */
    public int arrays() {
        return ((PtNDManager) root).getManagedArrays().size();
    }

    /** A float32 array owned by a manager. */
    public static NDArray floats(NDManager owner, float[] values, long... shape) {
        return owner.create(values, new Shape(shape));
    }

    /** An int64 array owned by a manager. */
    public static NDArray longs(NDManager owner, long[] values, long... shape) {
        return owner.create(values, new Shape(shape));
    }

    /** A float64 array owned by a manager. */
    public static NDArray doubles(NDManager owner, double[] values, long... shape) {
        return owner.create(values, new Shape(shape));
    }

    /** Seeds the engine's random generator, which draws the masks of dropout and nothing else. */
    public void seed(long seed) {
        this.seed = seed;
        this.passes = 0;
        JniUtils.setSeed(seed);
    }

    /** Seeds of a pass that is computed twice with the same masks: {@code seed + layer} after this; follows {@link #seed}. */
    public long nextPassSeed() {
        passes++;
        return seed * 1_000_003 + passes * 10_007L;
    }

    /** Seeds the masks of the next operation. */
    public void seedOperations(long operationSeed) {
        JniUtils.setSeed(operationSeed);
    }

    @Override
    public void close() {
        root.close();
    }
}
