package dev.podium.training.rollout;

import dev.podium.llm.generate.Completion;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.training.round.RoundFailure;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;

/** Samples completions of one model with one adapter. */
public interface CompletionSource extends AutoCloseable {
    /**
     * Samples several completions of each prompt.
     *
     * @param prompts token ids, at least one each
     * @param endIds tokens that end a completion
     * @param cancelled is asked now and then
     * @return per prompt, its completions
     * @throws RoundFailure when they cannot be had
     * @throws CancellationException when it was cancelled
     */
    List<List<Completion>> generate(
            List<int[]> prompts,
            int samplesPerPrompt,
            SamplingParameters parameters,
            int[] endIds,
            BooleanSupplier cancelled)
            throws RoundFailure;

    @Override
    void close();
}
