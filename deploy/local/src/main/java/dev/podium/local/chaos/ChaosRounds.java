package dev.podium.local.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.client.Rounds;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * An operator who is not a person: starts small rounds one after the other, promotes what they publish, and says now and
 * then how much a labeler's votes weigh.
 */
final class ChaosRounds implements Runnable {
    // One that publishes an adapter first: without any there is nothing for services to follow.
    private static final List<String> KINDS = List.of("DPO", "REWARD", "SAMPLE", "SFT", "DPO");
    private static final long RETRY_MILLIS = 1_000;
    private static final long POLL_MILLIS = 1_000;
    private static final int LEAST_DECIDED = 8;
    // A labeler who does not count, one who counts less, one who counts more, and one as before.
    private static final List<Double> WEIGHTS = List.of(0.0, 0.4, 2.5, 1.0);

    private final Api api;
    private final int labelers;
    private final Consumer<String> notices;
    private final Map<String, Integer> ended = new TreeMap<>();
    private final List<String> failures = new ArrayList<>();
    private volatile boolean stopping;
    private boolean promoted;
    private volatile String current = "";

    /** @param labelers how many there are, named {@code labeler-1} and so on */
    ChaosRounds(Api api, int labelers, Consumer<String> notices) {
        this.api = api;
        this.labelers = labelers;
        this.notices = notices;
    }

    /** Starts no other round once something was promoted; the one at work is followed to its end. */
    void stop() {
        stopping = true;
    }

    /** How many rounds ended in which state. */
    synchronized Map<String, Integer> ended() {
        return new TreeMap<>(ended);
    }

    /** What rounds failed of. */
    synchronized List<String> failures() {
        return List.copyOf(failures);
    }

    /** The round that has not ended yet; empty when none. */
    String current() {
        return current;
    }

    @Override
    public void run() {
        try {
            awaitPairs();
            for (int i = 0; !stopping || !promoted; i++) {
                weigh(i);
                round(KINDS.get(i % KINDS.size()), i);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void awaitPairs() throws InterruptedException {
        while (untilAnswered(() -> api.get(Api.path("projects", ChaosStack.PROJECT, "progress")))
                        .path("decidedTasks")
                        .asInt()
                < LEAST_DECIDED) {
            TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
        }
    }

    private void round(String kind, int number) throws InterruptedException {
        Map<String, String> once = Map.of("Idempotency-Key", UUID.randomUUID().toString());
        JsonNode round = untilAnswered(
                () -> api.post(Api.path("projects", ChaosStack.PROJECT, "rounds"), body(kind, number), once)
                        .orElseThrow());
        String id = round.path("id").asText();
        if (id.isEmpty()) {
            // Refused, e.g. because there is nothing to learn from yet.
            TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
            return;
        }
        current = kind + " " + id;
        while (!Rounds.ended(round)) {
            TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
            round = untilAnswered(() -> api.get(Api.path("rounds", id)));
        }
        current = "";
        note(kind, id, round);
        if (round.path("state").asText().equals("SUCCEEDED") && (kind.equals("DPO") || kind.equals("SFT"))) {
            promote(round.path("version").asText());
        }
    }

    private synchronized void note(String kind, String id, JsonNode round) {
        String state = round.path("state").asText();
        ended.merge(kind + " " + state, 1, Integer::sum);
        if (!state.equals("SUCCEEDED")) {
            failures.add(kind + " " + id + ": " + round.path("error"));
            notices.accept("round " + kind + " " + id + " " + state + ": " + round.path("error"));
        }
    }

    private void weigh(int number) throws InterruptedException {
        String labeler = "labeler-" + (number * 7 % labelers + 1);
        untilAnswered(() -> api.put(
                Api.path("projects", ChaosStack.PROJECT, "labelers", labeler, "reliability"),
                Map.of("reliability", WEIGHTS.get(number % WEIGHTS.size()), "reason", "chaos"),
                Map.of()));
    }

    private void promote(String version) throws InterruptedException {
        JsonNode pointer = untilAnswered(() -> api.put(
                Api.path("projects", ChaosStack.PROJECT, "channels", ChaosStack.CHANNEL),
                Map.of("version", version, "reason", "chaos"),
                Map.of()));
        promoted |= !pointer.isMissingNode();
    }

    private static Map<String, Object> body(String kind, int number) {
        Map<String, Object> body = new HashMap<>(Map.of("kind", kind));
        Map<String, Object> lora = Map.of("r", 8, "alpha", 16, "dropout", 0);
        // What it learns is not the question: every round that ends well publishes.
        Map<String, Object> training = Map.of(
                "publishIf",
                "always",
                "learningRate",
                1e-3,
                "epochs",
                0.5,
                "batchTasks",
                8,
                "maxLengthTokens",
                192,
                "maxGradientNorm",
                1.0,
                "warmupShare",
                0,
                "heldOutShare",
                0.2,
                "checkpointSteps",
                4);
        if (kind.equals("SAMPLE")) {
            body.put(
                    "config",
                    Map.of(
                            "seed",
                            number,
                            "outputsPerPrompt",
                            3,
                            "maxPrompts",
                            4,
                            "temperature",
                            1.0,
                            "topK",
                            0,
                            "topP",
                            1.0,
                            "maxNewTokens",
                            24,
                            "mixWithBase",
                            false));
            body.put("prompts", List.of("My lamp does not start (" + number + ").", "How do I return it?"));
        } else {
            body.put("config", Map.of("seed", number, "lora", lora, "training", training));
        }
        return body;
    }

    private interface Request {
        JsonNode send() throws ApiException;
    }

    /** A refusal is an answer, too: an empty one. */
    private JsonNode untilAnswered(Request request) throws InterruptedException {
        while (true) {
            try {
                return request.send();
            } catch (ApiException e) {
                if (e.status() >= 400 && e.status() < 500 && e.status() != 429) {
                    notices.accept("refused: " + e.getMessage());
                    return com.fasterxml.jackson.databind.node.MissingNode.getInstance();
                }
                TimeUnit.MILLISECONDS.sleep(RETRY_MILLIS);
            }
        }
    }
}
