package dev.podium.training.loop;

import dev.podium.llm.optim.AdamW;
import dev.podium.training.round.RoundFailure;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A step whose loss or gradient is not finite is skipped and counted; three in a row end the round. */
public final class NonFiniteGuard {
    private static final Logger LOG = LoggerFactory.getLogger(NonFiniteGuard.class);
    private static final int MOST_IN_A_ROW = 3;

    private int inARow;
    private int skipped;

    /**
     * Clips and takes the optimiser's step where loss and gradient are finite; zeroes the gradients either way.
     *
     * @return the gradient's norm before clipping
     * @throws RoundFailure {@code not_finite} at the third in a row; the last good checkpoint stays on disk
     */
    public double step(AdamW optimizer, double learningRate, double maxGradientNorm, double loss, int step)
            throws RoundFailure {
        double norm = Double.NaN;
        if (Double.isFinite(loss)) {
            norm = optimizer.step(learningRate, maxGradientNorm);
        } else {
            optimizer.zeroGradients();
        }
        if (Double.isFinite(norm)) {
            inARow = 0;
            return norm;
        }
        inARow++;
        skipped++;
        LOG.warn("step {} skipped: loss {}, gradient norm {}", step, loss, norm);
        if (inARow >= MOST_IN_A_ROW) {
            throw new RoundFailure(
                    "not_finite",
                    "the loss or its gradient was not finite in " + MOST_IN_A_ROW + " steps in a row up to step " + step
                            + "; lower training.learningRate or look at the data. The checkpoint before them is kept");
        }
        return norm;
    }

    /** Steps skipped by this process. */
    public int skipped() {
        return skipped;
    }
}
