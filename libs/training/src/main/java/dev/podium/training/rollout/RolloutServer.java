package dev.podium.training.rollout;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.llm.generate.Completion;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.training.round.RoundFailure;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;

/**
 * Completions of an OpenAI-compatible server that serves our adapters, such as vLLM: {@code POST /v1/completions} with the
 * prompt as token ids, so that nothing is tokenised again. It must give back token ids: by {@code return_token_ids}, or as
 * {@code token_id:N} in the log-probabilities ({@code return_tokens_as_token_ids}). What it samples is not repeatable by
 * our seeds; what it says of log-probabilities is checked by {@link RolloutGate}.
 *
 * @see <a href="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html">vLLM's OpenAI-compatible server</a>
 */
public final class RolloutServer implements CompletionSource {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int IN_FLIGHT = 32;
    private static final int ATTEMPTS = 4;
    private static final Duration CONNECT = Duration.ofSeconds(10);
    private static final Duration ANSWER = Duration.ofMinutes(10);
    private static final String TOKEN_ID = "token_id:";
    private static final String REMEDY = "; look at the server, or unset podium.rollouts.url to sample in the trainer";

    private final URI base;
    private final Optional<String> token;
    private final String model;
    private final Duration pause;
    private final HttpClient client;
    private final ExecutorService requests;

    /**
     * @param base address of the server, without {@code /v1}
     * @param token for the Authorization header
     * @param model name under which the server serves the adapter, or the base model
     */
    public RolloutServer(URI base, Optional<String> token, String model) {
        this(base, token, model, Duration.ofSeconds(1));
    }

    /** @param pause before the second attempt; doubled for each further one */
    RolloutServer(URI base, Optional<String> token, String model, Duration pause) {
        this.base = base;
        this.token = token;
        this.model = model;
        this.pause = pause;
        this.client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(CONNECT)
                .build();
        this.requests = Executors.newFixedThreadPool(
                IN_FLIGHT, Thread.ofPlatform().daemon().name("rollouts-", 0).factory());
    }

    @Override
    public List<List<Completion>> generate(
            List<int[]> prompts,
            int samplesPerPrompt,
            SamplingParameters parameters,
            int[] endIds,
            BooleanSupplier cancelled)
            throws RoundFailure {
        List<Future<List<Completion>>> asked = new ArrayList<>();
        for (int p = 0; p < prompts.size(); p++) {
            ObjectNode body = request(prompts.get(p), samplesPerPrompt, parameters, endIds, p);
            asked.add(requests.submit(() -> {
                if (cancelled.getAsBoolean()) {
                    throw new CancellationException();
                }
                return completions(send(body), samplesPerPrompt, endIds);
            }));
        }
        try {
            List<List<Completion>> all = new ArrayList<>();
            for (Future<List<Completion>> answer : asked) {
                all.add(answer.get());
            }
            return all;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RoundFailure failure) {
                throw failure;
            }
            if (e.getCause() instanceof CancellationException cancellation) {
                throw cancellation;
            }
            throw new RoundFailure("rollout_server", String.valueOf(e.getCause()) + REMEDY, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted");
        } finally {
            asked.forEach(request -> request.cancel(true));
        }
    }

    private ObjectNode request(int[] prompt, int samples, SamplingParameters parameters, int[] endIds, int index) {
        ObjectNode body = JSON.createObjectNode()
                .put("model", model)
                .put("n", samples)
                .put("max_tokens", parameters.maxNewTokens())
                .put("temperature", parameters.temperature())
                .put("top_p", parameters.topP())
                .put("top_k", parameters.topK() == 0 ? -1 : parameters.topK())
                .put("seed", (parameters.seed() * 1_000_003 + index) & Long.MAX_VALUE)
                .put("logprobs", 1)
                .put("return_token_ids", true)
                .put("return_tokens_as_token_ids", true)
                .put("skip_special_tokens", false);
        ArrayNode ids = body.putArray("prompt");
        Arrays.stream(prompt).forEach(ids::add);
        ArrayNode stops = body.putArray("stop_token_ids");
        Arrays.stream(endIds).forEach(stops::add);
        return body;
    }

