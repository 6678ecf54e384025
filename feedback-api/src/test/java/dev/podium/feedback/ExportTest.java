package dev.podium.feedback;

import static org.hamcrest.Matchers.equalTo;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.embedded.testing.ServersResource;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
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

    @Test
    void anExportThatBreaksOffDoesNotEndLikeAWholeOne() throws Exception {
        String project = Api.project("{}");
        decided(project, SETS);
        assertTrue(endsWell(readAll(export(project), () -> {})), "a whole one ends well");
        byte[] broken = readAll(
                export(project),
                () -> QuarkusTransaction.requiringNew()
                        .call(() -> entities.createNativeQuery(
                                        "select pg_terminate_backend(pid) from pg_stat_activity"
                                                + " where state <> 'idle' and query like 'select body from preference%'",
                                        Boolean.class)
                                .getSingleResult()));
        assertFalse(endsWell(broken), "rows are missing, and the response ends as if none were");
    }

    @Test
    void aSetThatCannotBeReadIsAFailureNotAShorterExport() {
        String project = Api.project("{}");
        decided(project, 1);
        Api.operator()
                .get("/api/v1/projects/" + project + "/export?format=trl")
                .then()
                .statusCode(500);
    }

    @Test
    void slowReadersLeaveConnectionsForLabelers() throws Exception {
        String project = Api.project("{}");
        decided(project, SETS);
        List<Socket> slow = new ArrayList<>();
        try {
            for (int i = 0; i < 8; i++) {
                Socket socket = export(project);
                slow.add(socket);
                assertTrue(socket.getInputStream().read() >= 0);
            }
            Api.operator()
                    .get("/api/v1/projects/" + project + "/export")
                    .then()
                    .statusCode(429)
                    .body("code", equalTo("too_many_exports"));
        } finally {
            for (Socket socket : slow) {
                socket.close();
            }
        }
        long deadlineNanos = System.nanoTime() + 20_000_000_000L;
        while (running() > 0 && System.nanoTime() < deadlineNanos) {
            Thread.sleep(100);
        }
        Api.operator()
                .get("/api/v1/projects/" + project + "/export?format=preferences")
                .then()
                .statusCode(200);
    }

    /** What comes until the connection ends, one way or the other. */
    private static byte[] readAll(Socket socket, Runnable afterTheFirstByte) throws Exception {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        try (socket;
                InputStream in = socket.getInputStream()) {
            all.write(in.read());
            afterTheFirstByte.run();
            in.transferTo(all);
        } catch (SocketException e) {
            // Reset: a clear sign that something is missing.
        }
        return all.toByteArray();
    }

    /** Whether the last chunk is there that HTTP ends a whole response with. */
    private static boolean endsWell(byte[] response) {
        return new String(response, StandardCharsets.ISO_8859_1).endsWith("\r\n0\r\n\r\n");
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
