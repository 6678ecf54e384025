package dev.podium.local.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * A labeler who is not a person: ranks, corrects and retracts over HTTP, as the form does. Where no answer comes, the
 * same request is sent again under the same Idempotency-Key until it is known what became of it.
 */
final class ChaosLabeler implements Runnable {
    private static final long RETRY_MILLIS = 500;
    private static final int MIN_THINK_MILLIS = 300;
    private static final int MAX_THINK_MILLIS = 1_700;

    private final List<Api> replicas;
    private final String name;
    private final Ledger ledger;
    private final SplittableRandom random;
    // Revision of each task this labeler has ranked, and whether it counts now.
    private final Map<String, Own> own = new HashMap<>();
    private final List<String> ranked = new ArrayList<>();
    private volatile boolean stopping;
    private int replica;

    private record Own(List<String> outputs, int revision, boolean counts) {}

    /** @param replicas the same Podium at several addresses; one that gives no answer is left for the next */
    ChaosLabeler(List<Api> replicas, String name, Ledger ledger, long seed) {
        this.replicas = List.copyOf(replicas);
        this.name = name;
        this.ledger = ledger;
        this.random = new SplittableRandom(seed);
        this.replica = random.nextInt(replicas.size());
    }

    /** Ends after the action it is at. */
    void stop() {
        stopping = true;
    }

    @Override
    public void run() {
        try {
            while (!stopping) {
                TimeUnit.MILLISECONDS.sleep(random.nextInt(MIN_THINK_MILLIS, MAX_THINK_MILLIS));
                act();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void act() throws InterruptedException {
        int die = random.nextInt(10);
        if (die < 6 || ranked.isEmpty()) {
            if (rankNext() || ranked.isEmpty()) {
                return;
            }
        }
        String task = ranked.get(random.nextInt(ranked.size()));
        Own before = own.get(task);
        if (before == null) {
            return;
        }
        if (die == 9 && before.counts()) {
            retract(task, before);
        } else {
            rank(task, before.outputs(), Optional.empty(), before.revision());
        }
    }

    /** False when no task is left. */
    private boolean rankNext() throws InterruptedException {
        Answer answer = untilKnown(
                api -> api.post(path("tasks", "next"), Map.of(), Map.of()).orElse(MissingNode.getInstance()));
        JsonNode task = answer.body().path("task");
        if (answer.refused() || task.isMissingNode()) {
            return false;
        }
        List<String> outputs = new ArrayList<>();
        task.path("outputs").forEach(output -> outputs.add(output.path("id").asText()));
        JsonNode lease = answer.body().has("lease") ? answer.body().path("lease") : task.path("lease");
        rank(
                task.path("id").asText(),
                outputs,
                Optional.of(lease.path("id").asText()),
                own.containsKey(task.path("id").asText())
                        ? own.get(task.path("id").asText()).revision()
                        : 0);
        return true;
    }

    private void rank(String task, List<String> outputs, Optional<String> lease, int seen) throws InterruptedException {
        List<List<String>> groups = groups(outputs);
        List<String> unacceptable = random.nextInt(5) == 0 ? List.of(outputs.getFirst()) : List.of();
        Map<String, Object> body = new HashMap<>(Map.of("groups", groups, "unacceptable", unacceptable));
        body.put("durationMillis", 1_000 + random.nextInt(20_000));
        lease.ifPresent(id -> body.put("leaseId", id));
        Map<String, String> headers = headers(seen);
        Answer answer = untilKnown(api -> api.put(path("tasks", task, "ranking"), body, headers));
        if (answer.refused()) {
            return;
        }
        int revision = answer.body().path("revision").asInt();
        ledger.accepted(task, name, revision, answer.body().path("eventId").asText(), false, groups, unacceptable);
        if (own.put(task, new Own(outputs, revision, true)) == null) {
            ranked.add(task);
        }
    }

    private void retract(String task, Own before) throws InterruptedException {
        Map<String, String> headers = headers(before.revision());
        Answer answer = untilKnown(api -> api.delete(path("tasks", task, "ranking"), headers));
        if (!answer.refused()) {
            int revision = answer.body().path("revision").asInt();
            ledger.accepted(task, name, revision, answer.body().path("eventId").asText(), true, List.of(), List.of());
            own.put(task, new Own(before.outputs(), revision, false));
        }
    }

    private static Map<String, String> headers(int seen) {
        Map<String, String> headers =
                new HashMap<>(Map.of("Idempotency-Key", UUID.randomUUID().toString()));
        if (seen > 0) {
            headers.put("If-Match", "\"" + seen + "\"");
        }
        return headers;
    }

    private List<List<String>> groups(List<String> outputs) {
        List<String> left = new ArrayList<>(outputs);
        List<List<String>> groups = new ArrayList<>();
        while (!left.isEmpty()) {
            String output = left.remove(random.nextInt(left.size()));
            if (!groups.isEmpty() && random.nextInt(4) == 0) {
                groups.getLast().add(output);
            } else {
                groups.add(new ArrayList<>(List.of(output)));
            }
        }
        return groups;
    }

    private interface Request {
        JsonNode send(Api api) throws ApiException;
    }

    private record Answer(JsonNode body, boolean refused) {}

    private Answer untilKnown(Request request) throws InterruptedException {
        while (true) {
            try {
                return new Answer(request.send(replicas.get(replica)), false);
            } catch (ApiException e) {
                if (isFinal(e)) {
                    ledger.refused();
                    return new Answer(MissingNode.getInstance(), true);
                }
                ledger.repeated();
                replica = (replica + 1) % replicas.size();
                TimeUnit.MILLISECONDS.sleep(RETRY_MILLIS);
            }
        }
    }

    /** No answer, a server's fault, too many requests, or a twin in flight say nothing of what will become of it. */
    private static boolean isFinal(ApiException e) {
        return e.status() >= 400
                && e.status() < 500
                && e.status() != 429
                && !e.code().equals("in_flight");
    }

    private static String path(String... parts) {
        List<String> all = new ArrayList<>(List.of("projects", ChaosStack.PROJECT));
        all.addAll(List.of(parts));
        return Api.path(all.toArray(String[]::new));
    }
}