    private JsonNode send(ObjectNode body) throws RoundFailure, InterruptedException {
        String problem = "";
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            if (attempt > 0) {
                Thread.sleep(pause.multipliedBy(1L << (attempt - 1)));
            }
            try {
                HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + "/v1/completions"))
                        .timeout(ANSWER)
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(JSON.writeValueAsString(body)));
                token.ifPresent(secret -> request.header("Authorization", "Bearer " + secret));
                HttpResponse<String> answer = client.send(request.build(), BodyHandlers.ofString());
                if (answer.statusCode() == 200) {
                    return JSON.readTree(answer.body());
                }
                problem = "the rollout server answered " + answer.statusCode() + ": " + message(answer.body());
                if (answer.statusCode() < 500 && answer.statusCode() != 429) {
                    break;
                }
            } catch (JsonProcessingException e) {
                problem = "the rollout server's answer is no JSON: " + e.getOriginalMessage();
            } catch (IOException e) {
                problem = "the rollout server at " + base + " does not answer: " + e;
            }
        }
        throw new RoundFailure("rollout_server", problem + REMEDY);
    }

    private static String message(String body) {
        try {
            JsonNode json = JSON.readTree(body);
            return json.path("error")
                    .path("message")
                    .asText(json.path("message").asText(body));
        } catch (JsonProcessingException e) {
            return body.substring(0, Math.min(body.length(), 200));
        }
    }

    private static List<Completion> completions(JsonNode answer, int samples, int[] endIds) throws RoundFailure {
        List<Completion> completions = new ArrayList<>();
        for (JsonNode choice : answer.path("choices")) {
            int[] ids = tokenIds(choice);
            float[] logProbabilities = new float[ids.length];
            JsonNode values = choice.path("logprobs").path("token_logprobs");
            for (int t = 0; t < ids.length; t++) {
                logProbabilities[t] = (float) values.path(t).asDouble(Double.NaN);
            }
            boolean stopped = choice.path("finish_reason").asText().equals("stop");
            if (stopped && !contains(endIds, ids.length == 0 ? -1 : ids[ids.length - 1])) {
                // Some servers keep the token that ended it to themselves.
                ids = Arrays.copyOf(ids, ids.length + 1);
                ids[ids.length - 1] = endIds[0];
                logProbabilities = Arrays.copyOf(logProbabilities, ids.length);
                logProbabilities[ids.length - 1] = Float.NaN;
            }
            completions.add(new Completion(
                    ids, logProbabilities, stopped ? Completion.FinishReason.STOP : Completion.FinishReason.LENGTH));
        }
        if (completions.size() != samples) {
            throw new RoundFailure(
                    "rollout_server",
                    "the rollout server gave " + completions.size() + " completions for " + samples + REMEDY);
        }
        return completions;
    }

    private static int[] tokenIds(JsonNode choice) throws RoundFailure {
        JsonNode ids = choice.path("token_ids");
        if (ids.isArray()) {
            int[] all = new int[ids.size()];
            for (int i = 0; i < all.length; i++) {
                all[i] = ids.path(i).asInt();
            }
            return all;
        }
        JsonNode named = choice.path("logprobs").path("tokens");
        int[] all = new int[named.size()];
        for (int i = 0; i < all.length; i++) {
            String name = named.path(i).asText();
            if (!name.startsWith(TOKEN_ID)) {
                throw new RoundFailure(
                        "rollout_server",
                        "the rollout server gives texts, not token ids; take one that knows return_token_ids or"
                                + " return_tokens_as_token_ids (vLLM does)");
            }
            all[i] = Integer.parseInt(name.substring(TOKEN_ID.length()));
        }
        return all;
    }

    private static boolean contains(int[] ids, int id) {
        return Arrays.stream(ids).anyMatch(each -> each == id);
    }

    @Override
    public void close() {
        requests.shutdownNow();
        client.shutdownNow();
    }
}
