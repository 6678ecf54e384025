package dev.podium.training.batch;

import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.model.MemoryPlan;
import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.model.TokenBatch.Sequence;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;

/**
 * Cuts a batch into parts whose tokens fit the memory of one pass. Losses are normalised by the whole batch, so
 * the cut changes memory and time only.
 */
public final class MicroBatches {
    private MicroBatches() {}

    /** Tokens of one pass with gradients whose activations are kept. */
    public static int tokens(ModelConfig config) {
        return MemoryPlan.tokensPerPass(config);
    }

    /** Elements in order; one over the limit stands alone, and its activations are computed again. */
    private static <T> List<List<T>> pack(List<T> elements, ToIntFunction<List<T>> tokens, int maxTokens) {
        List<List<T>> parts = new ArrayList<>();
        List<T> part = new ArrayList<>();
        for (T element : elements) {
            part.add(element);
            if (part.size() > 1 && tokens.applyAsInt(part) > maxTokens) {
                part.removeLast();
                parts.add(part);
                part = new ArrayList<>(List.of(element));
            }
        }
        if (!part.isEmpty()) {
            parts.add(part);
        }
        return parts;
    }

    /** Whole tasks together. */
    public static List<List<TaskTokens>> ofTasks(List<TaskTokens> tasks, int maxTokens) {
        return pack(tasks, part -> part.stream().mapToInt(TaskTokens::tokens).sum(), maxTokens);
    }

    /** Indexes of sequences, those of one prompt together as far as the limit allows. */
    public static List<List<Integer>> ofSequences(List<Sequence> sequences, int maxTokens) {
        Map<List<Integer>, List<Integer>> byPrompt = new LinkedHashMap<>();
        for (int i = 0; i < sequences.size(); i++) {
            List<Integer> prompt =
                    Arrays.stream(sequences.get(i).prompt()).boxed().toList();
            byPrompt.computeIfAbsent(prompt, p -> new ArrayList<>()).add(i);
        }
        List<Integer> indexes = byPrompt.values().stream().flatMap(List::stream).toList();
        return pack(
                indexes,
                part -> TokenBatch.tokens(part.stream().map(sequences::get).toList()),
                maxTokens);
    }
}
