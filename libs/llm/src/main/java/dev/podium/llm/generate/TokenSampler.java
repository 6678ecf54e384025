package dev.podium.llm.generate;

import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/** Draws one token from a row of logits. Plain Java, so that a seed gives the same text on every device. */
final class TokenSampler {
    private final SamplingParameters parameters;

    TokenSampler(SamplingParameters parameters) {
        this.parameters = parameters;
    }

    /** Draws from {@code logits[offset, offset + size)}. */
    int draw(float[] logits, int offset, int size, RandomGenerator random) {
        if (parameters.temperature() == 0) {
            return largest(logits, offset, size);
        }
        if (parameters.topK() > 0 || parameters.topP() < 1) {
            return drawFromBest(logits, offset, size, random);
        }
        double max = logits[offset + largest(logits, offset, size)];
        double total = 0;
        for (int i = 0; i < size; i++) {
            total += weight(logits[offset + i], max);
        }
        double left = random.nextDouble() * total;
        for (int i = 0; i < size; i++) {
            left -= weight(logits[offset + i], max);
            if (left < 0) {
                return i;
            }
        }
        return largest(logits, offset, size);
    }

    private int drawFromBest(float[] logits, int offset, int size, RandomGenerator random) {
        int[] order = IntStream.range(0, size)
                .boxed()
                .sorted((x, y) -> Float.compare(logits[offset + y], logits[offset + x]))
                .mapToInt(Integer::intValue)
                .toArray();
        int kept = parameters.topK() > 0 ? Math.min(parameters.topK(), size) : size;
        double max = logits[offset + order[0]];
        double total = 0;
        for (int i = 0; i < kept; i++) {
            total += weight(logits[offset + order[i]], max);
        }
        double nucleus = 0;
        int end = 0;
        while (end < kept && (end == 0 || nucleus < parameters.topP() * total)) {
            nucleus += weight(logits[offset + order[end]], max);
            end++;
        }
        double left = random.nextDouble() * nucleus;
        for (int i = 0; i < end; i++) {
            left -= weight(logits[offset + order[i]], max);
            if (left < 0) {
                return order[i];
            }
        }
        return order[0];
    }

    private double weight(float logit, double max) {
        return Math.exp((logit - max) / parameters.temperature());
    }

    private static int largest(float[] logits, int offset, int size) {
        int best = 0;
        for (int i = 1; i < size; i++) {
            if (logits[offset + i] > logits[offset + best]) {
                best = i;
            }
        }
        return best;
    }

    /** log softmax of one entry at temperature 1. */
    static float logProbability(float[] logits, int offset, int size, int token) {
        double max = logits[offset + largest(logits, offset, size)];
        double total = 0;
        for (int i = 0; i < size; i++) {
            total += Math.exp(logits[offset + i] - max);
        }
        return (float) (logits[offset + token] - max - Math.log(total));
    }
}
