package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.podium.llm.base.BaseModelFiles;
import dev.podium.llm.base.BaseModels;
import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.lora.GgufLora;
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
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What the rounds published. */
@Command(
        name = "adapters",
        description = "Adapters and models: list, show, fetch, export, verify, explain, retention, collect.")
final class AdapterCommands {
    private static final int FEW = 20;

    private final Session session;

    AdapterCommands(Session session) {
        this.session = session;
    }

    @Command(name = "list", description = "Lists a project's adapters.")
    int list(@Option(names = "--project", required = true) String project, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return session.list(
                Api.path("projects", project, "adapters"),
                json.json,
                "version",
                "kind",
                "roundKind",
                "baseModel.name",
                "rankingsUsed",
                "createdAt");
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

    @Command(name = "verify", description = "Tells who signed an adapter's manifest, and whether that counts.")
    int verify(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "VERSION") String version,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode signed = api.get(Api.path("projects", project, "adapters", version, "signature"));
            if (json.json) {
                session.printJson(signed);
            } else {
                String by = signed.path("keyId").isTextual()
                        ? "signed by " + signed.path("keyId").asText()
                        : "not signed";
                String counts = !signed.path("checked").asBoolean()
                        ? "; no keys are configured, so all is trusted"
                        : signed.path("trusted").asBoolean()
                                ? "; trusted"
                                : "; NOT trusted: " + signed.path("problem").asText();
                session.out().println(version + " is " + by + counts);
            }
            return signed.path("trusted").asBoolean() ? 0 : 1;
        }
    }

    @Command(
            name = "export",
            description = "Writes an adapter as a PEFT folder, or as the GGUF file that llama.cpp loads.")
    int export(
            @Option(names = "--project", required = true) String project,
            @Option(names = "--format", defaultValue = "peft", description = "peft or gguf") String format,
            @Option(names = "--to", paramLabel = "PATH", description = "folder or file; VERSION or VERSION.gguf here")
                    Optional<Path> to,
            @Option(names = "--base-config", description = "the base model's config.json; from PODIUM_MODELS_DIR else")
                    Optional<Path> baseConfig,
            @Parameters(paramLabel = "VERSION") String version)
            throws ApiException, StackException, IOException {
        boolean gguf = format.equals("gguf");
        if (!gguf && !format.equals("peft")) {
            throw new IllegalArgumentException("--format must be peft or gguf, not " + format);
        }
        if (!gguf) {
            try (Api api = session.api()) {
                session.out().println(AdapterDownload.fetch(api, project, version, to, session.modelsFolder()));
                return 0;
            }
        }
        Path target = to.orElse(Path.of(version + ".gguf")).toAbsolutePath();
        if (Files.exists(target)) {
            throw new IOException(target + " is there already; name another file by --to, or remove it");
        }
        Path folder = target.resolveSibling("." + target.getFileName() + ".peft");
        try (Api api = session.api()) {
            String base = api.get(Api.path("projects", project, "adapters", version))
                    .path("baseModel")
                    .path("name")
                    .asText();
            AdapterDownload.delete(folder);
            AdapterDownload.fetch(api, project, version, Optional.of(folder), session.modelsFolder());
            GgufLora.write(folder, baseConfig(base, baseConfig), base, target);
            session.out().println(target);
            return 0;
        } finally {
            AdapterDownload.delete(folder);
        }
    }

    private ModelConfig baseConfig(String base, Optional<Path> given) throws IOException, StackException {
        if (given.isPresent()) {
            return ModelConfig.parse(Files.readAllBytes(given.get()));
        }
        try (BaseModelFiles files = new BaseModels(session.modelsFolder()).open(base)) {
            return files.config();
        }
    }

    @Command(
            name = "retention",
            description = "Shows or sets which versions keep their weights, or retires (--run) what is not kept.")
    int retention(
            @Option(names = "--project", required = true) String project,
            @Option(names = "--keep-last", description = "newest versions of each kind") Optional<Integer> keepLast,
            @Option(names = "--keep-days", description = "versions younger than this", defaultValue = "0") int keepDays,
            @Option(names = "--run") boolean run,
            @Option(names = "--dry-run", description = "with --run: only tell") boolean dryRun,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        String path = Api.path("projects", project, "retention");
        try (Api api = session.api()) {
            if (keepLast.isPresent()) {
                api.put(path, Map.of("keepLast", keepLast.get(), "keepDays", keepDays), Map.of());
            }
            JsonNode answer = run ? api.post(path + "/run", Map.of("dryRun", dryRun)) : api.get(path);
            if (json.json) {
                session.printJson(answer);
            } else {
                session.printPretty(answer);
            }
            return 0;
        }
    }

    @Command(
            name = "collect",
            description = "Removes artifacts of all projects that no manifest needs; tells what it would without"
                    + " --remove.")
    int collect(
            @Option(names = "--remove") boolean remove,
            @Option(names = "--grace-hours", defaultValue = "24", description = "${DEFAULT-VALUE}") double graceHours,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode done = api.post("/artifacts/collection", Map.of("dryRun", !remove, "graceHours", graceHours));
            if (json.json) {
                session.printJson(done);
            } else {
                JsonNode chunks = done.path("chunks");
                session.out()
                        .println(chunks.path("artifacts").asText() + " artifacts in "
                                + chunks.path("chunks").asText() + " chunks; "
                                + (remove ? "removed " : "would remove ")
                                + chunks.path("garbageArtifacts").size() + " ("
                                + chunks.path("garbageBytes").asText() + " bytes) and "
                                + done.path("garbageObjects").size() + " objects; "
                                + chunks.path("young").asText() + " more are within the grace time");
            }
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
