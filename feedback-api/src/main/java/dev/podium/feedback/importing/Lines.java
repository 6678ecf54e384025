package dev.podium.feedback.importing;

import java.io.IOException;
import java.util.Optional;

/** What is imported, line by line, each of bounded length. */
interface Lines {
    /** The next line as JSON; empty at the end. */
    Optional<byte[]> next() throws IOException;
}
