package dev.podium.training.loss;

import ai.djl.ndarray.NDArray;

/**
 * What the preference losses see of n pairs. Every array is [n] float32 or float64; a log-probability is the sum over
 * the completion's tokens, the end token included.
 *
 * @param chosen log pi(y_c | x), with gradient
 * @param rejected log pi(y_r | x), with gradient
 * @param referenceChosen log pi_ref(y_c | x)
 * @param referenceRejected log pi_ref(y_r | x)
 * @param chosenLengths |y_c| in tokens
 * @param rejectedLengths |y_r| in tokens
 */
public record PairLogProbabilities(
        NDArray chosen,
        NDArray rejected,
        NDArray referenceChosen,
        NDArray referenceRejected,
        NDArray chosenLengths,
        NDArray rejectedLengths) {

    /** c = log pi(y_c) - log pi_ref(y_c). */
    public NDArray chosenLogRatio() {
        return chosen.sub(referenceChosen);
    }

    /** r = log pi(y_r) - log pi_ref(y_r). */
    public NDArray rejectedLogRatio() {
        return rejected.sub(referenceRejected);
    }

    /** D = c - r. */
    NDArray difference() {
        return chosenLogRatio().sub(rejectedLogRatio());
    }

    /** c/|c| - r/|r|. */
    NDArray differenceOfMeans() {
        return chosenLogRatio().div(chosenLengths).sub(rejectedLogRatio().div(rejectedLengths));
    }
}
