package dev.podium.training.batch;

import dev.podium.llm.model.TokenBatch.Sequence;
import java.util.List;

/**
 * A task as tokens: each output once, the pairs as indexes into the outputs.
 *
 * @param completions the outputs' tokens, the end token included where the output has one
 */
public record TaskTokens(String taskId, int[] prompt, List<int[]> completions, List<Pair> pairs) {
    public TaskTokens {
        completions = List.copyOf(completions);
        pairs = List.copyOf(pairs);
    }

    /** A decided pair. */
    public record Pair(int chosen, int rejected, double weight, double margin) {}

    /** One row per output. */
    public List<Sequence> sequences() {
        return completions.stream()
                .map(completion -> new Sequence(prompt, completion))
                .toList();
    }

    /** Tokens of a pass over the task: the prompt is computed once. */
    public int tokens() {
        return prompt.length + completions.stream().mapToInt(c -> c.length).sum();
    }

    double weight() {
        return pairs.stream().mapToDouble(Pair::weight).sum();
    }
}
