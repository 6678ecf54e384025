package dev.podium.local.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** Follows a round until it ends. */
public final class Rounds {
    private static final Set<String> ENDED = Set.of("SUCCEEDED", "FAILED", "CANCELLED");
    private static final Duration POLL = Duration.ofMillis(500);

    private Rounds() {}

    /** Whether a round's state is final. */
    public static boolean ended(JsonNode round) {
        return ENDED.contains(round.path("state").asText());
    }

    /**
     * Asks twice a second until the round has ended.
     *
     * @param seen gets each answer
     * @return the last one
     */
    public static JsonNode follow(Api api, String id, Consumer<JsonNode> seen) throws ApiException {
        while (true) {
            JsonNode round = api.get(Api.path("rounds", id));
            seen.accept(round);
            if (ended(round)) {
                return round;
            }
            try {
                TimeUnit.MILLISECONDS.sleep(POLL.toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return round;
            }
        }
    }

    /**
     * A round that has succeeded, once its adapter can be seen: the end of a round and its adapter come over two topics.
     * Gives up after some seconds; a round without an adapter is given as it is.
     */
    public static JsonNode awaitAdapter(Api api, String id) throws ApiException {
        JsonNode round = api.get(Api.path("rounds", id));
        for (int i = 0;
                i < 40
                        && round.path("state").asText().equals("SUCCEEDED")
                        && !round.path("kind").asText().equals("SAMPLE")
                        && !round.path("rerun").path("sameAdapter").isBoolean();
                i++) {
            try {
                TimeUnit.MILLISECONDS.sleep(POLL.toMillis() / 2);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return round;
            }
            round = api.get(Api.path("rounds", id));
        }
        return round;
    }
}
