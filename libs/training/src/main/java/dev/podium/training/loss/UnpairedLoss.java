package dev.podium.training.loss;

import static dev.podium.llm.torch.Numbers.minus;
import static dev.podium.llm.torch.Numbers.plus;
import static dev.podium.llm.torch.Numbers.times;
import static dev.podium.training.loss.Smooth.sigmoid;

import ai.djl.ndarray.NDArray;

/** Losses of single outputs that are known to be good or bad, not better or worse than another. */
public final class UnpairedLoss {
    private UnpairedLoss() {}

    /**
     * Kahneman-Tversky optimisation, per output: w (1 - s(b (h - kl))) for a desirable one, w (1 - s(b (kl - h))) for an
     * undesirable one; h = log pi - log pi_ref. Ethayarajh et al. 2024, KTO, eq. 7; as TRL's KTOTrainer.
     *
     * @param logRatios h, [n], with gradient
     * @param signs 1 for a desirable output, -1 for an undesirable one, [n]
     * @param weights w of the output's side, [n]
     * @param beta b
     * @param kl estimate of KL(pi || pi_ref) from mismatched pairs of prompt and completion, 0 or more, a constant
     * @return [n]
     */
    public static NDArray kto(NDArray logRatios, NDArray signs, NDArray weights, double beta, double kl) {
        NDArray u = times(minus(logRatios, kl), beta).mul(signs);
        return plus(sigmoid(u).neg(), 1f).mul(weights);
    }
}
