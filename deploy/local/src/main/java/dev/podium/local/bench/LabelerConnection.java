package dev.podium.local.bench;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.UUID;

/**
 * One labeler over HTTP: asks for the next task, ranks it, and has the one after it come along with the answer, as the
 * form does. A socket and strings, because whoever
 * measures on the machine that is measured must take little of it.
 */
final class LabelerConnection implements AutoCloseable {
    private static final int OUTPUTS = FeedbackStore.OUTPUTS;

    private final Socket socket;
    private final InputStream in;
    private final OutputStream out;
    private final String headers;
    private final String project;
    private final SplittableRandom random;

    LabelerConnection(int port, String project, String name, String password, long seed) throws IOException {
        this.socket = new Socket("127.0.0.1", port);
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(60_000);
        this.in = new BufferedInputStream(socket.getInputStream(), 1 << 15);
        this.out = socket.getOutputStream();
        this.project = project;
        this.random = new SplittableRandom(seed);
        this.headers =
                " HTTP/1.1\r\nHost: localhost:" + port + "\r\nContent-Type: application/json\r\nAuthorization: Basic "
                        + Base64.getEncoder().encodeToString((name + ":" + password).getBytes(StandardCharsets.UTF_8))
                        + "\r\n";
    }

    /** The id of the next task; empty when nothing is left. */
    Optional<String> next() throws IOException {
        Answer answer = send("POST /api/v1/projects/" + project + "/tasks/next", "", "");
        if (answer.status == 204) {
            return Optional.empty();
        }
        if (answer.status != 200) {
            throw new IOException("next task: " + answer.status + " " + answer.body);
        }
        return Optional.of(
                taskIn(answer.body).orElseThrow(() -> new IOException("next task: no id in " + answer.body)));
    }

    /** Other ids in it begin otherwise. */
    private Optional<String> taskIn(String body) {
        int at = body.indexOf("\"id\":\"" + project + "-") + 6;
        return at < 6 ? Optional.empty() : Optional.of(body.substring(at, body.indexOf('"', at)));
    }

    /** Ranks a task. Returns the next one, where it is wanted and came along. */
    Optional<String> submit(String task, boolean wantsNext) throws IOException {
        int[] order = {0, 1, 2, 3};
        for (int i = OUTPUTS - 1; i > 0; i--) {
            // Mostly the order in which outputs were made, as labelers who agree mostly.
            int j = random.nextInt(3) == 0 ? random.nextInt(i + 1) : i;
            int kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
        StringBuilder body = new StringBuilder("{\"durationMillis\":20000,\"groups\":[");
        for (int i = 0; i < OUTPUTS; i++) {
            body.append(i == 0 ? "[\"" : ",[\"")
                    .append(task)
                    .append('-')
                    .append(order[i])
                    .append("\"]");
        }
        body.append("]}");
        Answer answer = send(
                "PUT /api/v1/projects/" + project + "/tasks/" + task + "/ranking?next=" + wantsNext,
                "Idempotency-Key: " + new UUID(random.nextLong(), random.nextLong()) + "\r\n",
                body.toString());
        if (answer.status != 201) {
            throw new IOException("submit: " + answer.status + " " + answer.body);
        }
        return taskIn(answer.body);
    }

    private record Answer(int status, String body) {}

    private Answer send(String line, String more, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        out.write((line + headers + more + "Content-Length: " + bytes.length + "\r\n\r\n" + body)
                .getBytes(StandardCharsets.UTF_8));
        out.flush();
        int status = Integer.parseInt(line().substring(9, 12));
        int length = -1;
        for (String header = line(); !header.isEmpty(); header = line()) {
            String lower = header.toLowerCase(Locale.ROOT);
            if (lower.startsWith("content-length:")) {
                length = Integer.parseInt(lower.substring(15).strip());
            }
        }
        if (length < 0 && status != 204) {
            throw new IOException("an answer without Content-Length: " + status);
        }
        byte[] answer = in.readNBytes(Math.max(0, length));
        return new Answer(status, new String(answer, StandardCharsets.UTF_8));
    }

    private String line() throws IOException {
        StringBuilder line = new StringBuilder(64);
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new EOFException("feedback-api has closed the connection");
            }
            if (c != '\r') {
                line.append((char) c);
            }
        }
        return line.toString();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
