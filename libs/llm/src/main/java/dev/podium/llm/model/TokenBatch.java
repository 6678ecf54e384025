package dev.podium.llm.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Prompts with their completions as one row of tokens without padding; sequences with the same prompt share it: it is
 * computed once, and each of its completions attends to it and to itself. Its arrays belong to the caller's scope.
 *
 * @param ids int64 {@code [tokens]}
 * @param positions int64 {@code [tokens]}: of each token in its sequence
 * @param segments what attends to what, see {@link CausalLM}
 * @param predictors int64 {@code [n]}: for each completion token the index in {@code ids} whose state predicts it;
 *     sequences in order, tokens in order
 * @param targets int64 {@code [n]}: the completion tokens
 * @param lastPositions int64 {@code [rows]}: index of each sequence's last token
 * @param sums float32 {@code [rows, n]}: ones where a token belongs to a sequence, so that sums . x adds up per sequence
 */
public record TokenBatch(
        List<Sequence> sequences,
        NDArray ids,
        NDArray positions,
        List<NDArray> segments,
        NDArray predictors,
        NDArray targets,
        NDArray lastPositions,
        NDArray sums) {

    /** A prompt and what follows it. */
    public record Sequence(int[] prompt, int[] completion) {
        public Sequence {
            if (prompt.length == 0) {
                throw new IllegalArgumentException("a prompt needs at least one token");
            }
        }

        public int length() {
            return prompt.length + completion.length;
        }
    }

    /** Lays sequences out. */
    public static TokenBatch of(CausalLM model, List<Sequence> sequences) {
        return new Layout(model, sequences).batch();
    }

    /** A prompt as a key. */
    private record Prompt(int[] tokens) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Prompt prompt && Arrays.equals(tokens, prompt.tokens);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(tokens);
        }
    }

    /** Tokens that sequences take when each prompt is there once. */
    public static int tokens(List<Sequence> sequences) {
        int tokens = 0;
        for (Map.Entry<Prompt, List<Integer>> group : byPrompt(sequences).entrySet()) {
            tokens += group.getKey().tokens().length;
            for (int row : group.getValue()) {
                tokens += sequences.get(row).completion().length;
            }
        }
        return tokens;
    }

    private static Map<Prompt, List<Integer>> byPrompt(List<Sequence> sequences) {
        Map<Prompt, List<Integer>> groups = new LinkedHashMap<>();
        for (int row = 0; row < sequences.size(); row++) {
            groups.computeIfAbsent(new Prompt(sequences.get(row).prompt()), prompt -> new ArrayList<>())
                    .add(row);
        }
        return groups;
    }

    private static final class Layout {
        private final NDManager manager;
        private final List<Sequence> sequences;
        private final long[] ids;
        private final long[] positions;
        private final List<NDArray> segments = new ArrayList<>();
        private final int[] promptEnds;
        private final int[] completionStarts;
        private int at;

        Layout(CausalLM model, List<Sequence> sequences) {
            this.manager = model.runtime().root();
            this.sequences = List.copyOf(sequences);
            int tokens = tokens(sequences);
            this.ids = new long[tokens];
            this.positions = new long[tokens];
            this.promptEnds = new int[sequences.size()];
            this.completionStarts = new int[sequences.size()];
            byPrompt(sequences).forEach((prompt, rows) -> {
                model.checkLength(rows.stream()
                        .mapToInt(row -> sequences.get(row).length())
                        .max()
                        .orElse(0));
                if (rows.size() == 1) {
                    addAlone(rows.getFirst());
                } else {
                    addShared(prompt.tokens(), rows);
                }
            });
        }

        private void addAlone(int row) {
            Sequence sequence = sequences.get(row);
            write(sequence.prompt(), 0);
            promptEnds[row] = at;
            completionStarts[row] = at;
            write(sequence.completion(), sequence.prompt().length);
            segments.add(manager.zeros(new Shape(sequence.length(), 0)));
        }

        private void addShared(int[] prompt, List<Integer> rows) {
            write(prompt, 0);
            int end = at;
            segments.add(manager.zeros(new Shape(prompt.length, 0)));
            for (int row : rows) {
                int[] completion = sequences.get(row).completion();
                promptEnds[row] = end;
                completionStarts[row] = at;
                if (completion.length > 0) {
                    write(completion, prompt.length);
                    segments.add(continuation(prompt.length, completion.length));
                }
            }
        }

        private void write(int[] tokens, int position) {
            for (int t = 0; t < tokens.length; t++) {
                ids[at] = tokens[t];
                positions[at] = position + t;
                at++;
            }
        }

        private NDArray continuation(int prefix, int own) {
            int width = prefix + own;
            float[] mask = new float[own * width];
            for (int t = 0; t < own; t++) {
                Arrays.fill(mask, t * width + prefix + t + 1, (t + 1) * width, Float.NEGATIVE_INFINITY);
            }
            return manager.create(mask, new Shape(own, width));
        }

        TokenBatch batch() {
            int rows = sequences.size();
            int n = sequences.stream().mapToInt(s -> s.completion().length).sum();
            long[] predictors = new long[n];
            long[] targets = new long[n];
            long[] last = new long[rows];
            float[] sums = new float[rows * n];
            int token = 0;
            for (int r = 0; r < rows; r++) {
                int[] completion = sequences.get(r).completion();
                for (int t = 0; t < completion.length; t++) {
                    predictors[token] = t == 0 ? promptEnds[r] - 1 : completionStarts[r] + t - 1;
                    targets[token] = completion[t];
                    sums[r * n + token] = 1;
                    token++;
                }
                last[r] = completion.length == 0 ? promptEnds[r] - 1 : completionStarts[r] + completion.length - 1;
            }
            return new TokenBatch(
                    sequences,
                    manager.create(ids),
                    manager.create(positions),
                    List.copyOf(segments),
                    manager.create(predictors),
                    manager.create(targets),
                    manager.create(last),
                    manager.create(sums, new Shape(rows, n)));
        }
    }

    public int rows() {
        return sequences.size();
    }

    /** Number of completion tokens in all sequences. */
    public int completionTokens() {
        return (int) targets.size();
    }

    /** States of the decoder: {@code [tokens, hidden]}. */
    public NDArray states(CausalLM model, Optional<? extends Adapter> adapter) {
        return model.hiddenStates(ids, positions, segments, adapter);
    }

    /** States that predict the completion tokens: {@code [n, hidden]}. */
    public NDArray completionStates(CausalLM model, NDArray states) {
        return model.operations().call("embed", states, predictors);
    }

    /** States of each sequence's last token: {@code [rows, hidden]}. */
    public NDArray lastStates(CausalLM model, NDArray states) {
        return model.operations().call("embed", states, lastPositions);
    }

    /** Log-probability of each completion token: {@code [n]}. */
    public NDArray tokenLogProbabilities(CausalLM model, Optional<? extends Adapter> adapter) {
        return model.logProbabilities(completionStates(model, states(model, adapter)), targets);
    }

    /** Sum of log-probabilities of each completion: {@code [rows]}. */
    public NDArray logProbabilities(CausalLM model, Optional<? extends Adapter> adapter) {
        return rowSums(tokenLogProbabilities(model, adapter));
    }

    /** @param perToken {@code [n]}; @return {@code [rows]} */
    public NDArray rowSums(NDArray perToken) {
        return sums.matMul(perToken.reshape(-1, 1)).reshape(-1);
    }
}
