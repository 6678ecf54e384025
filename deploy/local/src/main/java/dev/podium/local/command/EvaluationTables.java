package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What a result was judged by, as text for a terminal. */
final class EvaluationTables {
    private EvaluationTables() {}

    /** @param evaluation as in the events; no line where it is absent */
    static List<String> lines(JsonNode evaluation) {
        List<String> lines = new ArrayList<>();
        JsonNode verdict = evaluation.path("verdict");
        if (verdict.isObject()) {
            lines.add("verdict: " + (verdict.path("passed").asBoolean() ? "published" : "not published") + "; "
                    + verdict.path("reason").asText());
        }
        List<List<String>> bins = new ArrayList<>();
        for (JsonNode bin : evaluation.path("reliability")) {
            int pairs = bin.path("pairs").asInt();
            bins.add(List.of(
                    number(bin.path("from")) + " - " + number(bin.path("to")),
                    Integer.toString(pairs),
                    pairs == 0 ? "-" : number(bin.path("predicted")),
                    pairs == 0 ? "-" : number(bin.path("observed"))));
        }
        table(
                lines,
                "how often it is right, by how sure it is",
                List.of("sure", "pairs", "predicted", "observed"),
                bins);
        shares(lines, "labeler", evaluation.path("byLabeler"));
        shares(lines, "group", evaluation.path("byGroup"));
        return lines;
    }

    private static void shares(List<String> lines, String by, JsonNode shares) {
        List<List<String>> rows = new ArrayList<>();
        for (JsonNode share : shares) {
            rows.add(
                    List.of(share.path("name").asText(), share.path("pairs").asText(), number(share.path("accuracy"))));
        }
        table(lines, "held-out accuracy by " + by, List.of(by, "pairs", "accuracy"), rows);
    }

    private static void table(List<String> lines, String title, List<String> heads, List<List<String>> rows) {
        if (rows.isEmpty()) {
            return;
        }
        lines.add("");
        lines.add(title);
        List<List<String>> all = new ArrayList<>(List.of(heads));
        all.addAll(rows);
        for (List<String> row : all) {
            StringBuilder line = new StringBuilder("  ");
            for (int i = 0; i < row.size(); i++) {
                int column = i;
                int width = all.stream()
                        .mapToInt(each -> each.get(column).length())
                        .max()
                        .orElse(0);
                String pad = " ".repeat(width - row.get(i).length());
                // Names to the left, numbers to the right.
                line.append(i == 0 ? row.get(i) + pad : "  " + pad + row.get(i));
            }
            lines.add(line.toString().stripTrailing());
        }
    }

    private static String number(JsonNode value) {
        return String.format(Locale.ROOT, "%.2f", value.asDouble());
    }
}
