package dev.podium.sidecar;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.podium.adapterclient.HotSwap;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Phaser;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A way to the server on which one model name, the alias, always stands for what the channel points to. A request keeps
 * the adapter that it began with until it has ended, also when it streams; all else passes through as it is.
 *
 * <pre>
 *   POST /v1/chat/completions {"model": ALIAS, ...}  ->  the same with the adapter's name
 *   GET  /podium/model                               ->  {"alias", "model", "version"}
 *   GET  /podium/ready                               ->  200 when the server answers
 *   POST /v1/load_lora_adapter, unload_lora_adapter  ->  403: what is served is the channel's, and verified
 * </pre>
 */
final class AliasProxy implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(AliasProxy.class);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int MAX_BODY_BYTES = 16 << 20;
    private static final Duration LONGEST_ANSWER = Duration.ofMinutes(30);
    /** Who belongs together for a canary's share; else the request's {@code user}, else nobody. */
    private static final String CONVERSATION = "X-Podium-Conversation";

    private static final Set<String> NOT_PASSED =
            Set.of("connection", "content-length", "host", "transfer-encoding", "upgrade", "expect", "keep-alive");

    /** Would serve weights that nobody has verified, or take away what requests need. */
    private static final Set<String> MANAGEMENT = Set.of("/v1/load_lora_adapter", "/v1/unload_lora_adapter");

    private final HttpServer http;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final VllmServer server;
    private final VllmAdapters adapters;
    private final HotSwap<VllmAdapters.Loaded> swap;
    private final String alias;
    private final AtomicReference<Counts> counts = new AtomicReference<>();
    private final Duration drain;
    // One party is this proxy; each request that runs is another.
    private final Phaser running = new Phaser(1);
    private volatile boolean stopping;

    /** Where it is counted how adapters do; a rule may roll a channel back by it. */
    interface Counts {
        /** A request was answered. */
        void answered(Optional<String> version);

        /** A request failed for which the adapter may be to blame. */
        void failed(Optional<String> version);
    }

    /**
     * @param alias the model name that stands for what the channel points to
     * @param drain how long requests that run may go on when this is closed
     */
    AliasProxy(
            InetSocketAddress address,
            VllmServer server,
            VllmAdapters adapters,
            HotSwap<VllmAdapters.Loaded> swap,
            String alias,
            Duration drain)
            throws IOException {
        this.server = server;
        this.adapters = adapters;
        this.swap = swap;
        this.alias = alias;
        this.drain = drain;
        this.http = HttpServer.create(address, 256);
        http.setExecutor(threads);
        http.createContext("/", this::handle);
        http.createContext("/podium/model", exchange -> own(exchange, this::model));
        http.createContext("/podium/ready", exchange -> own(exchange, this::ready));
        http.start();
    }

    int port() {
        return http.getAddress().getPort();
    }

    /** From now on requests and errors are counted there. */
    void countAt(Counts there) {
        counts.set(there);
    }

    private interface Own {
        Map<String, String> answer() throws IOException, InterruptedException;
    }

    private Map<String, String> model() throws IOException, InterruptedException {
        try (HotSwap.Lease<VllmAdapters.Loaded> lease = swap.lease()) {
            return Map.of(
                    "alias",
                    alias,
                    "model",
                    name(lease),
                    "version",
                    lease.version().orElse("base"));
        }
    }

    private Map<String, String> ready() throws IOException, InterruptedException {
        server.models();
        return model();
    }

    private void own(HttpExchange exchange, Own own) throws IOException {
        try (exchange) {
            try {
                reply(exchange, 200, own.answer());
            } catch (IOException e) {
                reply(exchange, 503, error(503, String.valueOf(e.getMessage())));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                reply(exchange, 503, error(503, "stopping"));
            }
        }
    }

    private void handle(HttpExchange exchange) throws IOException {
        running.register();
        try {
            if (stopping) {
                try (exchange) {
                    exchange.getResponseHeaders().set("Retry-After", "2");
                    reply(exchange, 503, error(503, "stopping; try again"));
                }
            } else {
                pass(exchange);
            }
        } finally {
            running.arriveAndDeregister();
        }
    }

    private void pass(HttpExchange exchange) throws IOException {
        try (exchange) {
            if (MANAGEMENT.contains(exchange.getRequestURI().getPath())) {
                reply(exchange, 403, error(403, "adapters come from the channel alone; promote one there"));
                return;
            }
            byte[] body = exchange.getRequestBody().readNBytes(MAX_BODY_BYTES + 1);
            if (body.length > MAX_BODY_BYTES) {
                reply(exchange, 413, error(413, "the limit is " + MAX_BODY_BYTES + " bytes"));
                return;
            }
            try {
                Optional<ObjectNode> named = namingTheAlias(body);
                if (named.isPresent()) {
                    answer(exchange, named.get());
                } else {
                    stream(exchange, send(exchange, body));
                }
            } catch (IOException e) {
                LOG.warn("a request was not passed on: {}", e.toString());
                if (exchange.getResponseCode() == -1) {
                    exchange.getResponseHeaders().set("Retry-After", "2");
                    reply(exchange, 503, error(503, "the model server does not answer; try again"));
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private Optional<ObjectNode> namingTheAlias(byte[] body) {
        if (body.length == 0 || body[0] == 0) {
            return Optional.empty();
        }
        try {
            JsonNode json = JSON.readTree(body);
            return json instanceof ObjectNode object
                            && object.path("model").asText().equals(alias)
                    ? Optional.of(object)
                    : Optional.empty();
        } catch (IOException e) {
            // No JSON: the server says so better than we could.
            return Optional.empty();
        }
    }

    private void answer(HttpExchange exchange, ObjectNode request) throws IOException, InterruptedException {
        String conversation = Optional.ofNullable(exchange.getRequestHeaders().getFirst(CONVERSATION))
                .or(() -> Optional.ofNullable(request.path("user").textValue()))
                .orElseGet(() -> UUID.randomUUID().toString());
        try (HotSwap.Lease<VllmAdapters.Loaded> lease = swap.lease(conversation)) {
            request.put("model", name(lease));
            HttpResponse<InputStream> answer = send(exchange, JSON.writeValueAsBytes(request));
            if (answer.statusCode() == 404 && lease.adapter().isPresent()) {
                // The server has started again and lost it.
                answer.body().close();
                adapters.keepInStep();
                answer = send(exchange, JSON.writeValueAsBytes(request));
            }
            // Before it is streamed: whoever goes away in mid-answer is no fault of the adapter's.
            count(lease.version(), answer.statusCode());
            stream(exchange, answer);
        }
    }

    /** Counts what says something about the adapter: not that the server is away (502, 504) or full (429, 503). */
    private void count(Optional<String> version, int status) {
        Counts there = counts.get();
        if (there == null) {
            return;
        }
        if (status == 500) {
            there.failed(version);
        } else if (status < 500 && status != 429) {
            there.answered(version);
        }
    }

    private String name(HotSwap.Lease<VllmAdapters.Loaded> lease) throws IOException, InterruptedException {
        if (lease.adapter().isPresent()) {
            return lease.adapter().get().name();
        }
        return adapters.baseName().orElseThrow(() -> new IOException("vLLM lists no base model"));
    }

    private HttpResponse<InputStream> send(HttpExchange exchange, byte[] body)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        server.uri(exchange.getRequestURI().toString()))
                .timeout(LONGEST_ANSWER)
                .method(
                        exchange.getRequestMethod(),
                        body.length == 0
                                ? HttpRequest.BodyPublishers.noBody()
                                : HttpRequest.BodyPublishers.ofByteArray(body));
        for (Map.Entry<String, List<String>> header :
                exchange.getRequestHeaders().entrySet()) {
            if (!NOT_PASSED.contains(header.getKey().toLowerCase(Locale.ROOT))) {
                header.getValue().forEach(value -> request.header(header.getKey(), value));
            }
        }
        return server.http().send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
    }

    private static void stream(HttpExchange exchange, HttpResponse<InputStream> answer) throws IOException {
        answer.headers().map().forEach((name, values) -> {
            if (!NOT_PASSED.contains(name.toLowerCase(Locale.ROOT)) && !name.startsWith(":")) {
                exchange.getResponseHeaders().put(name, values);
            }
        });
        exchange.sendResponseHeaders(answer.statusCode(), 0);
        try (InputStream in = answer.body();
                OutputStream out = exchange.getResponseBody()) {
            byte[] buffer = new byte[1 << 14];
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                out.write(buffer, 0, count);
                // Tokens are worth most when they are fresh.
                out.flush();
            }
        }
    }

    private static Map<String, Object> error(int status, String message) {
        return Map.of("error", Map.of("message", message, "type", "podium_sidecar", "code", status));
    }

    private static void reply(HttpExchange exchange, int status, Object body) throws IOException {
        byte[] bytes = JSON.writeValueAsString(body).getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    /** Takes nothing new, and lets what runs end, for the time of the drain at most. */
    @Override
    public void close() {
        stopping = true;
        try {
            running.awaitAdvanceInterruptibly(running.arrive(), drain.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            LOG.warn(
                    "{} requests still ran after {} s, and are cut off",
                    running.getUnarrivedParties(),
                    drain.toSeconds());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        http.stop(0);
        threads.shutdownNow();
    }
}
