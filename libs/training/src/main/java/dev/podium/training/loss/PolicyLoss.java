package dev.podium.training.loss;

import static dev.podium.llm.torch.Numbers.minus;
import static dev.podium.llm.torch.Numbers.times;

import ai.djl.ndarray.NDArray;

/**
 * PPO's two clipped losses. Schulman et al. 2017, Proximal Policy Optimization, eq. 7 and 9; the value clip as in
 * OpenAI's baselines. Means are over the real tokens of the whole batch, so they do not depend on the micro-batch.
 */
public final class PolicyLoss {
    /** A log-ratio beyond this says that the policies have nothing in common; e^20 is still finite in float32. */
    static final float LOG_RATIO_LIMIT = 20f;

    private PolicyLoss() {}

    /**
     * rho = pi(a)/pi_old(a) = exp(clamp(logp - logp_old, -20, 20)).
     *
     * @param logProbabilities with gradient, [batch, time] or any shape
     * @param oldLogProbabilities of the policy that made the rollouts, same shape
     */
    public static NDArray ratio(NDArray logProbabilities, NDArray oldLogProbabilities) {
        return logProbabilities
                .sub(oldLogProbabilities)
                .clip(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)
                .exp();
    }

    /**
     * (1/N) sum_t m_t max(-A_t rho_t, -A_t clip(rho_t, 1 - e, 1 + e)).
     *
     * @param ratio rho, any shape, with gradient
     * @param advantages A, whitened, same shape
     * @param mask 1 on real completion tokens
     * @param clip e
     * @param totalTokens N, real tokens of the whole batch
     * @return a scalar
     */
    public static NDArray clippedPolicy(
            NDArray ratio, NDArray advantages, NDArray mask, double clip, double totalTokens) {
        NDArray negative = advantages.neg();
        NDArray plain = negative.mul(ratio);
        NDArray clipped = negative.mul(ratio.clip(1 - clip, 1 + clip));
        return plain.maximum(clipped).mul(times(mask, 1 / totalTokens)).sum();
    }

    /**
     * 0.5 (1/N) sum_t m_t max((V_t - R_t)^2, (clip(V_t, V_old - e, V_old + e) - R_t)^2).
     *
     * @param values V, any shape, with gradient
     * @param oldValues V_old at the time of the rollout
     * @param returns R = A + V_old, with A not whitened
     * @param mask 1 on real completion tokens
     * @param clip e
     * @param totalTokens N, real tokens of the whole batch
     * @return a scalar
     */
    public static NDArray clippedValue(
            NDArray values, NDArray oldValues, NDArray returns, NDArray mask, double clip, double totalTokens) {
        // clip(V, V_old - e, V_old + e) with array bounds: V_old + clip(V - V_old, -e, e).
        NDArray clippedValues = oldValues.add(values.sub(oldValues).clip(-clip, clip));
        NDArray plain = values.sub(returns).square();
        NDArray clipped = clippedValues.sub(returns).square();
        return plain.maximum(clipped).mul(times(mask, 0.5 / totalTokens)).sum();
    }

    /**
     * (1/N) sum_t m_t rho_t (e^x - 1 - x), x = clamp(ref - logp, -20, 20): the estimate of KL(pi || ref) that GRPO adds
     * to its loss. Schulman 2020, Approximating KL divergence; Shao et al. 2024, eq. 4; the ratio, through which its
     * gradient is that of the KL, of DeepSeek-V3.2 2025, and TRL's default.
     *
     * @param logProbabilities with gradient, any shape
     * @param reference of the reference policy, same shape
     * @param ratio rho with gradient, same shape
     * @param mask 1 on real completion tokens
     * @param totalTokens N, real tokens of the whole batch
     * @return a scalar
     */
    public static NDArray klPenalty(
            NDArray logProbabilities, NDArray reference, NDArray ratio, NDArray mask, double totalTokens) {
        NDArray x = reference.sub(logProbabilities).clip(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT);
        return minus(x.exp(), 1f)
                .sub(x)
                .mul(ratio)
                .mul(times(mask, 1 / totalTokens))
                .sum();
    }
}
