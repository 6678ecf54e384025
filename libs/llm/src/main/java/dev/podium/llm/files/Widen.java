package dev.podium.llm.files;

import java.nio.ByteBuffer;

/** Sixteen-bit floats to and from float32 in Java; the engine's own bfloat16 arrays end the process. */
public final class Widen {
    private Widen() {}

    static float fromBfloat16(short bits) {
        return Float.intBitsToFloat((bits & 0xFFFF) << 16);
    }

    /** Rounds to the nearest, ties to even, as the engines do; NaN stays NaN. */
    public static short toBfloat16(float value) {
        int bits = Float.floatToIntBits(value);
        return Float.isNaN(value) ? (short) 0x7FC0 : (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
    }

    static float[] float16(ByteBuffer in, int count) {
        float[] out = new float[count];
        for (int i = 0; i < count; i++) {
            out[i] = Float.float16ToFloat(in.getShort());
        }
        return out;
    }

    static float[] bfloat16(ByteBuffer in, int count) {
        float[] out = new float[count];
        for (int i = 0; i < count; i++) {
            out[i] = fromBfloat16(in.getShort());
        }
        return out;
    }

    static float[] float32(ByteBuffer in, int count) {
        float[] out = new float[count];
        in.asFloatBuffer().get(out);
        return out;
    }
}
