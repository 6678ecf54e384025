package dev.podium.local.service;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.podium.adapterclient.AdapterClient;
import dev.podium.adapterclient.AdapterClientConfig;
import dev.podium.adapterclient.Expectation;
import dev.podium.contracts.Topics;
import dev.podium.contracts.process.ParentWatch;
import dev.podium.llm.chat.ChatMessage;
import dev.podium.llm.generate.SamplingParameters;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers prompts over HTTP.
 *
 * <pre>
 *   POST /answer   {"prompt": text or messages, "base": false, "temperature", "topK", "topP", "maxNewTokens", "seed"}
 *               -> {"answer", "version"}
 *   POST /answers  {"prompts": [...], the same}  -> {"answers": [...], "version"}
 *   GET  /version -> {"version"}
 * </pre>
 */
public final class SampleService {
    private static final Logger LOG = LoggerFactory.getLogger(SampleService.class);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int MAX_BODY_BYTES = 1 << 20;
    private static final int MAX_PROMPTS = 512;
    private static final int HTTP_THREADS = 16;
    private static final Duration FIRST_POINTER = Duration.ofSeconds(30);
    private static final Duration RETRY_PAUSE = Duration.ofSeconds(2);

    private final Answerer answerer;

    private SampleService(Answerer answerer) {
        this.answerer = answerer;
    }

    /** Starts the service; it ends when its standard input does, if PODIUM_PARENT_WATCH is set. */
    public static void main(String[] arguments) throws Exception {
        ServiceConfig config = ServiceConfig.of(System.getenv());
        if (Boolean.parseBoolean(System.getenv("PODIUM_PARENT_WATCH"))) {
            ParentWatch.start(() -> System.exit(0));
        }
        createTopics(config);
        Answerer answerer = new Answerer(config);
        AdapterClient client = AdapterClient.start(
                new AdapterClientConfig(
                                config.kafka(),
                                "sample-service-" + config.port(),
                                config.project(),
                                config.channel(),
                                config.workDir().resolve("adapters"),
                                Expectation.of(config.baseModel(), answerer.baseSha256())
                                        .shaped(answerer.baseShape()),
                                RETRY_PAUSE)
                        .trusting(config.trust())
                        .following(config.pointerTrust())
                        .fetchingFrom(config.store()),
                answerer);
        HttpServer server =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), config.port()), 64);
        server.setExecutor(Executors.newFixedThreadPool(HTTP_THREADS));
        SampleService service = new SampleService(answerer);
        server.createContext("/answer", exchange -> service.handle(exchange, service::answer));
        server.createContext("/answers", exchange -> service.handle(exchange, service::answers));
        server.createContext(
                "/version", exchange -> service.handle(exchange, body -> Map.of("version", answerer.version())));
        server.createContext("/q/health/ready", exchange -> service.handle(exchange, body -> Map.of("status", "UP")));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            server.stop(0);
            client.close();
            answerer.close();
        }));
        server.start();
        LOG.info(
                "answering on port {} with {}, following {}/{}",
                config.port(),
                config.baseModel(),
                config.project(),
                config.channel());
        if (client.awaitCaughtUp(FIRST_POINTER) && client.sequence() == 0) {
            LOG.warn(
                    "nothing is followed yet: channel {} of project {} points to no adapter in this Kafka, so the base model"
                            + " answers. If this is not the project you mean, set PODIUM_SERVICE_PROJECT and start again;"
                            + " else promote an adapter: ./podium channel promote VERSION --project {} --channel {}",
                    config.channel(),
                    config.project(),
                    config.project(),
                    config.channel());
        }
    }

    private interface Handler {
        Object handle(JsonNode body) throws InterruptedException;
    }

    private Object answer(JsonNode body) throws InterruptedException {
        Answerer.Answers answers = answerer.answer(
                List.of(messages(body.path("prompt"))),
                parameters(body),
                body.path("base").asBoolean(false));
        // Neither prompt nor answer: logs are read by more people than conversations are meant for.
        LOG.info(
                "{} answered with {} characters",
                answers.version(),
                answers.texts().getFirst().length());
        return Map.of("answer", answers.texts().getFirst(), "version", answers.version());
    }

    private Object answers(JsonNode body) throws InterruptedException {
        JsonNode prompts = body.path("prompts");
        if (!prompts.isArray() || prompts.isEmpty() || prompts.size() > MAX_PROMPTS) {
            throw new IllegalArgumentException("prompts must be a list of 1 to " + MAX_PROMPTS);
        }
        List<List<ChatMessage>> conversations = new ArrayList<>();
        prompts.forEach(prompt -> conversations.add(messages(prompt)));
        Answerer.Answers answers = answerer.answer(
                conversations, parameters(body), body.path("base").asBoolean(false));
        LOG.info("{} answered {} prompts", answers.version(), prompts.size());
        return Map.of("answers", answers.texts(), "version", answers.version());
    }

    private static List<ChatMessage> messages(JsonNode prompt) {
        if (prompt.isTextual() && !prompt.asText().isBlank()) {
            return List.of(new ChatMessage("user", prompt.asText()));
        }
        List<ChatMessage> messages = new ArrayList<>();
        for (JsonNode message : prompt) {
            messages.add(new ChatMessage(
                    message.path("role").asText(), message.path("content").asText()));
        }
        if (messages.isEmpty()) {
            throw new IllegalArgumentException("prompt must be a text or a list of messages");
        }
        return messages;
    }

    private static SamplingParameters parameters(JsonNode body) {
        return new SamplingParameters(
                body.path("temperature").asDouble(0.7),
                body.path("topK").asInt(0),
                body.path("topP").asDouble(1.0),
                body.path("maxNewTokens").asInt(96),
                body.path("seed").asLong(1));
    }

    private void handle(HttpExchange exchange, Handler handler) throws IOException {
        try (exchange) {
            try {
                byte[] bytes = exchange.getRequestBody().readNBytes(MAX_BODY_BYTES + 1);
                if (bytes.length > MAX_BODY_BYTES) {
                    reply(exchange, 413, Map.of("error", "the limit is " + MAX_BODY_BYTES + " bytes"));
                    return;
                }
                reply(
                        exchange,
                        200,
                        handler.handle(
                                JSON.readTree(bytes.length == 0 ? "{}".getBytes(StandardCharsets.UTF_8) : bytes)));
            } catch (JsonProcessingException | IllegalArgumentException e) {
                reply(exchange, 400, Map.of("error", String.valueOf(e.getMessage())));
            } catch (RejectedExecutionException e) {
                reply(exchange, 503, Map.of("error", "too many requests wait; try again"));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                reply(exchange, 503, Map.of("error", "stopping"));
            } catch (RuntimeException e) {
                LOG.error("a request failed", e);
                reply(exchange, 500, Map.of("error", e.toString()));
            }
        }
    }

    private static void reply(HttpExchange exchange, int status, Object body) throws IOException {
        byte[] bytes = JSON.writeValueAsBytes(body);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    private static void createTopics(ServiceConfig config) throws ExecutionException, InterruptedException {
        int partitions = Integer.parseInt(System.getenv().getOrDefault("PODIUM_TOPICS_PARTITIONS", "12"));
        short replication = Short.parseShort(System.getenv().getOrDefault("PODIUM_TOPICS_REPLICATION", "3"));
        try (Admin admin = Admin.create(config.kafka())) {
            Topics.createMissing(admin, partitions, replication);
        }
    }
}
