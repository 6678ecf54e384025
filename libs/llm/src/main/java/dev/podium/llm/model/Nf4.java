package dev.podium.llm.model;

import java.util.Arrays;

/**
 * Four-bit NormalFloat with double quantisation, as bitsandbytes does it: blocks of 64 weights share the largest
 * magnitude, whose difference from their mean is kept in 8 bits with a scale per 256 blocks.
 *
 * @see <a href="https://arxiv.org/abs/2305.14314">Dettmers et al. 2023, QLoRA, section 3</a>
 */
final class Nf4 {
    /** Weights that share a scale. */
    static final int BLOCK = 64;
    /** Scales that share a scale. */
    static final int SCALE_BLOCK = 256;

    /** Quantiles of N(0, 1) in [-1, 1], with an exact zero (QLoRA, appendix E). */
    private static final float[] CODE = {
        -1f,
        -0.6961928009986877f,
        -0.5250730514526367f,
        -0.39491748809814453f,
        -0.28444138169288635f,
        -0.18477343022823334f,
        -0.09105003625154495f,
        0f,
        0.07958029955625534f,
        0.16093020141124725f,
        0.24611230194568634f,
        0.33791524171829224f,
        0.44070982933044434f,
        0.5626170039176941f,
        0.7229568362236023f,
        1f
    };

    private static final float[] SCALE_CODE = dynamicMap();

    private Nf4() {}

    /**
     * A quantised matrix.
     *
     * @param codes two weights a byte, the first in the upper half
     * @param scales index into {@link #scaleCode()} per block of weights
     * @param scaleBlocks factor per block of scales
     * @param offset mean of the scales
     */
    record Quantised(byte[] codes, byte[] scales, float[] scaleBlocks, float offset) {}

    /** @param weights row-major, a multiple of 64 of them */
    static Quantised quantise(float[] weights) {
        int blocks = weights.length / BLOCK;
        if (blocks * BLOCK != weights.length) {
            throw new IllegalArgumentException(
                    "nf4 needs matrices of a multiple of " + BLOCK + " weights, not " + weights.length);
        }
        byte[] codes = new byte[weights.length / 2];
        float[] largest = new float[blocks];
        double sum = 0;
        for (int b = 0; b < blocks; b++) {
            float most = 0;
            for (int i = b * BLOCK; i < (b + 1) * BLOCK; i++) {
                most = Math.max(most, Math.abs(weights[i]));
            }
            largest[b] = most;
            sum += most;
            float inverse = most == 0 ? 0 : 1 / most;
            for (int i = b * BLOCK; i < (b + 1) * BLOCK; i += 2) {
                int upper = nearest(CODE, weights[i] * inverse);
                codes[i / 2] = (byte) (upper << 4 | nearest(CODE, weights[i + 1] * inverse));
            }
        }
        float offset = (float) (sum / blocks);
        int outer = Math.ceilDiv(blocks, SCALE_BLOCK);
        float[] factors = new float[outer];
        byte[] scales = new byte[blocks];
        for (int o = 0; o < outer; o++) {
            int end = Math.min(blocks, (o + 1) * SCALE_BLOCK);
            for (int b = o * SCALE_BLOCK; b < end; b++) {
                factors[o] = Math.max(factors[o], Math.abs(largest[b] - offset));
            }
            for (int b = o * SCALE_BLOCK; b < end; b++) {
                float value = factors[o] == 0 ? 0 : (largest[b] - offset) / factors[o];
                scales[b] = (byte) nearest(SCALE_CODE, value);
            }
        }
        return new Quantised(codes, scales, factors, offset);
    }

    /** Both weights of every byte, {@code [256, 2]}. */
    static float[] pairs() {
        float[] pairs = new float[512];
        for (int i = 0; i < 256; i++) {
            pairs[2 * i] = CODE[i >> 4];
            pairs[2 * i + 1] = CODE[i & 15];
        }
        return pairs;
    }

    /** The 256 values a scale can have, ascending. */
    static float[] scaleCode() {
        return SCALE_CODE.clone();
    }

    private static int nearest(float[] ascending, float value) {
        int found = Arrays.binarySearch(ascending, value);
        if (found >= 0) {
            return found;
        }
        int above = -found - 1;
        if (above == 0) {
            return 0;
        }
        if (above == ascending.length) {
            return above - 1;
        }
        return value - ascending[above - 1] <= ascending[above] - value ? above - 1 : above;
    }

    /** Dettmers 2016, 8-bit approximations for parallelism, dynamic tree: seven decades, the finer the larger. */
    private static float[] dynamicMap() {
        float[] values = new float[256];
        int count = 0;
        for (int i = 0; i < 7; i++) {
            int steps = 1 << i;
            double decade = Math.pow(10, i - 6);
            for (int j = 0; j < steps; j++) {
                float low = linear(j, steps);
                float high = linear(j + 1, steps);
                float mean = (float) decade * ((low + high) / 2);
                values[count++] = mean;
                values[count++] = -mean;
            }
        }
        values[count++] = 0;
        values[count++] = 1;
        Arrays.sort(values, 0, count);
        return count == 256 ? values : Arrays.copyOf(values, count);
    }

    private static float linear(int j, int steps) {
        return 0.1f + j * (0.9f / steps);
    }
}
