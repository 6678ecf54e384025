package dev.podium.feedback.exporting;

import com.fasterxml.jackson.databind.ObjectWriter;
import dev.podium.contracts.EventJson;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** One JSON object per line. */
final class JsonLines implements Sink {
    private static final ObjectWriter WRITER = EventJson.mapper().writer();

    private final OutputStream out;

    JsonLines(OutputStream out) {
        this.out = out;
    }

    @Override
    public void write(Record row) throws IOException {
        if (row instanceof Rows.Raw raw) {
            out.write(raw.set().getBytes(StandardCharsets.UTF_8));
        } else {
            out.write(WRITER.writeValueAsBytes(row));
        }
        out.write('\n');
    }

    @Override
    public void finish() {
        // A line is whole when it is written.
    }
}
