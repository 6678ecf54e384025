package dev.podium.feedback;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.embedded.testing.ServersResource;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Exports of more than any buffer holds. */
@QuarkusTest
@WithTestResource(ServersResource.class)
class ExportTest {
    private static final int SETS = 4000;

    @Inject
    EntityManager entities;

    @TestHTTPResource("/")
    URI address;

    @Test
    void anExportIsWhatWasThereWhenItBeganHoweverSlowlyItIsRead() throws Exception {
        String project = Api.project("{}");
        decided(project, SETS);
        try (Socket socket = export(project)) {
            BufferedReader lines =
                    new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
            int seen = 0;
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.contains("\"prompt\"")) {
                    seen++;
                    if (seen == 1) {
                        decided(project, SETS);
                    }
                }
            }
            assertEquals(SETS, seen);
        }
    }

    @Test
    void anExportThatNobodyReadsGivesItsConnectionBack() throws Exception {
        String project = Api.project("{}");
        decided(project, SETS);
        try (Socket socket = export(project);
                InputStream in = socket.getInputStream()) {
            assertTrue(in.read() >= 0);
            assertEquals(1, running(), "the export runs");
        }
        long deadlineNanos = System.nanoTime() + 20_000_000_000L;
        while (running() > 0 && System.nanoTime() < deadlineNanos) {
            Thread.sleep(100);
        }
        assertEquals(0, running());
    }

    /** Exports that hold a snapshot of the database now. */
    private long running() {
        return QuarkusTransaction.requiringNew()
                .call(() -> ((Number) entities.createNativeQuery("select count(*) from pg_stat_activity"
                                        + " where state <> 'idle' and query like 'select body from preference%'")
                                .getSingleResult())
                        .longValue());
    }

    /** Sets as the projection keeps them, about 4 KB each: more than the sockets' buffers hold. */
    private void decided(String project, int count) {
        String body = "{\"prompt\":\"" + "x".repeat(4000) + "\"}";
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery(
                                "insert into preference (task_id, project_id, pairs, ties, rankings, decided, body)"
                                        + " select :run || i, :project, 1, 0, 1, true, :body"
                                        + " from generate_series(1, :count) i")
                        .setParameter("run", UUID.randomUUID().toString())
                        .setParameter("project", project)
                        .setParameter("body", body)
                        .setParameter("count", count)
                        .executeUpdate());
    }

    private Socket export(String project) throws Exception {
        Socket socket = new Socket();
        socket.setReceiveBufferSize(16 * 1024);
        socket.connect(new java.net.InetSocketAddress(address.getHost(), address.getPort()));
        String login = Base64.getEncoder()
                .encodeToString(("operator:" + Api.OPERATOR_PASSWORD).getBytes(StandardCharsets.UTF_8));
        OutputStream out = socket.getOutputStream();
        out.write(("GET /api/v1/projects/" + project + "/export?format=preferences HTTP/1.1\r\nHost: "
                        + address.getAuthority() + "\r\nConnection: close\r\nAuthorization: Basic " + login
                        + "\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
        out.flush();
        return socket;
    }
}
