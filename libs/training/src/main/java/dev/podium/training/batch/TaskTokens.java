package dev.podium.training.batch;

import dev.podium.llm.model.TokenBatch.Sequence;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A task as tokens: each output once, what was decided as indexes into the outputs.
 *
 * @param completions the outputs' tokens, the end token included where the output has one
 * @param ties pairs that the votes do not separate
 * @param ranks of the outputs by their votes, 1 is best, equal is tied; 0 where nobody compared the output
 * @param unacceptable whether at least half of the labelers marked an output so
 * @param origin by what results on the task are told apart
 */
public record TaskTokens(
        String taskId,
        int[] prompt,
        List<int[]> completions,
        List<Pair> pairs,
        List<Tie> ties,
        int[] ranks,
        boolean[] unacceptable,
        Origin origin) {
    public TaskTokens {
        completions = List.copyOf(completions);
        pairs = List.copyOf(pairs);
        ties = List.copyOf(ties);
    }

    /** A task of no known origin. */
    public TaskTokens(
            String taskId,
            int[] prompt,
            List<int[]> completions,
            List<Pair> pairs,
            List<Tie> ties,
            int[] ranks,
            boolean[] unacceptable) {
        this(taskId, prompt, completions, pairs, ties, ranks, unacceptable, Origin.UNKNOWN);
    }

    /** A task whose ranking is what its pairs say, without ties or marks. */
    public TaskTokens(String taskId, int[] prompt, List<int[]> completions, List<Pair> pairs) {
        this(
                taskId,
                prompt,
                completions,
                pairs,
                List.of(),
                ranks(wins(completions.size(), pairs), compared(completions.size(), pairs, List.of())),
                new boolean[completions.size()]);
    }

    /**
     * A decided pair.
     *
     * @param margin rank gap / (K - 1)
     * @param probability that the chosen one is better, by the votes
     */
    public record Pair(int chosen, int rejected, double weight, double margin, double probability) {
        /** One clear vote. */
        public Pair(int chosen, int rejected, double weight, double margin) {
            this(chosen, rejected, weight, margin, 1);
        }
    }

    /**
     * Where a task and its rankings come from.
     *
     * @param group see {@link dev.podium.contracts.Task#group()}; where a task has none, how its outputs were made
     */
    public record Origin(String group, List<Opinion> opinions) {
        public static final Origin UNKNOWN = new Origin("unknown", List.of());

        public Origin {
            opinions = List.copyOf(opinions);
        }
    }

    /**
     * One labeler's ranking.
     *
     * @param ranks of the outputs, 1 is best, equal is tied; 0 where it says nothing of an output
     */
    public record Opinion(String labelerId, int[] ranks) {}

    /** A pair that is tied. */
    public record Tie(int first, int second) {}

    /**
     * Dense ranks of values, the greatest first; values that differ by rounding only are equal.
     *
     * @param compared which of them have a rank at all; others get 0
     */
    static int[] ranks(double[] values, boolean[] compared) {
        int[] order = IntStream.range(0, values.length)
                .filter(i -> compared[i])
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -values[i]))
                .mapToInt(Integer::intValue)
                .toArray();
        int[] ranks = new int[values.length];
        for (int k = 0; k < order.length; k++) {
            boolean tied = k > 0 && values[order[k - 1]] - values[order[k]] < 1e-9;
            ranks[order[k]] = k == 0 ? 1 : ranks[order[k - 1]] + (tied ? 0 : 1);
        }
        return ranks;
    }

    /** Whether each output is in a pair or a tie. */
    static boolean[] compared(int outputs, List<Pair> pairs, List<Tie> ties) {
        boolean[] compared = new boolean[outputs];
        for (Pair pair : pairs) {
            compared[pair.chosen()] = true;
            compared[pair.rejected()] = true;
        }
        for (Tie tie : ties) {
            compared[tie.first()] = true;
            compared[tie.second()] = true;
        }
        return compared;
    }

    /** The same with other pairs, or other weights of them. */
    public TaskTokens withPairs(List<Pair> others) {
        return new TaskTokens(taskId, prompt, completions, others, ties, ranks, unacceptable, origin);
    }

    private static double[] wins(int outputs, List<Pair> pairs) {
        double[] wins = new double[outputs];
        for (Pair pair : pairs) {
            wins[pair.chosen()]++;
            wins[pair.rejected()]--;
        }
        return wins;
    }

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

    /** Sum of the pairs' weights. */
    public double weight() {
        return pairs.stream().mapToDouble(Pair::weight).sum();
    }
}
