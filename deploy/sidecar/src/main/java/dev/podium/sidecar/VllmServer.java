package dev.podium.sidecar;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The part of vLLM's interface that adapters need.
 *
 * @see <a href="https://docs.vllm.ai/en/stable/features/lora.html">Dynamically serving LoRA adapters</a>
 */
final class VllmServer {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** A load reads the weights and puts them on the device. */
    private static final Duration TIMEOUT = Duration.ofMinutes(5);

    private static final int SHOWN_CHARACTERS = 300;

    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(5))
            .build();
    private final URI base;
    private final Optional<String> apiKey;

    /**
     * @param base address without {@code /v1}
     * @param apiKey sent as a bearer token
     */
    VllmServer(URI base, Optional<String> apiKey) {
        this.base = base;
        this.apiKey = apiKey;
    }

    /** What the server will not do, however often it is asked. */
    static final class Refused extends Exception {
        private static final long serialVersionUID = 1L;

        Refused(String message) {
            super(message);
        }
    }

    /** The server has as many adapters as it may; it takes another once one is unloaded. */
    static final class NoRoom extends IOException {
        private static final long serialVersionUID = 1L;

        NoRoom(String message) {
            super(message);
        }
    }

    /** A model or adapter that requests may name. */
    record Model(String id, Optional<String> parent) {}

    URI uri(String path) {
        String text = base.toString();
        return URI.create((text.endsWith("/") ? text.substring(0, text.length() - 1) : text) + path);
    }

    HttpClient http() {
        return http;
    }

    /** What is served now. */
    List<Model> models() throws IOException, InterruptedException {
        HttpResponse<String> answer = send(request("/v1/models").GET().build());
        if (answer.statusCode() != 200) {
            throw away(answer);
        }
        List<Model> models = new ArrayList<>();
        for (JsonNode model : JSON.readTree(answer.body()).path("data")) {
            models.add(new Model(
                    model.path("id").asText(),
                    Optional.ofNullable(model.path("parent").textValue())));
        }
        return models;
    }

    /**
     * Loads an adapter; one of that name that is loaded already is the same, because a name stands for its content.
     *
     * @throws Refused when the server cannot serve it
     * @throws NoRoom when it is full
     * @throws IOException when the server is away or set up otherwise: asking again may help
     */
    void load(String name, String path) throws IOException, InterruptedException, Refused {
        HttpResponse<String> answer = post("/v1/load_lora_adapter", Map.of("lora_name", name, "lora_path", path));
        String message = message(answer.body());
        switch (answer.statusCode()) {
            case 200 -> {
                return;
            }
            case 400 -> {
                if (message.contains("already been loaded") || message.contains("already loaded")) {
                    return;
                }
                if (message.contains("slot") || message.contains("max_loras") || message.contains("max_cpu_loras")) {
                    throw new NoRoom("vLLM has no room for another adapter (" + shortened(message)
                            + "); raise --max-loras or --max-cpu-loras");
                }
                throw new Refused("vLLM does not take it: " + shortened(message));
            }
            case 404 -> {
                if (message.contains("No adapter found") || message.contains(path)) {
                    throw new IOException("vLLM does not see " + path
                            + "; give both the same folder, or say where vLLM has it (--served-folder)");
                }
                throw new IOException("vLLM at " + base
                        + " has no /v1/load_lora_adapter; start it with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True and"
                        + " --enable-lora");
            }
            default -> throw away(answer);
        }
    }

    /** Unloads an adapter; one that is not there is no error. */
    void unload(String name) throws IOException, InterruptedException {
        HttpResponse<String> answer = post("/v1/unload_lora_adapter", Map.of("lora_name", name));
        if (answer.statusCode() != 200 && answer.statusCode() != 404) {
            throw away(answer);
        }
    }

    private HttpResponse<String> post(String path, Map<String, String> body) throws IOException, InterruptedException {
        return send(request(path)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofByteArray(JSON.writeValueAsBytes(body)))
                .build());
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri(path)).timeout(TIMEOUT);
        apiKey.ifPresent(key -> request.header("Authorization", "Bearer " + key));
        return request;
    }

    private HttpResponse<String> send(HttpRequest request) throws IOException, InterruptedException {
        try {
            return http.send(request, HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new IOException("vLLM at " + base + " does not answer: " + e, e);
        }
    }

    private IOException away(HttpResponse<String> answer) {
        String hint = answer.statusCode() == 401 || answer.statusCode() == 403
                ? "; set PODIUM_SIDECAR_API_KEY to the key that vLLM was started with"
                : "";
        return new IOException("vLLM at " + base + " answers HTTP " + answer.statusCode() + " "
                + shortened(message(answer.body())) + hint);
    }

    /** Older versions put the error into the body itself, newer ones under {@code error}. */
    private static String message(String body) {
        try {
            JsonNode json = JSON.readTree(body);
            JsonNode message =
                    json.path("error").isObject() ? json.path("error").path("message") : json.path("message");
            return message.isTextual() ? message.asText() : body;
        } catch (IOException e) {
            return body;
        }
    }

    private static String shortened(String text) {
        String line = text.strip().replaceAll("\\s+", " ");
        return line.length() <= SHOWN_CHARACTERS ? line : line.substring(0, SHOWN_CHARACTERS) + "...";
    }
}
