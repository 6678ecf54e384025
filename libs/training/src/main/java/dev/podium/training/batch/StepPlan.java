package dev.podium.training.batch;

import java.util.SplittableRandom;

/**
 * Which elements each optimiser step takes: a fresh permutation per epoch, a pure function of seed and step. So nothing of
 * it has to be in a checkpoint but the step's number.
 *
 * @param elements number of elements
 * @param batch elements per step; the last step of an epoch may have fewer
 * @param totalSteps of all epochs
 */
public record StepPlan(int elements, int batch, int totalSteps, long seed) {

    public static StepPlan ofEpochs(int elements, int batch, double epochs, long seed) {
        int perEpoch = Math.ceilDiv(elements, batch);
        return new StepPlan(elements, batch, Math.max(1, (int) Math.ceil(epochs * perEpoch)), seed);
    }

    /** As many steps as a total of elements fills. */
    public static StepPlan ofTotal(int elements, int batch, int total, long seed) {
        int size = Math.min(batch, elements);
        return new StepPlan(elements, size, Math.max(1, Math.ceilDiv(total, size)), seed);
    }

    public int stepsPerEpoch() {
        return Math.ceilDiv(elements, batch);
    }

    /** Epochs done at the start of a step. */
    public double epoch(int step) {
        return (double) step / stepsPerEpoch();
    }

    /** Elements of a step, counted from 0. */
    public int[] indexes(int step) {
        int[] order = permutation(step / stepsPerEpoch());
        int from = step % stepsPerEpoch() * batch;
        return java.util.Arrays.copyOfRange(order, from, Math.min(elements, from + batch));
    }

    private int[] permutation(int epoch) {
        SplittableRandom random = new SplittableRandom(Seeds.mix(seed, epoch));
        int[] order = new int[elements];
        for (int i = 0; i < elements; i++) {
            order[i] = i;
        }
        for (int i = elements - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            int swap = order[i];
            order[i] = order[j];
            order[j] = swap;
        }
        return order;
    }
}
