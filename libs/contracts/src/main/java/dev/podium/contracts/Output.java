package dev.podium.contracts;

import java.util.List;
import java.util.Optional;

/**
 * One completion of a task, with its provenance.
 *
 * @param text what labelers see; hostile text, never to be rendered as is
 * @param tokenIds the completion's tokens where we generated it (never tokenised again); empty for imported text
 */
public record Output(String id, String text, Provenance provenance, List<Integer> tokenIds) {
    public Output {
        Require.id(id, "outputs.id");
        Require.present(text, "outputs.text");
        Require.present(provenance, "outputs.provenance");
        tokenIds = tokenIds == null ? List.of() : List.copyOf(tokenIds);
    }

    /**
     * Where an output came from.
     *
     * @param source {@code imported}, or {@code sampled} where a SAMPLE round generated it
     * @param adapterVersion absent: the base model itself, or imported
     */
    public record Provenance(
            String source, Optional<String> baseModel, Optional<String> adapterVersion, Optional<Sampling> sampling) {
        public Provenance {
            Require.text(source, "provenance.source");
            baseModel = baseModel == null ? Optional.empty() : baseModel;
            adapterVersion = adapterVersion == null ? Optional.empty() : adapterVersion;
            sampling = sampling == null ? Optional.empty() : sampling;
        }

        public static Provenance imported() {
            return new Provenance("imported", Optional.empty(), Optional.empty(), Optional.empty());
        }
    }

    /**
     * How a completion was sampled.
     *
     * @param finishReason {@code stop} (end token) or {@code length}
     */
    public record Sampling(
            double temperature, int topK, double topP, int maxNewTokens, long seed, String finishReason) {
        public Sampling {
            Require.finite(temperature, "sampling.temperature");
            Require.finite(topP, "sampling.topP");
            Require.text(finishReason, "sampling.finishReason");
        }
    }
}
