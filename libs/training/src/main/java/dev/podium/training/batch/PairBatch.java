package dev.podium.training.batch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.model.TokenBatch.Sequence;
import java.util.ArrayList;
import java.util.List;

/**
 * Tasks in one pass: each output is one row, however many pairs it is in, and the pairs pick from the rows' results.
 *
 * @param tasks the tasks, in order of their rows
 * @param outputs one row per output
 * @param chosen int64 [pairs]: row of each pair's chosen output
 * @param rejected int64 [pairs]
 * @param weights float32 [pairs]
 */
public record PairBatch(List<TaskTokens> tasks, TokenBatch outputs, NDArray chosen, NDArray rejected, NDArray weights) {

    /** The arrays belong to the open scope of the thread. */
    public static PairBatch of(CausalLM model, List<TaskTokens> tasks) {
        NDManager manager = model.runtime().root();
        List<Sequence> rows = new ArrayList<>();
        List<Long> chosen = new ArrayList<>();
        List<Long> rejected = new ArrayList<>();
        List<Double> weights = new ArrayList<>();
        for (TaskTokens task : tasks) {
            long first = rows.size();
            rows.addAll(task.sequences());
            for (TaskTokens.Pair pair : task.pairs()) {
                chosen.add(first + pair.chosen());
                rejected.add(first + pair.rejected());
                weights.add(pair.weight());
            }
        }
        float[] weightValues = new float[weights.size()];
        for (int i = 0; i < weightValues.length; i++) {
            weightValues[i] = weights.get(i).floatValue();
        }
        return new PairBatch(
                List.copyOf(tasks),
                TokenBatch.of(model, rows),
                manager.create(chosen.stream().mapToLong(Long::longValue).toArray()),
                manager.create(rejected.stream().mapToLong(Long::longValue).toArray()),
                manager.create(weightValues));
    }

    /** Real tokens, padding not counted. */
    public int tokens() {
        return outputs.sequences().stream().mapToInt(Sequence::length).sum();
    }

    public int pairs() {
        return tasks.stream().mapToInt(task -> task.pairs().size()).sum();
    }

    /** Completion tokens of each row, [rows]. */
    public NDArray lengths(NDManager manager) {
        float[] lengths = new float[outputs.rows()];
        for (int i = 0; i < lengths.length; i++) {
            lengths[i] = outputs.sequences().get(i).completion().length;
        }
        return manager.create(lengths);
    }

    /**
     * For each pair the value of one of its rows, with gradient.
     *
     * @param perRow [rows]
     * @param which {@link #chosen} or {@link #rejected}
     * @return [pairs]
     */
    public static NDArray pick(CausalLM model, NDArray perRow, NDArray which) {
        return model.operations()
                .call("embed", perRow.reshape(perRow.size(), 1), which)
                .reshape(which.size());
    }

    /** Margins of the pairs, [pairs]. */
    public NDArray margins(NDManager manager) {
        double[] margins = tasks.stream()
                .flatMap(task -> task.pairs().stream())
                .mapToDouble(TaskTokens.Pair::margin)
                .toArray();
        float[] values = new float[margins.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) margins[i];
        }
        return manager.create(values);
    }

    /** Sum of pair weights of tasks: what a batch's loss is divided by. */
    public static double weight(List<TaskTokens> tasks) {
        return tasks.stream().mapToDouble(TaskTokens::weight).sum();
    }
}
