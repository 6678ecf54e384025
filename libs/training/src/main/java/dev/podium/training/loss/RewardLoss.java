package dev.podium.training.loss;

import static dev.podium.llm.torch.Numbers.plus;
import static dev.podium.llm.torch.Numbers.times;
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
        NDArray loss = times(logSigmoid(d), -(1 - labelSmoothing));
        if (labelSmoothing > 0) {
            loss = loss.sub(times(logSigmoid(d.neg()), labelSmoothing));
        }
        if (centering > 0) {
            loss = loss.add(times(chosen.add(rejected).square(), centering));
        }
        return loss;
    }

    /**
     * Davidson's model of a comparison that may be tied, per pair, from d = r_i - r_j:
     *
     * <pre>  P(i &gt; j) = a / Z,   P(tie) = v sqrt(ab) / Z,   Z = a + b + v sqrt(ab),   a = e^{r_i}, b = e^{r_j}</pre>
     *
     * Davidson 1970, On extending the Bradley-Terry model to accommodate ties; v = 0 is Bradley-Terry.
     *
     * @param differences d, [n]: preferred minus other; of a tie in either order
     * @param tied 1 where the pair is a tie, else 0, [n]
     * @param tieStrength v, above 0
     * @return -log of the probability of what was seen, [n]
     */
    public static NDArray davidson(NDArray differences, NDArray tied, double tieStrength) {
        // Divided by sqrt(ab): Z = e^{d/2} + e^{-d/2} + v; with h = |d|/2 nothing overflows.
        NDArray half = times(differences, 0.5);
        NDArray h = half.abs();
        NDArray scaled = times(h, -2).exp().add(times(h.neg().exp(), tieStrength));
        NDArray logZ = h.add(plus(scaled, 1f).log());
        NDArray seen = half.mul(plus(tied.neg(), 1f)).add(times(tied, Math.log(tieStrength)));
        return logZ.sub(seen);
    }

    /**
     * v such that two outputs of equal strength tie as often as pairs did: t = v / (2 + v).
     *
     * @param tieShare t, share of ties among all compared pairs
     * @return v, kept between 0.01 and 100
     */
    public static double tieStrength(double tieShare) {
        return Math.clamp(2 * tieShare / Math.max(1e-9, 1 - tieShare), 0.01, 100);
    }
}
