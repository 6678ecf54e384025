package dev.podium.training.loss;

import static dev.podium.llm.torch.Numbers.times;

import ai.djl.ndarray.NDArray;

/** The loss of plain language modelling. */
public final class TokenLoss {
    private TokenLoss() {}

    /**
     * Cross-entropy of supervised fine-tuning: -(1/N) sum_t m_t log pi(y_t | y_<t).
     *
     * @param logProbabilities of the true tokens, any shape, float32 (a logsumexp in float32 has been taken already)
     * @param mask 1 where a token counts, 0 on padding and prompt; same shape
     * @param totalTokens N, counted tokens of the whole batch, of which this may be one micro-batch
     * @return a scalar
     */
    public static NDArray crossEntropy(NDArray logProbabilities, NDArray mask, double totalTokens) {
        return logProbabilities.mul(times(mask, -1 / totalTokens)).sum();
    }
}
