package dev.podium.training.rollout;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.podium.llm.generate.Completion;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.training.TinyRound;
import dev.podium.training.batch.PromptTokenizer;
import dev.podium.training.round.RoundFailure;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Against a stand-in that answers as vLLM's documentation says: {@code token_ids} with {@code return_token_ids}, log-probs
 * of raw logits, the end token among the ids, errors as {@code {"error": {"message"}}}.
 */
class RolloutServerTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final SamplingParameters PARAMETERS = new SamplingParameters(1, 0, 1, 12, 7);
    private static final int SAMPLES = 3;

    private TinyRound round;
    private HttpServer http;
    private int[] endIds;
    private List<int[]> prompts;
    private List<List<Completion>> ofThisModel;
    private final Deque<Integer> refusals = new ArrayDeque<>();
    private volatile Function<Completion, ObjectNode> choice = RolloutServerTest::choice;
    private volatile float offset;

    @BeforeEach
    void serve() throws Exception {
        round = new TinyRound();
        endIds = new PromptTokenizer(round.base, 256).endIds();
        prompts = List.of(new int[] {5, 6, 7}, new int[] {9, 8}, new int[] {11, 12, 13, 14});
        try (LocalCompletions local = new LocalCompletions(round.model, Optional.empty())) {
            ofThisModel = local.generate(prompts, SAMPLES, PARAMETERS, endIds, () -> false);
        }
        http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        http.createContext("/v1/completions", this::answer);
        http.start();
    }

    @AfterEach
    void stop() {
        http.stop(0);
        round.close();
    }

    @Test
    void completionsOfAServerThatRunsThisModelAreTakenAsTheyAre() throws Exception {
        List<List<Completion>> served = generate();

        assertEquals(prompts.size(), served.size());
        for (int p = 0; p < prompts.size(); p++) {
            for (int s = 0; s < SAMPLES; s++) {
                assertArrayEquals(
                        ofThisModel.get(p).get(s).tokenIds(),
                        served.get(p).get(s).tokenIds());
                assertEquals(
                        ofThisModel.get(p).get(s).reason(), served.get(p).get(s).reason());
            }
        }
        double difference =
                new RolloutGate(round.model, RolloutGate.DEFAULT_LIMIT).check(prompts, served, Optional.empty());
        assertTrue(difference < 1e-3, "differs by " + difference);
    }

    @Test
    void idsInTheLogProbabilitiesDoAsWell() throws Exception {
        choice = completion -> {
            ObjectNode node = choice(completion);
            node.remove("token_ids");
            return node;
        };

        List<List<Completion>> served = generate();

        assertArrayEquals(
                ofThisModel.get(2).get(1).tokenIds(), served.get(2).get(1).tokenIds());
    }

    @Test
    void completionsOfAnotherModelAreRefused() throws Exception {
        offset = 0.3f;
        List<List<Completion>> served = generate();
        RolloutGate gate = new RolloutGate(round.model, RolloutGate.DEFAULT_LIMIT);

        RoundFailure failure = assertThrows(RoundFailure.class, () -> gate.check(prompts, served, Optional.empty()));

        assertEquals("rollout_mismatch", failure.code());
        assertTrue(failure.getMessage().contains("another adapter"), failure.getMessage());
    }

    @Test
    void aServerThatSaysNoLogProbabilitiesIsRefused() throws Exception {
        choice = completion -> {
            ObjectNode node = choice(completion);
            node.remove("logprobs");
            return node;
        };
        List<List<Completion>> served = generate();
        RolloutGate gate = new RolloutGate(round.model, RolloutGate.DEFAULT_LIMIT);

        assertEquals(
                "rollout_mismatch",
                assertThrows(RoundFailure.class, () -> gate.check(prompts, served, Optional.empty()))
                        .code());
    }

    @Test
    void anOverloadedServerIsAskedAgain() throws Exception {
        refusals.addAll(List.of(503, 429));

        assertEquals(prompts.size(), generate().size());
        assertTrue(refusals.isEmpty());
    }

    @Test
    void whatTheServerRefusesIsToldWithItsWords() {
        refusals.addAll(List.of(404, 404, 404));

        RoundFailure failure = assertThrows(RoundFailure.class, this::generate);

        assertEquals("rollout_server", failure.code());
        assertTrue(failure.getMessage().contains("The model `v3` does not exist."), failure.getMessage());
    }

    @Test
    void aServerThatGivesTextsOnlyIsRefused() {
        choice = completion -> {
            ObjectNode node = choice(completion);
            node.remove("token_ids");
            ((ObjectNode) node.get("logprobs")).putArray("tokens").add("Hello");
            return node;
        };

        assertTrue(assertThrows(RoundFailure.class, this::generate).getMessage().contains("texts, not token ids"));
    }

    private List<List<Completion>> generate() throws RoundFailure {
        URI address = URI.create("http://127.0.0.1:" + http.getAddress().getPort());
        try (RolloutServer server = new RolloutServer(address, Optional.of("secret"), "v3", Duration.ofMillis(1))) {
            return server.generate(prompts, SAMPLES, PARAMETERS, endIds, () -> false);
        }
    }

    private void answer(HttpExchange exchange) throws IOException {
        JsonNode request = JSON.readTree(exchange.getRequestBody());
        Integer refusal;
        synchronized (refusals) {
            refusal = refusals.poll();
        }
        if (!"Bearer secret".equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
            refusal = 401;
        }
        ObjectNode body = JSON.createObjectNode();
        if (refusal != null) {
            body.putObject("error")
                    .put("message", "The model `" + request.path("model").asText() + "` does not exist.");
        } else {
            int[] prompt = JSON.convertValue(request.path("prompt"), int[].class);
            ArrayNode choices = body.putArray("choices");
            for (int p = 0; p < prompts.size(); p++) {
                if (Arrays.equals(prompts.get(p), prompt)) {
                    ofThisModel.get(p).stream()
                            .limit(request.path("n").asInt())
                            .forEach(completion -> choices.add(choice.apply(moved(completion))));
                }
            }
        }
        byte[] bytes = body.toString().getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(refusal == null ? 200 : refusal, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    private Completion moved(Completion completion) {
        float[] values = completion.logProbabilities().clone();
        for (int i = 0; i < values.length; i++) {
            values[i] -= offset;
        }
        return new Completion(completion.tokenIds(), values, completion.reason());
    }

    private static ObjectNode choice(Completion completion) {
        ObjectNode node = JSON.createObjectNode();
        node.put("text", "of no interest");
        node.put("finish_reason", completion.reason() == Completion.FinishReason.STOP ? "stop" : "length");
        ArrayNode ids = node.putArray("token_ids");
        ObjectNode logprobs = node.putObject("logprobs");
        ArrayNode tokens = logprobs.putArray("tokens");
        ArrayNode values = logprobs.putArray("token_logprobs");
        for (int t = 0; t < completion.tokenIds().length; t++) {
            ids.add(completion.tokenIds()[t]);
            tokens.add("token_id:" + completion.tokenIds()[t]);
            values.add(completion.logProbabilities()[t]);
        }
        return node;
    }
}
