package dev.podium.local.client;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;

/** One user's connection to feedback-api, by HTTP Basic or a token. Safe for use by several threads. */
public final class Api implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration TIMEOUT = Duration.ofMinutes(10);

    private final HttpClient client;
    private final Duration timeout;
    private final String base;
    private final String user;
    private final String authorization;

    /**
     * @param url of feedback-api, e.g. {@code http://localhost:8080}
     */
    public Api(String url, String user, String password) {
        this(url, user, password, TIMEOUT);
    }

    /**
     * @param timeout of one request
     */
    public Api(String url, String user, String password, Duration timeout) {
        this(
                timeout,
                url,
                user,
                "Basic "
                        + Base64.getEncoder().encodeToString((user + ":" + password).getBytes(StandardCharsets.UTF_8)));
    }

    /** Logs in by a token. */
    public static Api byToken(String url, String token) {
        return new Api(TIMEOUT, url, "token", "Bearer " + token);
    }

    private Api(Duration timeout, String url, String user, String authorization) {
        this.timeout = timeout;
        this.client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(Duration.ofSeconds(10))
                .build();
        this.base = url.replaceAll("/+$", "") + "/api/v1";
        this.user = user;
        this.authorization = authorization;
    }

    /** A path with its variable parts escaped: {@code path("projects", id, "rounds")}. */
    public static String path(String... parts) {
        StringBuilder path = new StringBuilder();
        for (String part : parts) {
            path.append('/')
                    .append(URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20"));
        }
        return path.toString();
    }

    public JsonNode get(String path) throws ApiException {
        return send(request(path).GET().build()).orElse(MissingNode.getInstance());
    }

    public JsonNode post(String path, Object body) throws ApiException {
        return post(path, body, Map.of()).orElse(MissingNode.getInstance());
    }

    /** Empty when the answer was 204. */
    public Optional<JsonNode> post(String path, Object body, Map<String, String> headers) throws ApiException {
        return send(with(request(path), headers).POST(json(body)).build());
    }

    public JsonNode put(String path, Object body, Map<String, String> headers) throws ApiException {
        return send(with(request(path), headers).PUT(json(body)).build()).orElse(MissingNode.getInstance());
    }

    public JsonNode delete(String path) throws ApiException {
        return delete(path, Map.of());
    }

    public JsonNode delete(String path, Map<String, String> headers) throws ApiException {
        HttpRequest.Builder request = request(path);
        headers.forEach(request::header);
        return send(request.DELETE().build()).orElse(MissingNode.getInstance());
    }

    /** Uploads a file of JSON lines, plain or compressed by gzip. */
    public JsonNode upload(String path, Path file) throws ApiException, IOException {
        boolean parquet = file.toString().endsWith(".parquet");
        HttpRequest.Builder request = request(path)
                .setHeader("Content-Type", parquet ? "application/vnd.apache.parquet" : "application/x-ndjson");
        if (file.toString().endsWith(".gz")) {
            request.header("Content-Encoding", "gzip");
        }
        return send(request.POST(BodyPublishers.ofFile(file)).build()).orElse(MissingNode.getInstance());
    }

    /** Uploads JSON lines. */
    public JsonNode upload(String path, String lines) throws ApiException {
        return send(request(path)
                        .setHeader("Content-Type", "application/x-ndjson")
                        .POST(BodyPublishers.ofString(lines))
                        .build())
                .orElse(MissingNode.getInstance());
    }

    /** The body of an answer as it comes. */
    public InputStream stream(String path) throws ApiException {
        return open(path).body();
    }

    /** An answer whose body is read as it comes, with its headers. */
    public HttpResponse<InputStream> open(String path) throws ApiException {
        try {
            HttpResponse<InputStream> response =
                    client.send(request(path).setHeader("Accept", "*/*").GET().build(), BodyHandlers.ofInputStream());
            if (response.statusCode() >= 400) {
                try (InputStream body = response.body()) {
                    throw refusal(response.statusCode(), new String(body.readAllBytes(), StandardCharsets.UTF_8));
                }
            }
            return response;
        } catch (IOException e) {
            throw unreachable(e);
        } catch (InterruptedException e) {
            throw interrupted();
        }
    }

    @Override
    public void close() {
        client.close();
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(base + path))
                .timeout(timeout)
                .header("Authorization", authorization)
                .header("Accept", "application/json, application/problem+json");
    }

    private static HttpRequest.Builder with(HttpRequest.Builder request, Map<String, String> headers) {
        headers.forEach(request::header);
        return request.setHeader("Content-Type", "application/json");
    }

    private static HttpRequest.BodyPublisher json(Object body) {
        try {
            return BodyPublishers.ofString(JSON.writeValueAsString(body));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("not JSON", e);
        }
    }

    private Optional<JsonNode> send(HttpRequest request) throws ApiException {
        try {
            HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
            if (response.statusCode() >= 300) {
                throw refusal(response.statusCode(), response.body());
            }
            return response.statusCode() == 204 || response.body().isBlank()
                    ? Optional.empty()
                    : Optional.of(JSON.readTree(response.body()));
        } catch (IOException e) {
            throw unreachable(e);
        } catch (InterruptedException e) {
            throw interrupted();
        }
    }

    private ApiException refusal(int status, String body) {
        JsonNode problem = MissingNode.getInstance();
        try {
            problem = JSON.readTree(body);
        } catch (JsonProcessingException e) {
            // A page of a proxy, say; the status speaks for itself.
            problem = MissingNode.getInstance();
        }
        String code = problem.path("code").asText("");
        String said = problem.path("detail").asText(problem.path("title").asText(""));
        String message =
                switch (status) {
                    case 401 ->
                        "feedback-api does not know user '" + user + "' with this password; set PODIUM_USER"
                                + " and PODIUM_PASSWORD, or PODIUM_TOKEN";
                    case 403 ->
                        "user '" + user + "' may not do this" + (said.isEmpty() ? "" : ": " + said)
                                + (code.isEmpty() ? "" : " (" + code + ")");
                    default ->
                        (said.isEmpty() ? "feedback-api answered " + status : said)
                                + (code.isEmpty() ? "" : " (" + code + ")");
                };
        return new ApiException(status, code, message, problem);
    }

    private ApiException unreachable(IOException cause) {
        ApiException exception = new ApiException(
                0,
                "unreachable",
                "no answer from " + base + " (" + cause + "); start the stack by ./podium up, or set PODIUM_URL",
                MissingNode.getInstance());
        exception.initCause(cause);
        return exception;
    }

    private static ApiException interrupted() {
        Thread.currentThread().interrupt();
        return new ApiException(0, "interrupted", "interrupted", MissingNode.getInstance());
    }
}
