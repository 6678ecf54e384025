package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What the rounds published. */
@Command(name = "adapters", description = "Adapters and models: list, show, fetch, explain where one comes from.")
final class AdapterCommands {
    private static final int FEW = 20;

    private final Session session;

    AdapterCommands(Session session) {
        this.session = session;
    }

    @Command(name = "list", description = "Lists a project's adapters.")
    int list(@Option(names = "--project", required = true) String project, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode adapters = api.get(Api.path("projects", project, "adapters"));
            if (json.json) {
                session.printJson(adapters);
            } else {
                session.printTable(
                        adapters, "version", "kind", "roundKind", "baseModel.name", "rankingsUsed", "createdAt");
            }
            return 0;
        }
    }

    @Command(name = "show", description = "Prints an adapter's manifest.")
    int show(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "VERSION") String version,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return print(Api.path("projects", project, "adapters", version), json.json);
    }

    @Command(
            name = "lineage",
            aliases = "explain",
            description = "Names the rounds, the data set, the rankings and the labelers behind an adapter.")
    int lineage(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "VERSION") String version,
            @Option(names = "--all", description = "all rankings, not the first " + FEW) boolean all,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode lineage = api.get(Api.path("projects", project, "adapters", version, "lineage"));
            if (json.json) {
                session.printJson(lineage);
            } else {
                explain(lineage, all ? Integer.MAX_VALUE : FEW);
                session.printEvaluation(api.get(Api.path("projects", project, "adapters", version))
                        .path("evaluation"));
            }
            return 0;
        }
    }

    private void explain(JsonNode lineage, int most) {
        PrintWriter out = session.out();
        out.println("Rounds, nearest first");
        session.printTable(
                lineage.path("rounds"), "version", "usedAs", "kind", "round", "rankings", "dataSetSha256", "at");
        JsonNode dataSet = lineage.path("dataSet");
        out.println();
        out.println(
                dataSet.isObject()
                        ? "Data set: " + dataSet.path("bytes").asLong() + " bytes, sha256 "
                                + dataSet.path("sha256").asText()
                        : "Data set: none, the round brought its own records or prompts");
        JsonNode rankings = lineage.path("rankings");
        if (!rankings.isEmpty()) {
            out.println();
            out.println("Labelers");
            session.printTable(lineage.path("labelers"), "labelerId", "rankings");
            out.println();
            out.println("Rankings: " + rankings.size());
            ArrayNode first = new ObjectMapper().createArrayNode();
            for (int i = 0; i < Math.min(most, rankings.size()); i++) {
                first.add(rankings.get(i));
            }
            session.printTable(first, "topic", "partition", "offset", "labelerId", "taskId", "revision");
            if (rankings.size() > most) {
                out.println("... and " + (rankings.size() - most) + " more: --all, or --json");
            }
        }
        out.flush();
    }

    @Command(
            name = "dataset",
            description = "Writes an adapter's data set to a file; with --rebuild made anew from the logs.")
    int dataSet(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "VERSION") String version,
            @Option(names = "--rebuild", description = "from preferences, tasks and rankings, not from the stored copy")
                    boolean rebuild,
            @Option(names = "--output", paramLabel = "FILE", required = true) Path output,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode manifest = api.get(Api.path("projects", project, "adapters", version));
            String wanted = manifest.path("dataSet").path("sha256").asText("none");
            MessageDigest digest = sha256();
            String path = Api.path("projects", project, "adapters", version, "data-set") + "?from="
                    + (rebuild ? "logs" : "artifact");
            try (InputStream in = new DigestInputStream(api.stream(path), digest)) {
                Files.copy(in, output, StandardCopyOption.REPLACE_EXISTING);
            }
            String got = HexFormat.of().formatHex(digest.digest());
            boolean equal = got.equals(wanted);
            if (json.json) {
                session.printJson(new ObjectMapper()
                        .createObjectNode()
                        .put("version", version)
                        .put("file", output.toString())
                        .put("rebuilt", rebuild)
                        .put("sha256", got)
                        .put("manifestSha256", wanted)
                        .put("equal", equal));
            } else {
                session.out().println((rebuild ? "rebuilt from the logs: " : "") + output + ", sha256 " + got);
                session.out()
                        .println(
                                equal
                                        ? "the manifest of " + version + " names the same"
                                        : "the manifest of " + version + " names " + wanted);
                session.out().flush();
            }
            return equal ? 0 : 1;
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    @Command(
            name = "fetch",
            description = {
                "Fetches an adapter (PEFT's form) or a whole model (Hugging Face's) into a folder, verified.",
                "A model goes to the models folder as PROJECT.VERSION, an adapter to ./VERSION, unless --to says else."
            })
    int fetch(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "VERSION") String version,
            @Option(names = "--to", description = "folder that does not exist yet") Optional<Path> to)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            Path fetched = AdapterDownload.fetch(api, project, version, to, session.modelsFolder());
            session.out().println(fetched);
            session.out().flush();
            return 0;
        }
    }

    private int print(String path, boolean json) throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode answer = api.get(path);
            if (json) {
                session.printJson(answer);
            } else {
                session.printPretty(answer);
            }
            return 0;
        }
    }
}
