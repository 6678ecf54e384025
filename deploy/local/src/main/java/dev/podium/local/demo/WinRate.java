package dev.podium.local.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.IntConsumer;

/**
 * Asks the sample service for answers with and without its adapter, at the same sampling settings, and lets the rubric
 * judge: a win counts 1, a draw 1/2.
 */
record WinRate(
        double share,
        Set<String> versions,
        Set<String> baseVersions,
        double meanScore,
        double meanBaseScore,
        List<String> examples) {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int PROMPTS_PER_CALL = 32;
    private static final int EXAMPLES = 3;

    WinRate {
        examples = List.copyOf(examples);
        versions = Set.copyOf(versions);
        baseVersions = Set.copyOf(baseVersions);
    }

    /**
     * @param prompts not trained on
     * @param done told how many prompts are judged
     */
    static WinRate measure(String serviceUrl, List<String> prompts, DemoScale scale, long seed, IntConsumer done)
            throws IOException, InterruptedException {
        double points = 0;
        double sum = 0;
        double baseSum = 0;
        Set<String> versions = new TreeSet<>();
        Set<String> baseVersions = new TreeSet<>();
        List<String> examples = new ArrayList<>();
        try (HttpClient client = HttpClient.newHttpClient()) {
            for (int from = 0; from < prompts.size(); from += PROMPTS_PER_CALL) {
                List<String> some = prompts.subList(from, Math.min(prompts.size(), from + PROMPTS_PER_CALL));
                JsonNode tuned = ask(client, serviceUrl, some, scale, seed, false);
                JsonNode base = ask(client, serviceUrl, some, scale, seed, true);
                String version = tuned.path("version").asText();
                versions.add(version);
                baseVersions.add(base.path("version").asText());
                for (int i = 0; i < some.size(); i++) {
                    String answer = tuned.path("answers").path(i).asText();
                    String baseAnswer = base.path("answers").path(i).asText();
                    double score = SupportRubric.score(answer);
                    double baseScore = SupportRubric.score(baseAnswer);
                    sum += score;
                    baseSum += baseScore;
                    points += score > baseScore ? 1 : score == baseScore ? 0.5 : 0;
                    if (examples.size() < EXAMPLES) {
                        examples.add("> " + some.get(i) + "\n    base  " + oneLine(baseAnswer) + "\n    " + version
                                + "    " + oneLine(answer));
                    }
                }
                done.accept(from + some.size());
            }
        }
        int n = prompts.size();
        return new WinRate(points / n, versions, baseVersions, sum / n, baseSum / n, examples);
    }

    private static JsonNode ask(
            HttpClient client, String serviceUrl, List<String> prompts, DemoScale scale, long seed, boolean base)
            throws IOException, InterruptedException {
        ObjectNode body = JSON.createObjectNode();
        body.set("prompts", JSON.valueToTree(prompts));
        body.put("base", base)
                .put("temperature", scale.temperature())
                .put("maxNewTokens", scale.maxNewTokens())
                // Another stream of chance for each side, so that neither copies the other's luck.
                .put("seed", base ? seed + 1 : seed);
        HttpResponse<String> response = client.send(
                HttpRequest.newBuilder(URI.create(serviceUrl + "/answers"))
                        .timeout(Duration.ofMinutes(10))
                        .POST(BodyPublishers.ofString(body.toString()))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() != 200) {
            throw new IOException("the sample service answered " + response.statusCode() + ": " + response.body());
        }
        return JSON.readTree(response.body());
    }

    private static String oneLine(String text) {
        String line = text.replaceAll("\\s+", " ");
        return line.length() <= 160 ? line : line.substring(0, 160) + " ...";
    }
}
