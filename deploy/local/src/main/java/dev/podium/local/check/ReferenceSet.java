package dev.podium.local.check;

import com.fasterxml.jackson.databind.JsonNode;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What the preference set of one task must say, computed from the task, its newest rankings and the weights of labelers
 * by the rules of the documentation; as text, one line per statement, so that two sets are easily compared.
 */
final class ReferenceSet {
    private final JsonNode task;
    private final Map<String, Double> weights;
    private final List<Accepted> rankings = new ArrayList<>();
    private final Map<String, String> textOf = new HashMap<>();
    private final Map<String, String> idOf = new TreeMap<>();

    /** @param weights of labelers' votes by labeler; one that is not there weighs 1 */
    ReferenceSet(JsonNode task, List<Accepted> newest, Map<String, Double> weights) {
        this.task = task;
        this.weights = weights;
        for (JsonNode output : task.path("outputs")) {
            String text = Normalizer.normalize(output.path("text").asText(), Normalizer.Form.NFC)
                    .strip();
            String id = output.path("id").asText();
            textOf.put(id, text);
            idOf.merge(text, id, (a, b) -> a.compareTo(b) <= 0 ? a : b);
        }
        newest.stream().filter(each -> !each.retracted()).forEach(rankings::add);
    }

    Set<String> statements() {
        Set<String> statements = new TreeSet<>();
        List<String> ids = new ArrayList<>(new TreeSet<>(idOf.values()));
        Map<String, double[]> decided = new TreeMap<>();
        for (String first : ids) {
            for (String second : ids) {
                if (first.compareTo(second) < 0 && !rankings.isEmpty()) {
                    judge(first, second, ids.size(), decided, statements);
                }
            }
        }
        decided.forEach((pair, n) -> statements.add(String.format(
                Locale.ROOT, "pair %s %.6f %.6f %.6f %.6f %.6f", pair, n[0], n[1], 1.0 / decided.size(), n[2], n[3])));
        Map<String, Integer> marks = new TreeMap<>();
        for (Accepted ranking : rankings) {
            statements.add(String.format(
                    Locale.ROOT,
                    "used %s %d %s %.6f",
                    ranking.labeler(),
                    ranking.revision(),
                    ranking.event(),
                    weight(ranking)));
            Set<String> marked = new HashSet<>();
            ranking.unacceptable().forEach(id -> marked.add(idOf.get(textOf.get(id))));
            marked.forEach(id -> marks.merge(id, 1, Integer::sum));
        }
        marks.forEach((id, n) -> statements.add("unacceptable " + id + " " + n));
        statements.add("decided " + !decided.isEmpty());
        return statements;
    }

    /** The decided pairs as {@code chosen>rejected}. */
    List<String> pairs() {
        return statements().stream()
                .filter(line -> line.startsWith("pair "))
                .map(line -> line.split(" ")[1])
                .toList();
    }

    /** Of the decided pairs: how many a ranking separates, and how many as they were decided. */
    long[] agreement(Accepted ranking) {
        long compared = 0;
        long agreed = 0;
        for (String pair : pairs()) {
            String[] ends = pair.split(">");
            int chosen = place(ranking, ends[0]);
            int rejected = place(ranking, ends[1]);
            compared += chosen == rejected ? 0 : 1;
            agreed += chosen < rejected ? 1 : 0;
        }
        return new long[] {compared, agreed};
    }

    private void judge(
            String first, String second, int outputs, Map<String, double[]> decided, Set<String> statements) {
        double forFirst = 0;
        double forSecond = 0;
        double gap = 0;
        int voters = 0;
        for (Accepted ranking : rankings) {
            int a = place(ranking, first);
            int b = place(ranking, second);
            double weight = weight(ranking);
            forFirst += a < b ? weight : 0;
            forSecond += b < a ? weight : 0;
            voters += a != b && weight > 0 ? 1 : 0;
            gap += b - a;
        }
        double all = forFirst + forSecond;
        double minVotes = task.path("rules").path("minVotes").asDouble(1);
        double minMajority = task.path("rules").path("minMajority").asDouble(0);
        double difference = Math.abs(forFirst - forSecond);
        if (voters < minVotes || difference == 0 || difference / all < minMajority) {
            statements.add(String.format(Locale.ROOT, "tie %s=%s %.6f %.6f", first, second, forFirst, forSecond));
            return;
        }
        double margin = gap / rankings.size() / (outputs - 1);
        if (forFirst > forSecond) {
            decided.put(
                    first + ">" + second,
                    new double[] {forFirst, forSecond, Math.max(0, margin), (forFirst + 0.5) / (all + 1)});
        } else {
            decided.put(
                    second + ">" + first,
                    new double[] {forSecond, forFirst, Math.max(0, -margin), (forSecond + 0.5) / (all + 1)});
        }
    }

    private double weight(Accepted ranking) {
        return weights.getOrDefault(ranking.labeler(), 1.0);
    }

    /** Place of an output's text: texts count where they come first; what is left out shares the place behind. */
    private int place(Accepted ranking, String id) {
        String wanted = textOf.getOrDefault(id, "");
        Set<String> seen = new HashSet<>();
        int place = 0;
        for (List<String> group : ranking.groups()) {
            boolean counts = false;
            boolean here = false;
            for (String output : group) {
                String text = textOf.getOrDefault(output, "");
                counts |= seen.add(text);
                here |= text.equals(wanted);
            }
            if (here) {
                return place;
            }
            place += counts ? 1 : 0;
        }
        return place;
    }

    /** The statements of a published set. */
    static Set<String> of(JsonNode set) {
        Set<String> statements = new TreeSet<>();
        for (JsonNode pair : set.path("pairs")) {
            statements.add(String.format(
                    Locale.ROOT,
                    "pair %s>%s %.6f %.6f %.6f %.6f %.6f",
                    pair.path("chosen").asText(),
                    pair.path("rejected").asText(),
                    pair.path("votesFor").asDouble(),
                    pair.path("votesAgainst").asDouble(),
                    pair.path("weight").asDouble(),
                    pair.path("margin").asDouble(),
                    pair.path("probability").asDouble()));
        }
        for (JsonNode tie : set.path("ties")) {
            statements.add(String.format(
                    Locale.ROOT,
                    "tie %s=%s %.6f %.6f",
                    tie.path("first").asText(),
                    tie.path("second").asText(),
                    tie.path("votesFirst").asDouble(),
                    tie.path("votesSecond").asDouble()));
        }
        for (JsonNode used : set.path("rankings")) {
            statements.add(String.format(
                    Locale.ROOT,
                    "used %s %d %s %.6f",
                    used.path("labelerId").asText(),
                    used.path("revision").asInt(),
                    used.path("eventId").asText(),
                    used.path("reliability").asDouble()));
        }
        set.path("unacceptable")
                .properties()
                .forEach(mark -> statements.add(
                        "unacceptable " + mark.getKey() + " " + mark.getValue().asInt()));
        statements.add("decided " + set.path("decided").asBoolean());
        return statements;
    }
}
