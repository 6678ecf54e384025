package dev.podium.feedback.exporting;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.agroal.api.AgroalDataSource;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.StreamingOutput;
import java.io.BufferedOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.RestPath;

/** Pairs as JSON lines. One statement is one snapshot; rows are fetched in portions, so memory is constant. */
@Path("/api/v1/projects/{project}/export")
public class ExportResource {
    private static final Logger LOG = Logger.getLogger(ExportResource.class);
    private static final Set<String> FORMATS = Set.of("trl", "trl-conversational", "preferences");
    private static final int FETCH_ROWS = 200;
    // Each holds a connection to the database for as long as its reader takes; labelers need the others.
    private static final int MOST_AT_ONCE = 8;
    private static final int CLOSE_SECONDS = 60;

    private final AgroalDataSource database;
    private final Semaphore places = new Semaphore(MOST_AT_ONCE);

    ExportResource(AgroalDataSource database) {
        this.database = database;
    }

    /** @param format trl, trl-conversational or preferences */
    @GET
    @AllowedTo({Who.OPERATOR, Who.SERVICE})
    @Produces("application/x-ndjson")
    public StreamingOutput export(
            @RestPath String project,
            @QueryParam("format") @DefaultValue("trl") String format,
            @Context HttpServerRequest request) {
        Project.required(project);
        if (!FORMATS.contains(format)) {
            throw new Refusal(
                    400,
                    "unknown_format",
                    "format must be one of " + FORMATS.stream().sorted().toList() + ".");
        }
        return out -> {
            if (!places.tryAcquire()) {
                throw new Refusal(
                        429,
                        "too_many_exports",
                        MOST_AT_ONCE + " exports are read already; try again when one of them is through.");
            }
            try {
                write(project, format, new Reader(out));
            } catch (Reader.Gone e) {
                LOG.infof("an export of %s was not read to its end: %s", project, e.getMessage());
            } catch (IOException | RuntimeException e) {
                if (request.response().headWritten()) {
                    breakOff(request);
                }
                throw e;
            } finally {
                places.release();
            }
        };
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

    private void write(String project, String format, OutputStream target) throws IOException {
        // Not closed here: closing ends the response, also after a failure.
        OutputStream out = new BufferedOutputStream(target, 1 << 16);
        try (Connection connection = database.getConnection()) {
            connection.setAutoCommit(false);
            try (PreparedStatement query = connection.prepareStatement(
                    "select body from preference where project_id = ? and decided order by task_id")) {
                query.setFetchSize(FETCH_ROWS);
                query.setString(1, project);
                try (ResultSet rows = query.executeQuery()) {
                    while (rows.next()) {
                        writeSet(rows.getString(1), format, out);
                    }
                }
            } finally {
                connection.rollback();
            }
        } catch (SQLException e) {
            throw new IllegalStateException("an export of " + project + " breaks off: " + e.getMessage(), e);
        }
        out.flush();
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

    private static void writeSet(String body, String format, OutputStream out) throws IOException {
        if (format.equals("preferences")) {
            line(body, out);
            return;
        }
        PreferenceSet set;
        try {
            set = EventJson.mapper().readValue(body, PreferenceSet.class);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a stored preference set cannot be read", e);
        }
        Map<String, Output> outputs = set.outputs().stream().collect(Collectors.toMap(Output::id, Function.identity()));
        for (PreferenceSet.Pair pair : set.pairs()) {
            Output chosen = outputs.get(pair.chosen());
            Output rejected = outputs.get(pair.rejected());
            if (chosen != null && rejected != null) {
                line(EventJson.writeText(pair(set, pair, chosen, rejected, format)), out);
            }
        }
    }

    private static Map<String, Object> pair(
            PreferenceSet set, PreferenceSet.Pair pair, Output chosen, Output rejected, String format) {
        Map<String, Object> line = new LinkedHashMap<>();
        boolean plain = format.equals("trl") && set.prompt().size() == 1;
        if (plain) {
            line.put("prompt", set.prompt().getFirst().content());
            line.put("chosen", chosen.text());
            line.put("rejected", rejected.text());
        } else {
            // A conversation has no plain form that a trainer could take apart again.
            line.put("prompt", set.prompt());
            line.put("chosen", List.of(Message.assistant(chosen.text())));
            line.put("rejected", List.of(Message.assistant(rejected.text())));
        }
        line.put("weight", pair.weight());
        line.put("margin", pair.margin());
        line.put("task_id", set.taskId());
        return line;
    }

    private static void line(String json, OutputStream out) throws IOException {
        out.write(json.getBytes(StandardCharsets.UTF_8));
        out.write('\n');
    }
}
