package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Exports a project's data for training, and looks whether all of it came. */
@Command(name = "export", description = "Writes pairs, labels, lists or ties as JSON lines, Parquet or CSV.")
final class ExportCommand implements Callable<Integer> {
    private final Session session;

    @Option(names = "--project", required = true)
    private String project = "";

    @Option(
            names = "--format",
            defaultValue = "auto",
            description = "auto, trl, trl-conversational, kto, kto-conversational, listwise, ties or preferences")
    private String format = "";

    @Option(names = "--file", defaultValue = "jsonl", description = "jsonl, parquet or csv")
    private String file = "";

    @Option(names = "--bundle", description = "several formats of one snapshot as a ZIP archive, e.g. trl,kto,ties")
    private Optional<String> bundle = Optional.empty();

    @Option(names = "--output", description = "a file; standard output when absent")
    private Optional<Path> output = Optional.empty();

    ExportCommand(Session session) {
        this.session = session;
    }

    @Override
    public Integer call() throws ApiException, StackException, IOException {
        String path = bundle.map(
                        formats -> Api.path("projects", project, "export", "bundle") + "?formats=" + encoded(formats))
                .orElse(Api.path("projects", project, "export") + "?format=" + encoded(format));
        try (Api api = session.api()) {
            HttpResponse<InputStream> answer = api.open(path + "&file=" + encoded(file));
            Optional<String> id = answer.headers().firstValue("Podium-Export-Id");
            try (InputStream in = answer.body()) {
                if (output.isEmpty()) {
                    in.transferTo(System.out);
                    System.out.flush();
                } else {
                    write(api, in, id, output.get().toAbsolutePath());
                }
            }
            return 0;
        }
    }

    /** A half-written export must not look like a whole one. */
    private void write(Api api, InputStream in, Optional<String> id, Path target) throws IOException, ApiException {
        Path aside = target.resolveSibling(target.getFileName() + ".part");
        String sha256;
        try (DigestOutputStream out = new DigestOutputStream(Files.newOutputStream(aside), digest())) {
            in.transferTo(out);
            sha256 = HexFormat.of().formatHex(out.getMessageDigest().digest());
        }
        if (id.isPresent()) {
            JsonNode manifest = api.get(Api.path("projects", project, "exports", id.get()));
            JsonNode files = manifest.path("files");
            if (bundle.isEmpty() && !files.path(0).path("sha256").asText().equals(sha256)) {
                throw new IOException("what came is not what was sent: its SHA-256 is " + sha256 + ", the manifest has "
                        + files.path(0).path("sha256").asText() + "; export again");
            }
            for (JsonNode each : files) {
                session.err()
                        .println(each.path("name").asText() + ": "
                                + each.path("rows").asLong() + " rows, sha256 "
                                + each.path("sha256").asText());
            }
            session.err().println("snapshot " + id.get());
        }
        Files.move(aside, target, StandardCopyOption.REPLACE_EXISTING);
    }

    private static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }
}
