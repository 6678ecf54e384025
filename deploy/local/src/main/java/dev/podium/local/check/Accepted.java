package dev.podium.local.check;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What labelers were told is taken.
 *
 * @param revision counts from 1 per (task, labeler)
 * @param groups best first; empty for a retraction
 */
record Accepted(
        String task,
        String labeler,
        int revision,
        String event,
        boolean retracted,
        List<List<String>> groups,
        List<String> unacceptable) {
    private static final ObjectMapper JSON = new ObjectMapper();

    static List<Accepted> read(Path ledger) throws IOException {
        List<Accepted> all = new ArrayList<>();
        for (String line : Files.readAllLines(ledger)) {
            JsonNode node = JSON.readTree(line);
            all.add(new Accepted(
                    node.path("task").asText(),
                    node.path("labeler").asText(),
                    node.path("revision").asInt(),
                    node.path("event").asText(),
                    node.path("retracted").asBoolean(),
                    groups(node.path("groups")),
                    texts(node.path("unacceptable"))));
        }
        return all;
    }

    /** The order within a tie says nothing; here it is that of the ids. */
    static List<List<String>> groups(JsonNode node) {
        List<List<String>> groups = new ArrayList<>();
        node.forEach(group -> groups.add(texts(group).stream().sorted().toList()));
        return groups;
    }

    static List<String> texts(JsonNode node) {
        List<String> texts = new ArrayList<>();
        node.forEach(text -> texts.add(text.asText()));
        return texts;
    }

    /** Whose word on which task. */
    String key() {
        return task + " by " + labeler;
    }

    /** The highest revision of each (task, labeler). */
    static Map<String, Accepted> newest(List<Accepted> all) {
        Map<String, Accepted> newest = new TreeMap<>();
        for (Accepted each : all) {
            newest.merge(each.key(), each, (a, b) -> a.revision() >= b.revision() ? a : b);
        }
        return newest;
    }
}
