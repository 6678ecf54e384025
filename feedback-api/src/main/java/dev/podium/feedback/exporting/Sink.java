package dev.podium.feedback.exporting;

import java.io.IOException;

/** Takes rows, and writes them at constant memory. */
interface Sink {
    void write(Record row) throws IOException;

    /** Writes what a file ends with; leaves the stream open. */
    void finish() throws IOException;
}
