package dev.podium.training.loop;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.podium.llm.torch.TorchRuntime;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The best rate that this process has seen of float32 arithmetic: what a model FLOP utilisation is a share of. Measured as
 * the best of many short products of square matrices, each shorter than the turn that the scheduler gives to others who work
 * on the same cores; again at the start of a round, a minute later or more, and whenever a step was faster than what is known, which it never
 * falls below.
 */
final class PeakRate {
    private static final Logger LOG = LoggerFactory.getLogger(PeakRate.class);
    private static final int CPU_SIZE = 512;
    private static final int CPU_RUNS = 40;
    private static final int GPU_SIZE = 8192;
    private static final int GPU_RUNS = 10;

    private static final long WORTH_ANOTHER_NANOS = 60_000_000_000L;

    private static @Nullable PeakRate ofProcess;
    private static long measuredNanos;

    private final DoubleSupplier measure;
    private double best;

    /** @param measure a rate in FLOP/s, as good as the machine lets it be at the moment */
    PeakRate(DoubleSupplier measure) {
        this.measure = measure;
    }

    /** Of this process, measured once more now and then; on a thread that does tensor work. */
    static synchronized PeakRate of(TorchRuntime runtime) {
        PeakRate peak = ofProcess;
        if (peak == null) {
            boolean gpu = runtime.root().getDevice().isGpu();
            peak = new PeakRate(() ->
                    gpu ? measure(runtime.root(), GPU_SIZE, GPU_RUNS) : measure(runtime.root(), CPU_SIZE, CPU_RUNS));
            ofProcess = peak;
            measuredNanos = System.nanoTime() - WORTH_ANOTHER_NANOS;
        }
        if (System.nanoTime() - measuredNanos >= WORTH_ANOTHER_NANOS) {
            peak.measure();
            measuredNanos = System.nanoTime();
        }
        return peak;
    }

    /** Takes a measurement, of which a better one counts. */
    synchronized void measure() {
        raise(measure.getAsDouble(), "a float32 product");
    }

    /** FLOP/s, given that a step was done at this rate. */
    synchronized double given(double rate) {
        if (rate > best) {
            measure();
            raise(rate, "a whole step");
        }
        return best;
    }

    private void raise(double rate, String what) {
        if (rate > best) {
            best = rate;
            LOG.info(
                    "the peak that mfu is a share of is {} GFLOP/s from now on, measured at {}",
                    Math.round(best / 1e9),
                    what);
        }
    }

    private static double measure(NDManager parent, int size, int runs) {
        double best = Double.MAX_VALUE;
        try (NDManager manager = parent.newSubManager()) {
            NDArray a = manager.ones(new Shape(size, size));
            NDArray b = manager.ones(new Shape(size, size));
            for (int i = 0; i < runs; i++) {
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
