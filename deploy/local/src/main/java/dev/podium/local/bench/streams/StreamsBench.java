package dev.podium.local.bench.streams;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.local.stack.Installation;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** The benchmark {@code streams}: each part on servers of its own, which are gone when it ends. */
public final class StreamsBench {
    /** What can be measured alone. */
    public static final List<String> PARTS = List.of("throughput", "latency", "swap");

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<Integer> ADAPTERS_MB = List.of(5, 80);

    private final Installation installation;
    private final PrintWriter out;
    private final PrintWriter err;

    /**
     * @param out takes one JSON line per figure
     * @param err takes what is going on
     */
    public StreamsBench(Installation installation, PrintWriter out, PrintWriter err) {
        this.installation = installation;
        this.out = out;
        this.err = err;
    }

    /**
     * Measures.
     *
     * @param parts some of {@link #PARTS}
     * @param rankings of the throughput
     * @param seconds of the latency's measurement, at 100 rankings per second
     */
    public void run(List<String> parts, int rankings, int seconds) throws Exception {
        for (String part : parts) {
            Path folder = Files.createTempDirectory("podium-bench-streams-");
            try {
                switch (part) {
                    case "throughput" ->
                        new Throughput(installation, folder, this::say).measure(rankings, this::figure);
                    case "latency" -> new Latency(installation, folder, this::say).measure(seconds, this::figure);
                    case "swap" -> {
                        for (int megabytes : ADAPTERS_MB) {
                            new AdapterSwapTime(folder.resolve("swap-" + megabytes), this::say)
                                    .measure(megabytes, this::figure);
                        }
                    }
                    default ->
                        throw new IllegalArgumentException(
                                "streams has no part " + part + "; it has " + String.join(", ", PARTS));
                }
            } finally {
                delete(folder);
            }
        }
    }

    /** A figure and, where there is one, what it is compared with. */
    interface Figures {
        void print(String figure, double value, String unit, String peer, double peerValue, ObjectNode more);

        default void print(String figure, double value, String unit, ObjectNode more) {
            print(figure, value, unit, "", 0, more);
        }
    }

    private void figure(String figure, double value, String unit, String peer, double peerValue, ObjectNode more) {
        ObjectNode line = JSON.createObjectNode();
        line.put("bench", "streams")
                .put("figure", figure)
                .put("value", rounded(value))
                .put("unit", unit);
        if (!peer.isEmpty()) {
            line.put("peer", peer).put("peer_value", rounded(peerValue)).put("ratio", rounded(value / peerValue));
        }
        line.put("runs", 1);
        line.setAll(more);
        out.println(line);
        out.flush();
    }

    private void say(String line) {
        err.println(line);
        err.flush();
    }

    static double rounded(double value) {
        return Double.isFinite(value) ? Double.parseDouble(String.format(Locale.ROOT, "%.4g", value)) : 0;
    }

    /** The value that a share of the sorted values does not exceed. */
    static double quantile(List<Double> values, double share) {
        List<Double> sorted = values.stream().sorted().toList();
        return sorted.get((int) Math.min(sorted.size() - 1L, Math.round(Math.ceil(share * sorted.size())) - 1));
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
