package dev.podium.llm.torch;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.engine.StandardCapabilities;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engine, its device and the root of all arrays. One per process.
 *
 * <p>Arrays are made of float32, float64 and int64 only: a bfloat16 array ends the process inside the engine, so weights
 * are widened while they are read.
 *
 * <p>Tensor work runs on dedicated platform threads: gradient mode, scopes and the optimiser switch are thread-local in
 * the engine. Call {@link #enterThread()} once on each such thread.
 */
public final class TorchRuntime implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TorchRuntime.class);

    private final Device device;
    private final NDManager root;
    private long seed;
    private long passes;

    private TorchRuntime(Device device, NDManager root) {
        this.device = device;
        this.root = root;
    }

    /**
     * Starts the engine.
     *
     * @param wanted {@code auto}, {@code cpu} or {@code cuda:N}; where there is no such GPU the CPU is used, with a
     *     line in the log that says so
     * @param threads threads of one operation; counts only for the first call in a process
     */
    public static TorchRuntime start(String wanted, int threads) {
        System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(threads));
        System.setProperty("ai.djl.pytorch.num_interop_threads", "1");
        Engine engine = Engine.getEngine("PyTorch");
        Device device = choose(engine, wanted.strip().toLowerCase(Locale.ROOT));
        NDManager root = engine.newBaseManager(device);
        TorchRuntime runtime = new TorchRuntime(device, root);
        runtime.enterThread();
        LOG.info("PyTorch {} on {}, {} threads", engine.getVersion(), device, threads);
        return runtime;
    }

    private static Device choose(Engine engine, String wanted) {
        int gpus = engine.hasCapability(StandardCapabilities.CUDA) ? engine.getGpuCount() : 0;
        if (wanted.equals("cpu")) {
            return Device.cpu();
        }
        if (wanted.equals("auto")) {
            return gpus > 0 ? Device.gpu(0) : Device.cpu();
        }
        if (!wanted.matches("cuda:[0-9]{1,2}")) {
            throw new IllegalArgumentException("podium.device must be auto, cpu or cuda:N, not " + wanted);
        }
        int number = Integer.parseInt(wanted.substring("cuda:".length()));
        if (number < gpus) {
            return Device.gpu(number);
        }
        LOG.warn(
                "podium.device={} but the engine sees {} GPUs; using the CPU. A GPU needs the NVIDIA driver and libtorch"
                        + " {} for CUDA (PYTORCH_LIBRARY_PATH, PYTORCH_VERSION, PYTORCH_FLAVOR)",
                wanted,
                gpus,
                engine.getVersion());
        return Device.cpu();
    }

    /** Prepares the calling platform thread for tensor work: no gradients, no graph optimiser. */
    public void enterThread() {
        JniUtils.setGradMode(false);
        JniUtils.setGraphExecutorOptimize(false);
    }

    public Device device() {
        return device;
    }

    /** The owner of arrays that live as long as the process. */
    public NDManager root() {
        return root;
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
