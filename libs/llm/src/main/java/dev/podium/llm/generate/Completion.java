package dev.podium.llm.generate;

/**
 * One sampled completion.
 *
 * @param tokenIds the tokens, with the end token where it was drawn
 * @param logProbabilities of each token under the model at temperature 1, as a training pass computes them but for rounding
 */
public record Completion(int[] tokenIds, float[] logProbabilities, FinishReason reason) {
    /** Why sampling ended. */
    public enum FinishReason {
        STOP,
        LENGTH
    }
}
