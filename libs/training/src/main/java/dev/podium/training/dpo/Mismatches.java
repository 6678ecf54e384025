package dev.podium.training.dpo;

import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.batch.MicroBatches;
import dev.podium.training.batch.TaskTokens;
import dev.podium.training.round.RoundCancelled;
import dev.podium.training.round.RoundContext;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * KTO's estimate of KL(pi || pi_ref): the mean log-ratio of completions after prompts that they do not belong to, at
 * least 0 (Ethayarajh et al. 2024, section 4.1). Each task's prompt goes with the first output of the task after it, for
 * the whole round, so that the reference is computed once.
 *
 * @param rows per task id
 * @param reference sum of log-probabilities per task id
 */
record Mismatches(Map<String, Sequence> rows, Map<String, Float> reference) {
    static final Mismatches NONE = new Mismatches(Map.of(), Map.of());

    /** @param adapter as it is at the start of the round */
    static Mismatches of(RoundContext context, LoraAdapter adapter, List<TaskTokens> train, List<TaskTokens> heldOut)
            throws RoundCancelled {
        Map<String, Sequence> rows = new HashMap<>();
        int limit = context.model().config().maxPositions();
        for (List<TaskTokens> tasks : List.of(train, heldOut)) {
            for (int i = 0; i < tasks.size() && tasks.size() > 1; i++) {
                int[] other = tasks.get((i + 1) % tasks.size()).completions().getFirst();
                int[] prompt = tasks.get(i).prompt();
                if (prompt.length + other.length <= limit) {
                    rows.put(tasks.get(i).taskId(), new Sequence(prompt, other));
                }
            }
        }
        context.checkCancelled(0);
        return of(context.model(), adapter, rows);
    }

    /** @param adapter the reference */
    static Mismatches of(CausalLM model, LoraAdapter adapter, Map<String, Sequence> rows) {
        List<String> ids = rows.keySet().stream().sorted().toList();
        double[] sums = sums(model, adapter, ids.stream().map(rows::get).toList());
        Map<String, Float> reference = new HashMap<>();
        for (int i = 0; i < sums.length; i++) {
            reference.put(ids.get(i), (float) sums[i]);
        }
        return new Mismatches(rows, reference);
    }

    /** The estimate from the tasks of a batch; 0 where they have no mismatch. */
    double kl(CausalLM model, LoraAdapter adapter, List<TaskTokens> tasks) {
        List<String> ids =
                tasks.stream().map(TaskTokens::taskId).filter(rows::containsKey).toList();
        if (ids.isEmpty()) {
            return 0;
        }
        double[] sums = sums(model, adapter, ids.stream().map(rows::get).toList());
        double total = 0;
        for (int i = 0; i < sums.length; i++) {
            total += sums[i] - Objects.requireNonNull(reference.get(ids.get(i)));
        }
        return Math.max(0, total / sums.length);
    }

    private static double[] sums(CausalLM model, LoraAdapter adapter, List<Sequence> sequences) {
        double[] sums = new double[sequences.size()];
        for (List<Integer> part : MicroBatches.ofSequences(sequences, MicroBatches.tokens(model.config()))) {
            List<Sequence> some = new ArrayList<>();
            part.forEach(i -> some.add(sequences.get(i)));
            try (TensorScope scope = new TensorScope();
                    GradientMode gradients = GradientMode.off()) {
                float[] values = TokenBatch.of(model, some)
                        .logProbabilities(model, Optional.of(adapter))
                        .toFloatArray();
                for (int i = 0; i < values.length; i++) {
                    sums[part.get(i)] = values[i];
                }
            }
        }
        return sums;
    }
}
