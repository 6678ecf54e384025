package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Instant;
import java.util.Arrays;
import java.util.List;

/** Writes the fields of a row one after the other, without names; {@link RowReader} reads them in the same order. */
final class RowWriter {
    private static final int USUAL_BYTES = 512;
    /** A buffer that has become larger is given back. */
    static final int LARGEST_KEPT_BYTES = 256 * 1024;

    private byte[] bytes = new byte[USUAL_BYTES];
    private int size;

    /** Begins a row. */
    RowWriter begin(byte version) {
        size = 0;
        return put(version);
    }

    RowWriter put(byte b) {
        room(1);
        bytes[size++] = b;
        return this;
    }

    RowWriter put(boolean flag) {
        return put((byte) (flag ? 1 : 0));
    }

    /** A number that is mostly small, and not negative; others take ten bytes. */
    RowWriter put(long number) {
        room(10);
        long rest = number;
        while ((rest & ~0x7FL) != 0) {
            bytes[size++] = (byte) (rest | 0x80);
            rest >>>= 7;
        }
        bytes[size++] = (byte) rest;
        return this;
    }

    RowWriter put(double number) {
        return put(Long.reverseBytes(Double.doubleToRawLongBits(number)));
    }

    RowWriter put(Instant instant) {
        long seconds = instant.getEpochSecond();
        return put(seconds << 1 ^ seconds >> 63).put((long) instant.getNano());
    }

    RowWriter put(byte[] piece) {
        put((long) piece.length);
        room(piece.length);
        System.arraycopy(piece, 0, bytes, size, piece.length);
        size += piece.length;
        return this;
    }

    RowWriter put(String text) {
        return put(text.getBytes(UTF_8));
    }

    RowWriter put(List<String> texts) {
        put((long) texts.size());
        for (String text : texts) {
            put(text);
        }
        return this;
    }

    RowWriter putNumbers(List<Integer> numbers) {
        put((long) numbers.size());
        for (int number : numbers) {
            put((long) number);
        }
        return this;
    }

    byte[] row() {
        byte[] row = Arrays.copyOf(bytes, size);
        if (bytes.length > LARGEST_KEPT_BYTES) {
            bytes = new byte[USUAL_BYTES];
            size = 0;
        }
        return row;
    }

    private void room(int more) {
        if (size + more > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, size + more));
        }
    }
}
