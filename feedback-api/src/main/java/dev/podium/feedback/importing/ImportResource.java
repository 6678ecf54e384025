package dev.podium.feedback.importing;

import dev.podium.feedback.audit.Act;
import dev.podium.feedback.audit.AuditLog;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.quarkus.narayana.jta.QuarkusTransaction;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;
import org.jboss.resteasy.reactive.RestPath;

/** Imports of newline-delimited JSON and of Parquet. */
@Path("/api/v1/projects/{project}/import")
@Produces(MediaType.APPLICATION_JSON)
public class ImportResource {
    private static final byte[] PARQUET = {'P', 'A', 'R', '1'};

    private final Importer importer;
    private final AuditLog audit;

    ImportResource(Importer importer, AuditLog audit) {
        this.importer = importer;
        this.audit = audit;
    }

    /**
     * Imports lines, plain or gzipped, or the rows of a Parquet file.
     *
     * @param format auto, podium, trl, hh or oasst
     * @param partial true: good lines are stored, bad ones reported; false: all or nothing
     */
    @POST
    @AllowedTo({Who.OPERATOR, Who.SERVICE})
    @Consumes({
        "application/x-ndjson",
        "application/jsonl",
        "application/gzip",
        "application/vnd.apache.parquet",
        "application/octet-stream",
        "text/plain",
        "application/json"
    })
    public Response run(
            @RestPath String project,
            @QueryParam("format") @DefaultValue("auto") String format,
            @QueryParam("partial") @DefaultValue("false") boolean partial,
            InputStream body) {
        ImportFormat wanted = ImportFormat.of(format);
        try {
            ImportReport report = read(Project.required(project), wanted, partial, body);
            boolean failed = !partial && !report.errors().isEmpty();
            if (!failed) {
                QuarkusTransaction.requiringNew()
                        .run(() -> audit.append(Act.of("data.imported", report.format())
                                .in(project)
                                .with("tasks", report.tasks())
                                .with("rankings", report.rankings())));
            }
            return Response.status(failed ? 422 : 200).entity(report).build();
        } catch (UncheckedIOException | IOException e) {
            throw new Refusal(
                    400,
                    "body_unreadable",
                    "The import could not be read to its end, and nothing of it is stored: " + e.getMessage()
                            + ". Check the file, and send it again.");
        }
    }

    private ImportReport read(Project project, ImportFormat format, boolean partial, InputStream body)
            throws IOException {
        BufferedInputStream in = new BufferedInputStream(body, 1 << 16);
        in.mark(PARQUET.length);
        byte[] head = in.readNBytes(PARQUET.length);
        in.reset();
        if (Arrays.equals(head, PARQUET)) {
            return readParquet(project, format, partial, in);
        }
        // gzip is seen by its first bytes. The importer's limits bound what comes out, line by line.
        boolean gzip = head.length > 1 && head[0] == 0x1f && head[1] == (byte) 0x8b;
        try (InputStream lines = gzip ? new GZIPInputStream(in, 1 << 16) : in) {
            return importer.run(project, format, partial, new LineReader(lines));
        }
    }

    /** What a Parquet file holds stands at its end: it waits on disk until all of it is there. */
    private ImportReport readParquet(Project project, ImportFormat format, boolean partial, InputStream in)
            throws IOException {
        java.nio.file.Path file = Files.createTempFile("podium-import", ".parquet");
        try {
            Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
            try (ParquetLines lines = new ParquetLines(file)) {
                return importer.run(project, format, partial, lines);
            }
        } finally {
            Files.deleteIfExists(file);
        }
    }
}
