package dev.podium.local.bench.methods;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What the runs of each method come to: mean and spread over the seeds. */
public final class MethodFigures {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final List<Figure> figures;

    /**
     * One figure of one method.
     *
     * @param before where it was measured before training, per seed
     * @param after per seed
     */
    private record Figure(
            String model, String method, String name, List<Long> seeds, List<Double> before, List<Double> after) {}

    public MethodFigures(List<JsonNode> runs) {
        Map<String, Figure> all = new LinkedHashMap<>();
        for (JsonNode run : runs) {
            String method = run.path("method").asText();
            run.path("figures").properties().forEach(entry -> {
                Figure figure = all.computeIfAbsent(
                        method + " " + entry.getKey(),
                        key -> new Figure(
                                run.path("model").asText(),
                                method,
                                entry.getKey(),
                                new ArrayList<>(),
                                new ArrayList<>(),
                                new ArrayList<>()));
                figure.seeds().add(run.path("seed").asLong());
                figure.after().add(entry.getValue().path("after").asDouble());
                if (entry.getValue().has("before")) {
                    figure.before().add(entry.getValue().path("before").asDouble());
                }
            });
        }
        this.figures = List.copyOf(all.values());
    }

    /** One JSON object per figure: value = mean after training, spread = standard deviation over the seeds. */
    public List<ObjectNode> lines() {
        return figures.stream().map(MethodFigures::line).toList();
    }

    private static ObjectNode line(Figure figure) {
        ObjectNode line = JSON.createObjectNode();
        line.put("bench", "methods");
        line.put("model", figure.model());
        line.put("method", figure.method());
        line.put("figure", figure.name());
        line.put("value", round(mean(figure.after())));
        line.put("unit", unit(figure.name()));
        line.put("spread", round(deviation(figure.after())));
        if (!figure.before().isEmpty()) {
            line.put("before", round(mean(figure.before())));
        }
        line.put("runs", figure.after().size());
        ArrayNode values = line.putArray("values");
        figure.after().forEach(values::add);
        return line;
    }

    private static String unit(String figure) {
        return switch (figure) {
            case "heldout_loss" -> "nats/token";
            case "heldout_kl" -> "nats";
            case "heldout_reward" -> "standard deviations";
            case "rubric_score_greedy", "rubric_score_sampled" -> "points";
            default -> "1";
        };
    }

    /** A table per kind in Markdown: a row per method, a column per figure, {@code before → mean ± deviation}. */
    public String markdown() {
        StringBuilder text = new StringBuilder();
        Map<String, List<Figure>> byKind = new LinkedHashMap<>();
        figures.forEach(figure -> byKind.computeIfAbsent(figure.method().split("/", 2)[0], kind -> new ArrayList<>())
                .add(figure));
        byKind.forEach((kind, some) -> table(text, kind, some));
        return text.toString();
    }

    private static void table(StringBuilder text, String kind, List<Figure> some) {
        List<String> columns = some.stream().map(Figure::name).distinct().toList();
        text.append(text.isEmpty() ? "" : "\n").append("| ").append(kind).append(" |");
        columns.forEach(column -> text.append(" `").append(column).append("` |"));
        text.append("\n|---|").append("---|".repeat(columns.size())).append('\n');
        for (String method : some.stream().map(Figure::method).distinct().toList()) {
            text.append("| ").append(method.split("/", 2)[1]).append(" |");
            for (String column : columns) {
                text.append(' ')
                        .append(some.stream()
                                .filter(figure -> figure.method().equals(method)
                                        && figure.name().equals(column))
                                .map(MethodFigures::cell)
                                .findFirst()
                                .orElse(""))
                        .append(" |");
            }
            text.append('\n');
        }
    }

    private static String cell(Figure figure) {
        String before = figure.before().isEmpty() ? "" : shown(mean(figure.before())) + " → ";
        int seeds = figure.after().size();
        return before
                + shown(mean(figure.after()))
                + (seeds == 1 ? " (1 seed)" : " ± " + shown(deviation(figure.after())));
    }

    private static String shown(double value) {
        return String.format(
                Locale.ROOT, Math.abs(value) >= 100 ? "%.0f" : Math.abs(value) >= 10 ? "%.1f" : "%.3f", value);
    }

    private static double mean(List<Double> values) {
        return values.stream().mapToDouble(value -> value).average().orElse(Double.NaN);
    }

    /** Of the sample; 0 for one value. */
    private static double deviation(List<Double> values) {
        double mean = mean(values);
        double[] squares = values.stream()
                .mapToDouble(value -> (value - mean) * (value - mean))
                .toArray();
        return values.size() < 2 ? 0 : Math.sqrt(Arrays.stream(squares).sum() / (values.size() - 1));
    }

    private static double round(double value) {
        return Double.parseDouble(String.format(Locale.ROOT, "%.5g", value));
    }
}
