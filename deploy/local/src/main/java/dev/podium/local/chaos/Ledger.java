package dev.podium.local.chaos;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** What labelers were told is taken, one JSON line each: the truth that everything else is held against. */
final class Ledger implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final BufferedWriter out;
    private final AtomicInteger accepted = new AtomicInteger();
    private final AtomicInteger repeatedRequests = new AtomicInteger();
    private final AtomicInteger refused = new AtomicInteger();

    Ledger(Path file) throws IOException {
        this.out = Files.newBufferedWriter(file);
    }

    /**
     * A ranking, a correction or a retraction that was answered with success.
     *
     * @param groups best first; empty for a retraction
     */
    synchronized void accepted(
            String task,
            String labeler,
            int revision,
            String eventId,
            boolean retracted,
            List<List<String>> groups,
            List<String> unacceptable) {
        ObjectNode line = JSON.createObjectNode();
        line.put("task", task).put("labeler", labeler).put("revision", revision).put("event", eventId);
        line.put("retracted", retracted);
        line.set("groups", JSON.valueToTree(groups));
        line.set("unacceptable", JSON.valueToTree(unacceptable));
        try {
            out.write(line.toString());
            out.newLine();
            out.flush();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        accepted.incrementAndGet();
    }

    /** A request was sent again, because nobody knows what became of it. */
    void repeated() {
        repeatedRequests.incrementAndGet();
    }

    /** A request was refused for good. */
    void refused() {
        refused.incrementAndGet();
    }

    int acceptedCount() {
        return accepted.get();
    }

    int repeatedCount() {
        return repeatedRequests.get();
    }

    int refusedCount() {
        return refused.get();
    }

    @Override
    public synchronized void close() throws IOException {
        out.close();
    }
}
