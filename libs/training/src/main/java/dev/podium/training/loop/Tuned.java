package dev.podium.training.loop;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.RoundConfig;
import dev.podium.llm.base.HuggingFaceFolder;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.model.NamedParameter;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import dev.podium.training.round.RoundResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What a round trains. */
public sealed interface Tuned extends AutoCloseable {
    /** The adapter that passes of the model take; none where the model itself is trained. */
    Optional<LoraAdapter> adapter();

    /** The leaves that collect gradients, in a fixed order. */
    List<NamedParameter> parameters();

    /** Writes what came of it into the round's folder. */
    RoundResult.TrainedAdapter write(RoundContext context);

    @Override
    void close();

    /** An adapter on the frozen base: the round's initial one continued, or a new one. */
    static Tuned adapter(RoundContext context, RoundConfig.Lora lora, long seed) throws RoundFailure {
        return new OfAdapter(RoundStart.policyAdapter(context, lora, seed));
    }

    /**
     * Every weight of the base model.
     *
     * @throws RoundFailure {@code unknown_adapter} where the round continues an adapter
     */
    static Tuned allWeights(RoundContext context) throws RoundFailure {
        if (context.initialAdapter().isPresent()) {
            throw new RoundFailure(
                    "unknown_adapter",
                    "full fine-tuning starts from a model, not from an adapter; leave initialAdapter out, or name a version"
                            + " of kind MODEL");
        }
        return new OfAllWeights(context.model().trainable());
    }

    /** @param lora trained */
    record OfAdapter(LoraAdapter lora) implements Tuned {
        @Override
        public Optional<LoraAdapter> adapter() {
            return Optional.of(lora);
        }

        @Override
        public List<NamedParameter> parameters() {
            return lora.parameters();
        }

        @Override
        public RoundResult.TrainedAdapter write(RoundContext context) {
            return RoundStart.write(context, lora, Optional.empty());
        }

        @Override
        public void close() {
            lora.close();
        }
    }

    /** @param parameters the weights, which belong to the model and are closed with it */
    record OfAllWeights(List<NamedParameter> parameters) implements Tuned {
        @Override
        public Optional<LoraAdapter> adapter() {
            return Optional.empty();
        }

        @Override
        public RoundResult.TrainedAdapter write(RoundContext context) {
            Path folder = context.workDir().resolve("model");
            try {
                HuggingFaceFolder.write(folder, context.base(), parameters);
            } catch (IOException e) {
                throw new UncheckedIOException("cannot write the model in " + folder, e);
            }
            return new RoundResult.TrainedAdapter(
                    folder, AdapterManifest.Kind.MODEL, Optional.empty(), Optional.empty(), Optional.empty());
        }

        @Override
        public void close() {
            parameters.forEach(parameter -> parameter.array().setRequiresGradient(false));
        }
    }
}
