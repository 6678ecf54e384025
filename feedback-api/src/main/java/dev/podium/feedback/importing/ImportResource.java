package dev.podium.feedback.importing;

import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
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
import java.util.zip.GZIPInputStream;
import org.jboss.resteasy.reactive.RestPath;

/** Imports of newline-delimited JSON. */
@Path("/api/v1/projects/{project}/import")
@Produces(MediaType.APPLICATION_JSON)
public class ImportResource {
    private final Importer importer;

    ImportResource(Importer importer) {
        this.importer = importer;
    }

    /**
     * Imports lines.
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
        try (InputStream lines = unzipped(body)) {
            ImportReport report = importer.run(Project.required(project), wanted, partial, lines);
            boolean failed = !partial && !report.errors().isEmpty();
            return Response.status(failed ? 422 : 200).entity(report).build();
        } catch (UncheckedIOException | IOException e) {
            throw new Refusal(
                    400,
                    "body_unreadable",
                    "The import could not be read to its end, and nothing of it is stored: " + e.getMessage()
                            + ". Check the file, and send it again.");
        }
    }

    /** gzip is seen by its first bytes. The importer's limits bound what comes out, line by line. */
    private static InputStream unzipped(InputStream body) throws IOException {
        BufferedInputStream in = new BufferedInputStream(body, 1 << 16);
        in.mark(2);
        boolean gzip = in.read() == 0x1f && in.read() == 0x8b;
        in.reset();
        return gzip ? new GZIPInputStream(in, 1 << 16) : in;
    }
}
