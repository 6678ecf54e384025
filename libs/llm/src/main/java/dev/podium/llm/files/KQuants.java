package dev.podium.llm.files;

import java.nio.ByteBuffer;

/**
 * GGUF's quantisation in blocks of 256 weights with scales of their own within: Q4_K and Q6_K, as ggml unpacks them.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c">ggml-quants.c</a>
 */
final class KQuants {
    static final int BLOCK = 256;
    static final int Q4_BYTES = 144;
    static final int Q6_BYTES = 210;

    private KQuants() {}

    /** Two halves of a byte in groups of 32; scale and minimum of a group have six bits each. */
    static float[] q4(ByteBuffer in, int count) {
        float[] out = new float[count];
        byte[] scales = new byte[12];
        byte[] codes = new byte[BLOCK / 2];
        for (int at = 0; at < count; at += BLOCK) {
            float scale = Float.float16ToFloat(in.getShort());
            float minimum = Float.float16ToFloat(in.getShort());
            in.get(scales);
            in.get(codes);
            for (int group = 0; group < 8; group++) {
                float d = scale * lower(scales, group);
                float m = minimum * upper(scales, group);
                int shift = group % 2 * 4;
                for (int i = 0; i < 32; i++) {
                    out[at + group * 32 + i] = d * (codes[group / 2 * 32 + i] >> shift & 0xF) - m;
                }
            }
        }
        return out;
    }

    private static int lower(byte[] scales, int group) {
        return group < 4 ? scales[group] & 63 : scales[group + 4] & 0xF | (scales[group - 4] >> 6 & 3) << 4;
    }

    private static int upper(byte[] scales, int group) {
        return group < 4 ? scales[group + 4] & 63 : scales[group + 4] >> 4 & 0xF | (scales[group] >> 6 & 3) << 4;
    }

    /** Four bits and two more beside them; a scale of eight bits for each 16 weights. */
    static float[] q6(ByteBuffer in, int count) {
        float[] out = new float[count];
        byte[] low = new byte[BLOCK / 2];
        byte[] high = new byte[BLOCK / 4];
        byte[] scales = new byte[BLOCK / 16];
        for (int at = 0; at < count; at += BLOCK) {
            in.get(low);
            in.get(high);
            in.get(scales);
            float scale = Float.float16ToFloat(in.getShort());
            for (int i = 0; i < BLOCK; i++) {
                int half = i / 128;
                int quarter = i % 128 / 32;
                int column = i % 32;
                int four = low[half * 64 + quarter % 2 * 32 + column] >> quarter / 2 * 4 & 0xF;
                int two = high[half * 32 + column] >> quarter * 2 & 3;
                out[at + i] = scale * scales[i / 16] * ((four | two << 4) - 32);
            }
        }
        return out;
    }
}
