package dev.podium.feedback.exporting;

import dev.podium.contracts.EventJson;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.quality.WorkRules;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.security.Access;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.agroal.api.AgroalDataSource;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.security.identity.SecurityIdentity;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.core.StreamingOutput;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.RestPath;

/**
 * Pairs, labels, lists and ties as files for training, each of one snapshot, streamed at constant memory. The answer
 * names the export; when it was read to its end, {@code exports/ID} has rows and SHA-256 of each file.
 */
@Path("/api/v1/projects/{project}")
@AllowedTo({Who.OPERATOR, Who.SERVICE})
public class ExportResource {
    /** Names the export; its manifest is under this id. */
    static final String ID_HEADER = "Podium-Export-Id";

    private static final Logger LOG = Logger.getLogger(ExportResource.class);
    private static final String AUTO = "auto";
    // Each holds a connection to the database for as long as its reader takes; labelers need the others.
    private static final int MOST_AT_ONCE = 8;
    private static final int CLOSE_SECONDS = 60;

    private final AgroalDataSource database;
    private final Exports exports;
    private final WorkRules workRules;
    private final SecurityIdentity identity;
    private final Semaphore places = new Semaphore(MOST_AT_ONCE);

    ExportResource(AgroalDataSource database, Exports exports, WorkRules workRules, SecurityIdentity identity) {
        this.database = database;
        this.exports = exports;
        this.workRules = workRules;
        this.identity = identity;
    }

    /**
     * One file.
     *
     * @param format auto (trl, or trl-conversational where a prompt is a conversation), trl, trl-conversational, kto,
     *     kto-conversational, listwise, ties or preferences
     * @param file jsonl, parquet or csv
     */
    @GET
    @Path("export")
    public Response export(
            @RestPath String project,
            @QueryParam("format") @DefaultValue(AUTO) String format,
            @QueryParam("file") @DefaultValue("jsonl") String file,
            @Context HttpServerRequest request) {
        FileType type = FileType.of(file);
        Wanted wanted = wanted(project, List.of(format));
        return answer(wanted, type.mediaType(), request, (snapshot, out) -> {
            ExportFormat only = wanted.formats().getFirst();
            return List.of(wanted.described(only, type, snapshot.write(only, wanted.order(), type, out)));
        });
    }

    /**
     * Several files of one snapshot, and their manifest, as a ZIP archive.
     *
     * @param formats separated by commas
     */
    @GET
    @Path("export/bundle")
    public Response bundle(
            @RestPath String project,
            @QueryParam("formats") @DefaultValue("auto,listwise,ties") String formats,
            @QueryParam("file") @DefaultValue("jsonl") String file,
            @Context HttpServerRequest request) {
        FileType type = FileType.of(file);
        Wanted wanted = wanted(project, List.of(formats.split(",")));
        return answer(wanted, "application/zip", request, (snapshot, out) -> {
            ZipOutputStream zip = new ZipOutputStream(out);
            zip.setLevel(Deflater.BEST_SPEED);
            List<ExportManifest.File> files = new ArrayList<>();
            for (ExportFormat each : wanted.formats()) {
                zip.putNextEntry(new ZipEntry(each.word() + "." + type.word()));
                files.add(wanted.described(each, type, snapshot.write(each, wanted.order(), type, zip)));
                zip.closeEntry();
            }
            zip.putNextEntry(new ZipEntry("manifest.json"));
            zip.write(EventJson.write(wanted.manifest(files, snapshot.positions())));
            zip.closeEntry();
            zip.finish();
            return files;
        });
    }

    /** The exports that were read to their end, newest first. */
    @GET
    @Path("exports")
    @Produces(MediaType.APPLICATION_JSON)
    @Transactional
    public List<ExportManifest> list(@RestPath String project) {
        Project.required(project);
        return exports.list(project);
    }

    /** The manifest of an export that was read to its end. */
    @GET
    @Path("exports/{export}")
    @Produces(MediaType.APPLICATION_JSON)
    @Transactional
    public ExportManifest manifest(@RestPath String project, @RestPath String export) {
        return exports.find(project, export)
                .orElseThrow(() -> Refusal.notFound("Export " + export + ", read to its end,"));
    }

