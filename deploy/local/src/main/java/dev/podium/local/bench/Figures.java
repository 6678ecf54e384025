package dev.podium.local.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.llm.model.WeightFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * What the runs of a benchmark come to: one line per figure, with the median of the runs, the peer's median, and the
 * median of the ratios of each run to its peer. A peer is another tool in the run next to it, or what the machine
 * could do at best, measured in the same run.
 *
 * @param theirs runs of the tool that Podium is compared with, each next to the run of the same index; or none
 */
record Figures(Bench.Wanted wanted, List<JsonNode> ours, List<JsonNode> theirs) {
    private static final ObjectMapper JSON = new ObjectMapper();

    List<ObjectNode> lines() {
        List<ObjectNode> lines = new ArrayList<>();
        if (wanted.name().equals("train")) {
            String rate = wanted.outputs() == 2 ? "pairs_per_s" : "rankings_per_s";
            String figure =
                    wanted.outputs() == 2 ? "dpo_pairs_per_second" : "dpo_rankings_per_second_k" + wanted.outputs();
            lines.add(withTool(figure, "1/s", rate, "trl"));
            lines.add(withTool("dpo_peak_rss_mb", "MB", "peak_rss_mb", "trl"));
            lines.add(withOwn("train_gflops", "GFLOP/s", "gflops", "matmul_peak", "matmul_peak_gflops"));
            lines.add(withOwn("dpo_planned_rss_mb", "MB", "planned_rss_mb", "measured_peak", "peak_rss_mb"));
            if (ours.getFirst().has("steps")) {
                lines.add(withOwn(
                        "dpo_rss_mb_after_step_50", "MB", "rss_mb_after_step_50", "at_step_50", "rss_mb_at_step_50"));
                lines.add(withOwn(
                        "dpo_arrays_after_step_50", "1", "arrays_after_step_50", "at_step_50", "arrays_at_step_50"));
            }
        } else if (wanted.name().equals("ppo")) {
            lines.add(withTool("ppo_peak_rss_mb", "MB", "peak_rss_mb", "dpo"));
        } else {
            lines.add(withTool("sample_tokens_per_second", "1/s", "tokens_per_s", "transformers"));
            lines.add(withTool("sample_peak_rss_mb", "MB", "peak_rss_mb", "transformers"));
            lines.add(withOwn(
                    "decode_gb_per_second",
                    "GB/s",
                    "weights_gb_per_s",
                    "memory_bandwidth",
                    "memory_gb_per_s_measured"));
        }
        return lines;
    }

    private ObjectNode withTool(String figure, String unit, String field, String tool) {
        return line(figure, unit, field, tool, theirs, field);
    }

    private ObjectNode withOwn(String figure, String unit, String field, String peer, String peerField) {
        return line(figure, unit, field, peer, ours, peerField);
    }

    private ObjectNode line(
            String figure, String unit, String field, String peer, List<JsonNode> peers, String peerField) {
        double[] values = values(ours, field);
        double[] peerValues = values(peers, peerField);
        ObjectNode line = JSON.createObjectNode();
        line.put("bench", wanted.name());
        line.put("figure", figure);
        line.put("value", rounded(median(values)));
        line.put("unit", unit);
        if (!peers.isEmpty()) {
            line.put("peer", peer);
            line.put("peer_value", rounded(median(peerValues)));
            line.put(
                    "ratio",
                    rounded(median(IntStream.range(0, values.length)
                            .mapToDouble(i -> values[i] / peerValues[i])
                            .toArray())));
        }
        line.put("runs", ours.size());
        line.put("model", wanted.model());
        line.put("base", wanted.format().label());
        if (wanted.name().equals("train")) {
            line.put("outputs", wanted.outputs());
            line.put("recompute", wanted.recompute());
        }
        // What a peer that knows two formats was given, where it is not the same.
        if (peers == theirs && !theirs.isEmpty() && wanted.format() != WeightFormat.BFLOAT16) {
            line.put("peer_base", WeightFormat.FLOAT32.label());
        }
        if (peers == theirs && !theirs.isEmpty() && wanted.name().equals("train")) {
            line.put("peer_pairs_per_pass", wanted.peerPairs());
        }
        return line;
    }

    private static double[] values(List<JsonNode> runs, String field) {
        return runs.stream().mapToDouble(run -> run.path(field).asDouble()).toArray();
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int n = sorted.length;
        return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    }

    private static double rounded(double value) {
        return Double.isFinite(value) ? Double.parseDouble(String.format(Locale.ROOT, "%.4g", value)) : 0;
    }
}
