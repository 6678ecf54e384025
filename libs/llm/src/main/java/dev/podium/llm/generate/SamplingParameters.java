package dev.podium.llm.generate;

/**
 * How tokens are drawn.
 *
 * @param temperature divides the logits; 0 takes the most likely token
 * @param topK draw from the K most likely tokens only; 0 = all
 * @param topP draw from the smallest set of tokens whose probability reaches this (Holtzman et al., arXiv 1904.09751)
 */
public record SamplingParameters(double temperature, int topK, double topP, int maxNewTokens, long seed) {
    public SamplingParameters {
        if (temperature < 0 || topK < 0 || topP <= 0 || topP > 1 || maxNewTokens < 1) {
            throw new IllegalArgumentException(
                    "sampling needs temperature >= 0, topK >= 0, topP in (0, 1] and maxNewTokens >= 1");
        }
    }
}
