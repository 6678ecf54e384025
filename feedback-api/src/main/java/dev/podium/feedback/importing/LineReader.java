package dev.podium.feedback.importing;

import dev.podium.feedback.rest.Refusal;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Optional;

/** Lines of a stream, each of bounded length: memory does not grow with the file, nor with what is packed into it. */
final class LineReader implements Lines {
    static final int MAX_LINE_BYTES = 8 * 1024 * 1024;

    private final InputStream in;
    private byte[] buffer = new byte[1 << 16];

    LineReader(InputStream in) {
        this.in = in;
    }

    /** The next line without its end; empty at the end of the stream. */
    @Override
    public Optional<byte[]> next() throws IOException {
        int length = 0;
        for (int b = in.read(); b >= 0; b = in.read()) {
            if (b == '\n') {
                return Optional.of(Arrays.copyOf(buffer, trimmed(length)));
            }
            if (length == MAX_LINE_BYTES) {
                throw new Refusal(413, "line_too_long", "A line is longer than " + MAX_LINE_BYTES + " bytes.");
            }
            if (length == buffer.length) {
                buffer = Arrays.copyOf(buffer, Math.min(MAX_LINE_BYTES, buffer.length * 2));
            }
            buffer[length++] = (byte) b;
        }
        return length == 0 ? Optional.empty() : Optional.of(Arrays.copyOf(buffer, trimmed(length)));
    }

    private int trimmed(int length) {
        return length > 0 && buffer[length - 1] == '\r' ? length - 1 : length;
    }
}
