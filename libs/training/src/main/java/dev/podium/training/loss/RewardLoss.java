package dev.podium.training.loss;

import static dev.podium.training.loss.Smooth.logSigmoid;

import ai.djl.ndarray.NDArray;

/** Losses of the reward model. */
public final class RewardLoss {
    private RewardLoss() {}

    /**
     * Bradley-Terry with a margin, label smoothing and centring, per pair:
     *
     * <pre>  d = r_c - r_r - m;   -(1-e) ls(d) - e ls(-d) + k (r_c + r_r)^2</pre>
     *
     * Ouyang et al. 2022 (InstructGPT), eq. 1; margin of Touvron et al. 2023 (Llama 2), eq. 2; centring of Eisenstein
     * et al. 2023. ls is -softplus(-x): no overflow for rewards far apart.
     *
     * @param chosen rewards r_c, [n]
     * @param rejected rewards r_r, [n]
     * @param margins m, [n]; an array of zeros for none
     * @param centering k, 0 for none
     * @param labelSmoothing e, in [0, 0.5)
     * @return [n]; reduce by {@link Reduction#weightedMean}
     */
    public static NDArray bradleyTerry(
            NDArray chosen, NDArray rejected, NDArray margins, double centering, double labelSmoothing) {
        NDArray d = chosen.sub(rejected).sub(margins);
        NDArray loss = logSigmoid(d).mul(-(1 - labelSmoothing));
        if (labelSmoothing > 0) {
            loss = loss.sub(logSigmoid(d.neg()).mul(labelSmoothing));
        }
        if (centering > 0) {
            loss = loss.add(chosen.add(rejected).square().mul(centering));
        }
        return loss;
    }
}
