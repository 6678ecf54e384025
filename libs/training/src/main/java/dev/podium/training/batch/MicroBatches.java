package dev.podium.training.batch;

import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.model.TokenBatch.Sequence;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.ToIntFunction;

/**
 * Cuts a batch into parts whose padded tokens fit the memory of one pass. Losses are normalised by the whole batch, so
 * the cut changes memory and time only.
 */
public final class MicroBatches {
    /** Memory that activations of one pass with gradients may take, bytes. */
    private static final double ACTIVATION_BYTES = 1.2e9;

    private static final int MOST_TOKENS = 16_384;
    private static final int FEWEST_TOKENS = 256;

    private MicroBatches() {}

    /**
     * Padded tokens of one pass with gradients: per token and layer about 14 rows of the hidden and 5 of the
     * intermediate width are kept for the backward pass, and three of the vocabulary for the head.
     */
    public static int tokens(ModelConfig config) {
        double perToken = 4.0
                * (config.layers() * (14.0 * config.hiddenSize() + 5.0 * config.intermediateSize())
                        + 3.0 * config.vocabularySize());
        return (int) Math.clamp(ACTIVATION_BYTES / perToken, FEWEST_TOKENS, MOST_TOKENS);
    }

    /** Elements of similar length together; an element over the limit stands alone. */
    static <T> List<List<T>> pack(List<T> elements, ToIntFunction<T> rows, ToIntFunction<T> length, int maxTokens) {
        List<T> sorted = new ArrayList<>(elements);
        sorted.sort(Comparator.comparingInt(length));
        List<List<T>> parts = new ArrayList<>();
        List<T> part = new ArrayList<>();
        int partRows = 0;
        for (T element : sorted) {
            // Sorted by length: the newest is the longest, and pads all before it.
            int padded = (partRows + rows.applyAsInt(element)) * length.applyAsInt(element);
            if (!part.isEmpty() && padded > maxTokens) {
                parts.add(part);
                part = new ArrayList<>();
                partRows = 0;
            }
            part.add(element);
            partRows += rows.applyAsInt(element);
        }
        if (!part.isEmpty()) {
            parts.add(part);
        }
        return parts;
    }

    /** Whole tasks together. */
    public static List<List<TaskTokens>> ofTasks(List<TaskTokens> tasks, int maxTokens) {
        return pack(tasks, task -> task.completions().size(), TaskTokens::longest, maxTokens);
    }

    /** Indexes of sequences, those of similar length together. */
    public static List<List<Integer>> ofSequences(List<Sequence> sequences, int maxTokens) {
        List<Integer> indexes = new ArrayList<>();
        for (int i = 0; i < sequences.size(); i++) {
            indexes.add(i);
        }
        return pack(indexes, i -> 1, i -> sequences.get(i).length(), maxTokens);
    }
}