    /** What was asked for, with all that can be refused checked. */
    private record Wanted(
            String id, String project, Instant at, List<ExportFormat> formats, ListOrder order, String actor) {
        ExportManifest manifest(List<ExportManifest.File> files, java.util.Map<String, Long> positions) {
            return new ExportManifest(id, project, at, positions, files);
        }

        ExportManifest.File described(ExportFormat format, FileType type, Snapshot.Written written) {
            return new ExportManifest.File(
                    format.word() + "." + type.word(),
                    format.word(),
                    written.rows(),
                    written.sets(),
                    written.bytes(),
                    written.sha256(),
                    Optional.of(order.word()).filter(word -> format == ExportFormat.LISTWISE));
        }
    }

    private Wanted wanted(String project, List<String> words) {
        Project.required(project);
        boolean conversations = hasConversations(project);
        List<ExportFormat> formats = new ArrayList<>();
        for (String word : words) {
            ExportFormat format = ExportFormat.of(word.equals(AUTO) ? ExportFormat.TRL.word() : word);
            if (format.isPlain() && conversations) {
                if (!word.equals(AUTO)) {
                    throw Refusal.unprocessable(
                            "conversations",
                            "Some prompts are conversations, which have no plain form; ask for format="
                                    + format.conversational().word() + ".");
                }
                format = format.conversational();
            }
            if (!formats.contains(format)) {
                formats.add(format);
            }
        }
        return new Wanted(
                UUID.randomUUID().toString(),
                project,
                Clock.systemUTC().instant(),
                formats,
                ListOrder.of(rules(project)),
                Access.of(identity).actor());
    }

    private WorkRules.Values rules(String project) {
        return QuarkusTransaction.requiringNew().call(() -> workRules.of(project));
    }

    private boolean hasConversations(String project) {
        try (Snapshot snapshot = new Snapshot(database.getConnection(), project)) {
            return snapshot.hasConversations();
        } catch (SQLException e) {
            throw new IllegalStateException("the sets of " + project + " cannot be read", e);
        }
    }

    /** Writes the files of a snapshot. */
    private interface Writer {
        List<ExportManifest.File> write(Snapshot snapshot, OutputStream out) throws IOException, SQLException;
    }

    private Response answer(Wanted wanted, String mediaType, HttpServerRequest request, Writer writer) {
        StreamingOutput body = out -> {
            if (!places.tryAcquire()) {
                throw new Refusal(
                        429,
                        "too_many_exports",
                        MOST_AT_ONCE + " exports are read already; try again when one of them is through.");
            }
            try {
                write(wanted, writer, new Reader(out));
            } catch (Reader.Gone e) {
                LOG.infof("an export of %s was not read to its end: %s", wanted.project(), e.getMessage());
            } catch (IOException | RuntimeException e) {
                if (request.response().headWritten()) {
                    breakOff(request);
                }
                throw e;
            } finally {
                places.release();
            }
        };
        return Response.ok(body, mediaType).header(ID_HEADER, wanted.id()).build();
    }

    private void write(Wanted wanted, Writer writer, OutputStream out) throws IOException {
        ExportManifest manifest;
        exports.begun(
                wanted.id(),
                wanted.project(),
                wanted.formats().stream().map(ExportFormat::word).collect(Collectors.joining(" ")),
                wanted.actor());
        try (Snapshot snapshot = new Snapshot(database.getConnection(), wanted.project())) {
            manifest = wanted.manifest(writer.write(snapshot, out), snapshot.positions());
        } catch (SQLException e) {
            throw new IllegalStateException("an export of " + wanted.project() + " breaks off: " + e.getMessage(), e);
        }
        exports.keep(manifest, wanted.actor());
        out.flush();
    }

    /** Ended like any other, the response would look whole. */
    private static void breakOff(HttpServerRequest request) {
        if (request.version() == HttpVersion.HTTP_2) {
            request.response().reset();
        } else {
            // The close waits for what is written already; until then the framework must not add the end of a response.
            try {
                request.connection()
                        .close()
                        .toCompletionStage()
                        .toCompletableFuture()
                        .get(CLOSE_SECONDS, TimeUnit.SECONDS);
            } catch (ExecutionException | TimeoutException e) {
                LOG.warnf("the connection of a broken export is not closed: %s", e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Whoever reads the export. Going away is their right; whatever else goes wrong is a failure. */
    private static final class Reader extends FilterOutputStream {
        Reader(OutputStream target) {
            super(target);
        }

        static final class Gone extends IOException {
            private static final long serialVersionUID = 1L;

            Gone(IOException cause) {
                super(cause);
            }
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            try {
                out.write(bytes, offset, length);
            } catch (IOException e) {
                throw new Gone(e);
            }
        }
    }
}
