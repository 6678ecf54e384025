package dev.podium.training.rollout;

import dev.podium.llm.generate.Completion;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/**
 * Where SAMPLE rounds take completions from.
 *
 * @param url of an OpenAI-compatible server, without {@code /v1}; empty: this process
 * @param token for its Authorization header
 * @param model name under which the server has a version, with {@code {project}} and {@code {version}}
 * @param limit of {@link RolloutGate}, nats per token
 */
public record RolloutSettings(Optional<URI> url, Optional<String> token, String model, double limit) {
    private static final String DEFAULT_MODEL = "{project}-{version}";

    /** Completions of this process. */
    public static final RolloutSettings LOCAL =
            new RolloutSettings(Optional.empty(), Optional.empty(), DEFAULT_MODEL, RolloutGate.DEFAULT_LIMIT);

    /**
     * As {@code podium.rollouts.url}, {@code podium.rollouts.token}, {@code podium.rollouts.model} and {@code
     * podium.rollouts.limit} say.
     *
     * @param settings value of a name, where it is set
     * @throws IllegalArgumentException when the address or the limit is none
     */
    public static RolloutSettings configured(Function<String, Optional<String>> settings) {
        return new RolloutSettings(
                text(settings, "podium.rollouts.url").map(url -> URI.create(url.replaceAll("/+$", ""))),
                text(settings, "podium.rollouts.token"),
                text(settings, "podium.rollouts.model").orElse(DEFAULT_MODEL),
                text(settings, "podium.rollouts.limit").map(Double::parseDouble).orElse(RolloutGate.DEFAULT_LIMIT));
    }

    private static Optional<String> text(Function<String, Optional<String>> settings, String name) {
        return settings.apply(name).map(String::strip).filter(text -> !text.isEmpty());
    }

    /**
     * Completions of a version of the round's project, or of its base model, which a server has under its own name. What
     * a server says is checked.
     *
     * @param adapter of the version; empty: the base model
     */
    public CompletionSource source(RoundContext context, Optional<LoraAdapter> adapter, Optional<String> version) {
        if (url.isEmpty()) {
            return new LocalCompletions(context.model(), adapter);
        }
        String name = version.map(
                        v -> model.replace("{project}", context.command().projectId())
                                .replace("{version}", v))
                .orElse(context.base().name());
        return new Served(new RolloutServer(url.get(), token, name), new RolloutGate(context.model(), limit), adapter);
    }

    private record Served(RolloutServer server, RolloutGate gate, Optional<LoraAdapter> adapter)
            implements CompletionSource {
        @Override
        public List<List<Completion>> generate(
                List<int[]> prompts,
                int samplesPerPrompt,
                SamplingParameters parameters,
                int[] endIds,
                BooleanSupplier cancelled)
                throws RoundFailure {
            List<List<Completion>> completions =
                    server.generate(prompts, samplesPerPrompt, parameters, endIds, cancelled);
            gate.check(prompts, completions, adapter);
            return completions;
        }

        @Override
        public void close() {
            server.close();
        }
    }
}
