package dev.podium.training.rollout;

import dev.podium.llm.generate.Completion;
import dev.podium.llm.generate.Generator;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.llm.model.Adapter;
import dev.podium.llm.model.CausalLM;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/** Completions of the model in this process. */
public final class LocalCompletions implements CompletionSource {
    private final Generator generator;

    /** Merges the adapter as it is now. */
    public LocalCompletions(CausalLM model, Optional<? extends Adapter> adapter) {
        this.generator = new Generator(model, adapter);
    }

    @Override
    public List<List<Completion>> generate(
            List<int[]> prompts,
            int samplesPerPrompt,
            SamplingParameters parameters,
            int[] endIds,
            BooleanSupplier cancelled) {
        return generator.generate(prompts, samplesPerPrompt, parameters, endIds, cancelled);
    }

    @Override
    public void close() {
        generator.close();
    }
}
