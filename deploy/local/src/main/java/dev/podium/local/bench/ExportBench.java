package dev.podium.local.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.local.client.Api;
import dev.podium.local.stack.Application;
import dev.podium.local.stack.Installation;
import dev.podium.local.stack.LocalStack;
import dev.podium.local.stack.Ports;
import dev.podium.local.stack.StackFolder;
import dev.podium.local.stack.StackOptions;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** How long an export of very many pairs takes, on a stack of its own: all of it, over HTTP, with its manifest. */
public final class ExportBench {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String PROJECT = "export";
    private static final String ID = "@ID@";

    private final int pairs;
    private final PrintWriter out;
    private final PrintWriter err;

    /**
     * @param pairs each of a task of its own
     * @param out takes one JSON line per figure
     * @param err takes what is going on
     */
    public ExportBench(int pairs, PrintWriter out, PrintWriter err) {
        if (pairs < 1) {
            throw new IllegalArgumentException("pairs must be 1 or more");
        }
        this.pairs = pairs;
        this.out = out;
        this.err = err;
    }

    /** Measures. Returns whether each export was whole. */
    public boolean run() throws Exception {
        Path home = Files.createTempDirectory("podium-bench-export-");
        StackOptions options = new StackOptions(
                new StackFolder(home),
                Installation.find(),
                Ports.free(),
                List.of(Application.FEEDBACK_API),
                Map.of(),
                this::say);
        try (LocalStack stack = LocalStack.start(options);
                Api api = new Api(
                        stack.url(), stack.operator().user(), stack.operator().password());
                FeedbackStore store = new FeedbackStore(stack.jdbcUrl(), stack.jdbcUser(), stack.jdbcPassword())) {
            api.post("/projects", Map.of("id", PROJECT));
            say("storing " + pairs + " preference sets");
            String body = EventJson.writeText(set()).replace("'", "''");
            store.execute(
                    "insert into preference (task_id, project_id, pairs, ties, rankings, decided, body)"
                            + " select 'task-' || i, '" + PROJECT + "', 1, 0, 1, true, replace('" + body + "', '" + ID
                            + "', 'task-' || i) from generate_series(1, " + pairs + ") i",
                    "vacuum analyze preference",
                    "checkpoint");
            boolean whole = true;
            // The first reads what the others then find in memory, and warms the JVM up: it is told all the same.
            for (String file : List.of("jsonl", "parquet", "jsonl", "parquet")) {
                whole &= export(api, file);
            }
            return whole;
        } finally {
            delete(home);
        }
    }

    private boolean export(Api api, String file) throws Exception {
        long begin = System.nanoTime();
        var answer = api.open(Api.path("projects", PROJECT, "export") + "?format=trl&file=" + file);
        long bytes = 0;
        try (InputStream in = answer.body()) {
            byte[] buffer = new byte[1 << 16];
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                bytes += read;
            }
        }
        double seconds = (System.nanoTime() - begin) / 1e9;
        String id = answer.headers().firstValue("Podium-Export-Id").orElseThrow();
        var manifest = api.get(Api.path("projects", PROJECT, "exports", id))
                .path("files")
                .path(0);
        boolean whole = manifest.path("rows").asLong() == pairs
                && manifest.path("bytes").asLong() == bytes;
        ObjectNode line = JSON.createObjectNode();
        line.put("bench", "export");
        line.put("figure", "export_" + file + "_seconds");
        line.put("value", Math.round(seconds * 10) / 10.0);
        line.put("unit", "s");
        line.put("pairs", pairs);
        line.put("bytes", bytes);
        line.put("runs", 1);
        out.println(JSON.writeValueAsString(line));
        return whole;
    }

    private static PreferenceSet set() {
        String answer = "We are sorry that your lamp does not start. Please charge the battery for an hour, then press"
                + " the button twice while the light is green.";
        return new PreferenceSet(
                PROJECT,
                ID,
                List.of(Message.user("My lamp " + ID + " does not start. What can I do?")),
                List.of(
                        new Output(
                                ID + "-0",
                                answer + " Write to us if it does not.",
                                Output.Provenance.imported(),
                                List.of()),
                        new Output(ID + "-1", "Buy another one. " + answer, Output.Provenance.imported(), List.of())),
                Optional.of("podium-nano"),
                List.of(new PreferenceSet.Pair(ID + "-0", ID + "-1", 1, 1, 0, 1, 0.75)),
                List.of(),
                Map.of(),
                List.of(new PreferenceSet.RankingUsed("labeler", 1, "event-" + ID, "rlhf.rankings.v1", 0, 0, 1)),
                false,
                true,
                Instant.EPOCH);
    }

    private void say(String what) {
        err.println(what);
        err.flush();
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
