package dev.podium.training.round;

import dev.podium.contracts.RoundConfig;
import dev.podium.llm.base.BaseModelFiles;
import dev.podium.llm.model.CausalLM;
import java.nio.file.Path;

/** Where the runner gets base models from. Called on the thread that does tensor work. */
public interface BaseModelSource {
    /**
     * Opens a base model.
     *
     * @param config of the round that it is for: how its weights are kept, and what it will take beside them
     * @throws RoundFailure {@code unknown_base_model}, or {@code out_of_memory} before anything is loaded
     */
    OpenModel open(String name, RoundConfig config) throws RoundFailure;

    /**
     * Opens a model that was fetched.
     *
     * @param folder in Hugging Face's form
     * @param name that it has as a base model
     * @throws RoundFailure as {@link #open(String, RoundConfig)}
     */
    default OpenModel open(Path folder, String name, RoundConfig config) throws RoundFailure {
        throw new RoundFailure("unknown_base_model", "models that rounds published cannot be opened here");
    }

    /**
     * A base model in memory, until it is closed.
     *
     * @param sha256 of its weights file
     */
    record OpenModel(String name, String sha256, BaseModelFiles files, CausalLM model, Runnable onClose)
            implements AutoCloseable {
        @Override
        public void close() {
            onClose.run();
        }
    }
}
