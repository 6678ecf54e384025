package dev.podium.llm.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import java.util.Optional;

/**
 * Prompts with their completions, right-padded, and where their completion tokens stand. Its arrays belong to the
 * caller's scope.
 *
 * @param ids int64 {@code [rows, time]}
 * @param predictors int64 {@code [n]}: for each completion token the flat position (row * time + t) whose state predicts
 *     it; rows in order, tokens in order
 * @param targets int64 {@code [n]}: the completion tokens
 * @param lastPositions int64 {@code [rows]}: flat position of each row's last real token
 * @param sums float32 {@code [rows, n]}: ones where a token belongs to a row, so that sums . x adds up per row
 */
public record TokenBatch(
        List<Sequence> sequences,
        NDArray ids,
        NDArray predictors,
        NDArray targets,
        NDArray lastPositions,
        NDArray sums) {

    /** A prompt and what follows it; lengths are carried explicitly, padding is never used to find them. */
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

    /** Lays sequences out as rows. */
    public static TokenBatch of(CausalLM model, List<Sequence> sequences) {
        NDManager manager = model.runtime().root();
        int rows = sequences.size();
        int time = sequences.stream().mapToInt(Sequence::length).max().orElse(1);
        int n = sequences.stream().mapToInt(s -> s.completion().length).sum();
        long[] ids = new long[rows * time];
        long[] predictors = new long[n];
        long[] targets = new long[n];
        long[] last = new long[rows];
        float[] sums = new float[rows * n];
        int token = 0;
        for (int r = 0; r < rows; r++) {
            Sequence sequence = sequences.get(r);
            int start = r * time;
            for (int t = 0; t < sequence.prompt().length; t++) {
                ids[start + t] = sequence.prompt()[t];
            }
            int offset = start + sequence.prompt().length;
            for (int t = 0; t < sequence.completion().length; t++) {
                ids[offset + t] = sequence.completion()[t];
                predictors[token] = offset + t - 1;
                targets[token] = sequence.completion()[t];
                sums[r * n + token] = 1;
                token++;
            }
            last[r] = start + sequence.length() - 1;
        }
        return new TokenBatch(
                List.copyOf(sequences),
                manager.create(ids, new Shape(rows, time)),
                manager.create(predictors),
                manager.create(targets),
                manager.create(last),
                manager.create(sums, new Shape(rows, n)));
    }

    public int rows() {
        return sequences.size();
    }

    /** Number of completion tokens in all rows. */
    public int completionTokens() {
        return (int) targets.size();
    }

    /** States of the decoder as rows: {@code [rows * time, hidden]}. */
    public NDArray states(CausalLM model, Optional<? extends Adapter> adapter) {
        NDArray hidden = model.hiddenStates(ids, adapter);
        return hidden.reshape(
                hidden.getShape().get(0) * hidden.getShape().get(1),
                model.config().hiddenSize());
    }

    /** States that predict the completion tokens: {@code [n, hidden]}. */
    public NDArray completionStates(CausalLM model, NDArray states) {
        return model.operations().call("embed", states, predictors);
    }

    /** States of each row's last real token: {@code [rows, hidden]}. */
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
