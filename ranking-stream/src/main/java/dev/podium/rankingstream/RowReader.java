package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Reads what {@link RowWriter} has written. */
final class RowReader {
    private final byte[] row;
    private int at;

    /** @param version that the row must have */
    RowReader(byte[] row, byte version) {
        this.row = row;
        if (row.length == 0 || row[0] != version) {
            throw new IllegalStateException("a row of the state is of version " + (row.length == 0 ? "none" : row[0])
                    + ", only " + version + " is known; a later version of this application has written it");
        }
        this.at = 1;
    }

    byte readByte() {
        return row[at++];
    }

    boolean readFlag() {
        return readByte() != 0;
    }

    long readNumber() {
        long number = 0;
        int shift = 0;
        while (true) {
            byte b = row[at++];
            number |= (b & 0x7FL) << shift;
            if (b >= 0) {
                return number;
            }
            shift += 7;
        }
    }

    int readInt() {
        return (int) readNumber();
    }

    double readDouble() {
        return Double.longBitsToDouble(Long.reverseBytes(readNumber()));
    }

    Instant readInstant() {
        long zigzag = readNumber();
        return Instant.ofEpochSecond(zigzag >>> 1 ^ -(zigzag & 1), readNumber());
    }

    byte[] readBytes() {
        int length = readInt();
        at += length;
        return Arrays.copyOfRange(row, at - length, at);
    }

    String readText() {
        int length = readInt();
        at += length;
        return new String(row, at - length, length, UTF_8);
    }

    List<String> readTexts() {
        String[] texts = new String[readInt()];
        for (int i = 0; i < texts.length; i++) {
            texts[i] = readText();
        }
        return List.of(texts);
    }

    List<Integer> readNumbers() {
        int size = readInt();
        List<Integer> numbers = new ArrayList<>(size);
        for (int i = 0; i < size; i++) {
            numbers.add(readInt());
        }
        return numbers;
    }
}
