package dev.podium.sidecar;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Answers as vLLM does (0.8 to 0.11, by its documentation and its errors): the runtime LoRA interface with its refusals,
 * the list of models, and completions that name who answered.
 */
final class FakeVllm implements AutoCloseable {
    static final String BASE = "tiny-base";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final HttpServer http;
    private final Map<String, String> adapters = Collections.synchronizedMap(new LinkedHashMap<>());
    final List<String> calls = Collections.synchronizedList(new ArrayList<>());
    final List<String> unknownModels = Collections.synchronizedList(new ArrayList<>());
    volatile int maxLoras = 8;
    volatile int maxRank = 64;
    volatile Optional<String> apiKey = Optional.empty();
    volatile boolean updating = true;
    /** Newer servers nest their errors. */
    volatile boolean nested;
    /** Status of completions; 200: they are answered. */
    volatile int status = 200;
    /** Ends in mid-answer when it is released. */
    volatile Optional<CountDownLatch> midAnswer = Optional.empty();
    /** Completions that have begun. */
    final AtomicInteger answering = new AtomicInteger();

    FakeVllm() throws IOException {
        this(0);
    }

    FakeVllm(int port) throws IOException {
        http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        http.setExecutor(Executors.newCachedThreadPool());
        http.createContext("/", this::handle);
        http.start();
    }

    URI uri() {
        return URI.create("http://127.0.0.1:" + port());
    }

    int port() {
        return http.getAddress().getPort();
    }

    List<String> loaded() {
        synchronized (adapters) {
            return List.copyOf(adapters.keySet());
        }
    }

    void loadByHand(String name) {
        adapters.put(name, "by-hand");
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String path = exchange.getRequestURI().getPath();
            byte[] body = exchange.getRequestBody().readAllBytes();
            if (apiKey.isPresent()
                    && !("Bearer " + apiKey.get())
                            .equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
                reply(exchange, 401, Map.of("error", "Unauthorized"));
                return;
            }
            JsonNode json = body.length == 0 ? JSON.createObjectNode() : JSON.readTree(body);
            switch (path) {
                case "/v1/models" -> models(exchange);
                case "/v1/load_lora_adapter", "/v1/unload_lora_adapter" -> {
                    calls.add(path.substring(4) + " " + json.path("lora_name").asText());
                    if (!updating) {
                        reply(exchange, 404, Map.of("detail", "Not Found"));
                    } else if (path.startsWith("/v1/load")) {
                        load(
                                exchange,
                                json.path("lora_name").asText(),
                                json.path("lora_path").asText());
                    } else {
                        unload(exchange, json.path("lora_name").asText());
                    }
                }
                case "/v1/chat/completions" -> complete(exchange, json);
                default -> reply(exchange, 404, Map.of("detail", "Not Found"));
            }
        }
    }

    private void models(HttpExchange exchange) throws IOException {
        List<Map<String, Object>> models = new ArrayList<>();
        models.add(Map.of("id", BASE, "object", "model", "root", BASE));
        for (String name : loaded()) {
            models.add(Map.of("id", name, "object", "model", "parent", BASE));
        }
        reply(exchange, 200, Map.of("object", "list", "data", models));
    }

    private void load(HttpExchange exchange, String name, String path) throws IOException {
        if (name.isEmpty() || path.isEmpty()) {
            error(exchange, 400, "InvalidUserInput", "Both 'lora_name' and 'lora_path' must be provided.");
        } else if (adapters.containsKey(name)) {
            error(
                    exchange,
                    400,
                    "InvalidUserInput",
                    "The lora adapter '" + name + "' has already been loaded. If you want to load the adapter in place,"
                            + " set 'load_inplace' to True.");
        } else if (!Files.exists(Path.of(path, "adapter_config.json"))) {
            error(exchange, 404, "NotFoundError", "Loading lora " + name + " failed: No adapter found for " + path);
        } else if (rank(path) > maxRank) {
            error(
                    exchange,
                    400,
                    "BadRequestError",
                    "LoRA rank " + rank(path) + " is greater than max_lora_rank " + maxRank + ".");
        } else if (adapters.size() >= maxLoras) {
            error(exchange, 400, "BadRequestError", "Call to add_lora method failed: No free lora slots");
        } else {
            adapters.put(name, path);
            text(exchange, "Success: LoRA adapter '" + name + "' added successfully.");
        }
    }

    private static int rank(String path) throws IOException {
        return JSON.readTree(Files.readAllBytes(Path.of(path, "adapter_config.json")))
                .path("r")
                .asInt();
    }

    private void unload(HttpExchange exchange, String name) throws IOException {
        if (adapters.remove(name) == null) {
            error(exchange, 404, "NotFoundError", "The lora adapter '" + name + "' cannot be found.");
        } else {
            text(exchange, "Success: LoRA adapter '" + name + "' removed successfully.");
        }
    }

    private void complete(HttpExchange exchange, JsonNode request) throws IOException {
        String model = request.path("model").asText();
        if (!model.equals(BASE) && !adapters.containsKey(model)) {
            unknownModels.add(model);
            error(exchange, 404, "NotFoundError", "The model `" + model + "` does not exist.");
            return;
        }
        if (status != 200) {
            error(exchange, status, "InternalServerError", "as the test wants it");
            return;
        }
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
        exchange.sendResponseHeaders(200, 0);
        answering.incrementAndGet();
        for (int token = 0; token < 3; token++) {
            exchange.getResponseBody().write(("data: {\"model\":\"" + model + "\"}\n\n").getBytes());
            exchange.getResponseBody().flush();
            await();
            // An adapter that is taken away under a request would be seen here.
            if (!model.equals(BASE) && !adapters.containsKey(model)) {
                unknownModels.add(model + " in mid-answer");
            }
        }
    }

    private void await() throws IOException {
        if (midAnswer.isPresent()) {
            try {
                midAnswer.get().await();
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
        }
    }

    private void error(HttpExchange exchange, int status, String type, String message) throws IOException {
        Map<String, Object> flat = Map.of("object", "error", "message", message, "type", type, "code", status);
        reply(exchange, status, nested ? Map.of("error", flat) : flat);
    }

    private static void text(HttpExchange exchange, String text) throws IOException {
        byte[] bytes = text.getBytes();
        exchange.sendResponseHeaders(200, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    private static void reply(HttpExchange exchange, int status, Object body) throws IOException {
        byte[] bytes = JSON.writeValueAsBytes(body);
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    @Override
    public void close() {
        http.stop(0);
    }
}
