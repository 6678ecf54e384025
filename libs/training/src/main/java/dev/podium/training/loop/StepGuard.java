package dev.podium.training.loop;

import dev.podium.contracts.RoundConfig;
import dev.podium.llm.optim.AdamW;
import dev.podium.training.round.Guard;
import dev.podium.training.round.RoundFailure;
import dev.podium.training.round.RoundReporter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes the optimiser's steps, and leaves out those that would do harm: one whose loss or gradient is not finite, or far
 * above what is usual in this round. Each is counted; some in a row end the round, whose last checkpoint stays on disk.
 *
 * <p>What is usual is part of the checkpoint, so a resumed round skips what the uninterrupted one would have skipped.
 */
public final class StepGuard {
    private static final Logger LOG = LoggerFactory.getLogger(StepGuard.class);
    private static final int MOST_NOT_FINITE_IN_A_ROW = 3;
    // The parameters do not move meanwhile: so many different batches in a row are no outliers.
    private static final int MOST_SPIKES_IN_A_ROW = 10;

    private static final String NOT_FINITE = "skipped_steps";
    private static final String SPIKES = "spike_steps";
    private static final String CLIPPED = "clipped_steps";
    private static final String NOT_FINITE_IN_A_ROW = "not_finite_in_a_row";
    private static final String SPIKES_IN_A_ROW = "spikes_in_a_row";

    private final RoundReporter reporter;
    private final RoundConfig.Training training;
    private final LossCurve curve;

    /** @param curve remembers, from checkpoint to checkpoint, what is usual and what was left out */
    public StepGuard(RoundReporter reporter, RoundConfig.Training training, LossCurve curve) {
        this.reporter = reporter;
        this.training = training;
        this.curve = curve;
    }

    /**
     * Clips and takes the optimiser's step where loss and gradient are sound, and adds its loss to the curve; zeroes the
     * gradients either way.
     *
     * @param loss 0 or more
     * @return the gradient's norm before clipping; not a number where the step was left out
     * @throws RoundFailure {@code not_finite} or {@code diverged} where too many in a row had to be left out
     */
    public double step(AdamW optimizer, double learningRate, double loss, int step) throws RoundFailure {
        return step(optimizer, learningRate, loss, isSpike(curve.usualLoss(), loss), step);
    }

    /** The same for a loss of either sign, which says nothing by its size: the gradient alone is judged. */
    public double stepByGradient(AdamW optimizer, double learningRate, double loss, int step) throws RoundFailure {
        return step(optimizer, learningRate, loss, false, step);
    }

    /**
     * The same of two that step together, each clipped by itself: where one's gradient is not finite, neither is taken. The
     * first alone tells spikes.
     */
    public double stepByGradient(AdamW optimizer, AdamW beside, double learningRate, double loss, int step)
            throws RoundFailure {
        double normBeside = beside.gradientNorm();
        if (Double.isFinite(loss) && !Double.isFinite(normBeside)) {
            optimizer.zeroGradients();
            beside.zeroGradients();
            return notFinite(loss, normBeside, step);
        }
        double norm = stepByGradient(optimizer, learningRate, loss, step);
        if (Double.isFinite(norm)) {
            beside.step(learningRate, training.maxGradientNorm());
        } else {
            beside.zeroGradients();
        }
        return norm;
    }

    private double step(AdamW optimizer, double learningRate, double loss, boolean lossSpike, int step)
            throws RoundFailure {
        if (!Double.isFinite(loss)) {
            optimizer.zeroGradients();
            return notFinite(loss, Double.NaN, step);
        }
        double norm = optimizer.step(
                learningRate,
                training.maxGradientNorm(),
                found -> !lossSpike && !isSpike(curve.usualGradient(), found));
        if (!Double.isFinite(norm)) {
            return notFinite(loss, norm, step);
        }
        curve.count(NOT_FINITE_IN_A_ROW, 0);
        if (lossSpike || isSpike(curve.usualGradient(), norm)) {
            return spike(loss, norm, step);
        }
        curve.count(SPIKES_IN_A_ROW, 0);
        curve.add(loss);
        curve.usualLoss().add(loss);
        curve.usualGradient().add(norm);
        if (norm > training.maxGradientNorm()) {
            count(Guard.CLIP, CLIPPED);
        }
        return norm;
    }

    private boolean isSpike(RunningMedian usual, double value) {
        OptionalDouble level = usual.level();
        return training.spikeFactor() > 0
                && level.isPresent()
                && level.getAsDouble() > 0
                && value > training.spikeFactor() * level.getAsDouble();
    }

    private double notFinite(double loss, double norm, int step) throws RoundFailure {
        LOG.warn("step {} skipped: loss {}, gradient norm {}", step, loss, norm);
        count(Guard.NON_FINITE, NOT_FINITE);
        if (inARow(NOT_FINITE_IN_A_ROW) >= MOST_NOT_FINITE_IN_A_ROW) {
            throw new RoundFailure(
                    "not_finite",
                    "the loss or its gradient was not finite in " + MOST_NOT_FINITE_IN_A_ROW
                            + " steps in a row up to step " + step
                            + "; lower training.learningRate or look at the data. The checkpoint before them is kept");
        }
        return Double.NaN;
    }

    private double spike(double loss, double norm, int step) throws RoundFailure {
        String text = String.format(
                Locale.ROOT,
                "loss %.4g (usual %.4g), gradient norm %.4g (usual %.4g)",
                loss,
                curve.usualLoss().level().orElse(Double.NaN),
                norm,
                curve.usualGradient().level().orElse(Double.NaN));
        LOG.warn("step {} skipped, a spike: {}", step, text);
        count(Guard.SPIKE, SPIKES);
        if (inARow(SPIKES_IN_A_ROW) >= MOST_SPIKES_IN_A_ROW) {
            throw new RoundFailure(
                    "diverged",
                    MOST_SPIKES_IN_A_ROW + " steps in a row up to step " + step + " were skipped as spikes: " + text
                            + "; lower training.learningRate, look at the data, or raise training.spikeFactor (0 is"
                            + " off). The checkpoint before them is kept");
        }
        return Double.NaN;
    }

    private int inARow(String name) {
        curve.count(name, curve.count(name) + 1);
        return curve.count(name);
    }

    private void count(Guard guard, String name) {
        curve.count(name, curve.count(name) + 1);
        reporter.guarded(guard);
    }

    /** Steps left out or clipped so far, restarts included. */
    public Map<String, Double> metrics() {
        Map<String, Double> metrics = new LinkedHashMap<>();
        for (String name : new String[] {NOT_FINITE, SPIKES, CLIPPED}) {
            metrics.put(name, (double) curve.count(name));
        }
        return metrics;
    }
}
