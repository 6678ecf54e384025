package dev.podium.training.loop;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.WeightFormat;
import dev.podium.llm.torch.Operations;
import dev.podium.llm.torch.TensorScope;
import dev.podium.llm.torch.TorchRuntime;
import dev.podium.llm.torch.Upload;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The best rate that this process has seen of the arithmetic that a round's linear layers are in, float32 or bfloat16: what a
 * model FLOP utilisation is a share of. Measured as the best of many short products of square matrices, each shorter than the
 * turn that the scheduler gives to others who work on the same cores; again at the start of a round, a minute later or more,
 * and whenever a step was faster than what is known, which it never falls below.
 */
final class PeakRate {
    private static final Logger LOG = LoggerFactory.getLogger(PeakRate.class);
    private static final int CPU_SIZE = 512;
    private static final int CPU_RUNS = 40;
    private static final int GPU_SIZE = 8192;
    private static final int GPU_RUNS = 10;
    /** One after the other in one call: bfloat16 arrays are made and read within it, which is no part of a product. */
    private static final int NARROW_PRODUCTS = 4;

    private static final long WORTH_ANOTHER_NANOS = 60_000_000_000L;

    private static final Map<Boolean, PeakRate> OF_PROCESS = new HashMap<>();

    private final String arithmetic;
    private final DoubleSupplier measure;
    private double best;
    private long measuredNanos;

    /**
     * @param arithmetic as the log names it
     * @param measure a rate in FLOP/s, as good as the machine lets it be at the moment
     */
    PeakRate(String arithmetic, DoubleSupplier measure) {
        this.arithmetic = arithmetic;
        this.measure = measure;
        this.measuredNanos = System.nanoTime() - WORTH_ANOTHER_NANOS;
    }

    /** Of this process and a model's arithmetic, measured once more now and then; on a thread that does tensor work. */
    static synchronized PeakRate of(CausalLM model) {
        TorchRuntime runtime = model.runtime();
        boolean narrow = model.format() == WeightFormat.BFLOAT16 && runtime.multipliesBfloat16();
        PeakRate peak = OF_PROCESS.computeIfAbsent(
                narrow,
                key -> narrow
                        ? new PeakRate("bfloat16", narrow(runtime))
                        : new PeakRate("float32", () -> measureFloat32(runtime)));
        peak.measureNowAndThen();
        return peak;
    }

    private synchronized void measureNowAndThen() {
        if (System.nanoTime() - measuredNanos >= WORTH_ANOTHER_NANOS) {
            measure();
            measuredNanos = System.nanoTime();
        }
    }

    /** Takes a measurement, of which a better one counts. */
    synchronized void measure() {
        raise(measure.getAsDouble(), "a " + arithmetic + " product");
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
                    "the peak that mfu of {} is a share of is {} GFLOP/s from now on, measured at {}",
                    arithmetic,
                    Math.round(best / 1e9),
                    what);
        }
    }

    private static double measureFloat32(TorchRuntime runtime) {
        int size = size(runtime);
        try (NDManager manager = runtime.root().newSubManager()) {
            NDArray a = manager.ones(new Shape(size, size));
            NDArray b = manager.ones(new Shape(size, size));
            return rate(runtime, 1, () -> a.matMul(b));
        }
    }

    /** Has operations of its own, as it outlives each model. */
    private static DoubleSupplier narrow(TorchRuntime runtime) {
        Operations operations = Operations.compile(runtime, new Operations.Sizes(1, 1, 1, 1e-6, true));
        return () -> {
            int size = size(runtime);
            try (NDManager manager = runtime.root().newSubManager();
                    TensorScope scope = new TensorScope()) {
                NDArray a = manager.ones(new Shape(size, size));
                // A power of two: each product is of ones again.
                float[] row = new float[size];
                Arrays.fill(row, 1f / size);
                NDArray b =
                        new Upload(manager, operations).bfloat16((first, count) -> rows(row, (int) count), size, size);
                return rate(runtime, NARROW_PRODUCTS, () -> operations.call("narrow_products", a, b));
            }
        };
    }

    private static FloatBuffer rows(float[] row, int count) {
        FloatBuffer rows = FloatBuffer.allocate(row.length * count);
        for (int i = 0; i < count; i++) {
            rows.put(row);
        }
        return rows.flip();
    }

    private static int size(TorchRuntime runtime) {
        return runtime.device().isGpu() ? GPU_SIZE : CPU_SIZE;
    }

    /** @param products that a call does */
    private static double rate(TorchRuntime runtime, int products, Supplier<NDArray> call) {
        int runs = runtime.device().isGpu() ? GPU_RUNS : CPU_RUNS;
        double best = Double.MAX_VALUE;
        for (int i = 0; i < runs; i++) {
            long start = System.nanoTime();
            try (NDArray c = call.get();
                    NDArray one = c.get("0:1,0:1")) {
                // Reading an element waits for a device that computes on its own.
                float value = one.toFloatArray()[0];
                best = value > 0 ? Math.min(best, (System.nanoTime() - start) / 1e9) : best;
            }
        }
        return 2.0 * products * Math.pow(size(runtime), 3) / best;
    }
}
