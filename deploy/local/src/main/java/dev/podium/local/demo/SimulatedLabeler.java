package dev.podium.local.demo;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.function.IntConsumer;

/**
 * A labeler who is not a person: orders the outputs by the rubric's score plus noise, or by chance. Asks for tasks and
 * sends rankings over HTTP, as the labeling form does, until nothing is left.
 */
final class SimulatedLabeler {
    /** Scores closer than this are a tie for the labeler. */
    private static final double TIE = 0.15;

    private final Api api;
    private final String project;
    private final LabelerKind kind;
    private final double noise;
    private final SplittableRandom random;

    /**
     * @param noise standard deviation of what is added to each score
     */
    SimulatedLabeler(Api api, String project, LabelerKind kind, double noise, long seed) {
        this.api = api;
        this.project = project;
        this.kind = kind;
        this.noise = noise;
        this.random = new SplittableRandom(seed);
    }

    /** How a simulated labeler decides. */
    enum LabelerKind {
        RUBRIC,
        RANDOM
    }

    /** What a labeler did. */
    record Work(int rankings, Map<String, Integer> outputsByTask) {}

    /**
     * Ranks until no task is left.
     *
     * @param done told after each ranking how many this labeler has made
     */
    Work rankAll(IntConsumer done) throws ApiException {
        Map<String, Integer> outputsByTask = new HashMap<>();
        int rankings = 0;
        while (true) {
            Optional<JsonNode> next = api.post(Api.path("projects", project, "tasks", "next"), Map.of(), Map.of());
            if (next.isEmpty()) {
                return new Work(rankings, outputsByTask);
            }
            JsonNode task = next.get().path("task");
            JsonNode lease = next.get().has("lease") ? next.get().path("lease") : task.path("lease");
            String id = task.path("id").asText();
            List<List<String>> groups = rank(task.path("outputs"));
            Map<String, Object> body = new HashMap<>(Map.of("groups", groups, "unacceptable", List.of()));
            if (lease.hasNonNull("id")) {
                body.put("leaseId", lease.path("id").asText());
            }
            body.put("durationMillis", 5_000 + random.nextInt(20_000));
            api.put(
                    Api.path("projects", project, "tasks", id, "ranking"),
                    body,
                    Map.of("Idempotency-Key", UUID.randomUUID().toString()));
            outputsByTask.put(id, task.path("outputs").size());
            rankings++;
            done.accept(rankings);
        }
    }

    private record Scored(String id, double score) {}

    private List<List<String>> rank(JsonNode outputs) {
        List<Scored> scored = new ArrayList<>();
        for (JsonNode output : outputs) {
            scored.add(new Scored(
                    output.path("id").asText(), score(output.path("text").asText())));
        }
        Collections.sort(scored, Comparator.comparingDouble(Scored::score).reversed());
        List<List<String>> groups = new ArrayList<>();
        double last = Double.NaN;
        for (Scored output : scored) {
            if (last - output.score() < TIE) {
                groups.getLast().add(output.id());
            } else {
                groups.add(new ArrayList<>(List.of(output.id())));
                last = output.score();
            }
        }
        return groups;
    }

    private double score(String text) {
        return switch (kind) {
            case RUBRIC -> SupportRubric.score(text) + noise * gaussian();
            case RANDOM -> random.nextDouble(SupportRubric.BEST);
        };
    }

    /** Box and Muller; {@code SplittableRandom} has it too, but not with a sequence fixed by its specification. */
    private double gaussian() {
        double radius = Math.sqrt(-2 * Math.log(1 - random.nextDouble()));
        return radius * Math.cos(2 * Math.PI * random.nextDouble());
    }
}
