package dev.podium.training.loop;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.podium.llm.torch.TorchRuntime;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The best rate that this process has seen of a product of square float32 matrices: what a model FLOP utilisation is a share
 * of. Measured once per process, at the first round, in about a quarter of a second.
 */
final class PeakRate {
    private static final Logger LOG = LoggerFactory.getLogger(PeakRate.class);
    private static final int CPU_SIZE = 1024;
    private static final int GPU_SIZE = 8192;
    private static final int RUNS = 10;

    private static double measured;

    private PeakRate() {}

    /** FLOP/s; on a thread that does tensor work. */
    static synchronized double of(TorchRuntime runtime) {
        if (measured == 0) {
            boolean gpu = runtime.root().getDevice().isGpu();
            measured = measure(runtime.root(), gpu ? GPU_SIZE : CPU_SIZE);
            LOG.info("peak of a float32 product: {} GFLOP/s", Math.round(measured / 1e9));
        }
        return measured;
    }

    private static double measure(NDManager parent, int size) {
        double best = Double.MAX_VALUE;
        try (NDManager manager = parent.newSubManager()) {
            NDArray a = manager.ones(new Shape(size, size));
            NDArray b = manager.ones(new Shape(size, size));
            for (int i = 0; i < RUNS; i++) {
                long start = System.nanoTime();
                try (NDArray c = a.matMul(b);
                        NDArray one = c.get("0:1,0:1")) {
                    // Reading an element waits for a device that computes on its own.
                    float value = one.toFloatArray()[0];
                    best = value > 0 ? Math.min(best, (System.nanoTime() - start) / 1e9) : best;
                }
            }
        }
        return 2.0 * size * size * size / best;
    }
}
