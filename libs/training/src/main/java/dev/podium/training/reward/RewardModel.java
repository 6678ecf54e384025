package dev.podium.training.reward;

import ai.djl.ndarray.NDArray;
import dev.podium.llm.files.ModelFileException;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.PeftFolder;
import dev.podium.llm.lora.ScalarHead;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.NamedParameter;
import dev.podium.llm.model.TokenBatch;
import dev.podium.training.loop.RoundStart;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A reward model: an adapter on the shared base, and a head that makes one number of the state of the last real token.
 *
 * @param gain normalised reward = gain * raw + bias
 */
public record RewardModel(CausalLM base, LoraAdapter adapter, ScalarHead head, double gain, double bias)
        implements AutoCloseable {
    /**
     * Reads one member of a published reward model, frozen.
     *
     * @param member of the ensemble, from 0
     */
    static RewardModel read(RoundContext.RewardModel files, int member, CausalLM base) throws RoundFailure {
        LoraAdapter adapter = RoundStart.read(files.folder(), member, base);
        try {
            return new RewardModel(
                    base, adapter, PeftFolder.readHead(files.folder(), member, base), files.gain(), files.bias());
        } catch (ModelFileException e) {
            adapter.close();
            throw new RoundFailure("unknown_adapter", "the reward adapter's head: " + e.getMessage(), e);
        }
    }

    /** The adapter's matrices and the head. */
    List<NamedParameter> parameters() {
        List<NamedParameter> all = new ArrayList<>(adapter.parameters());
        all.add(head.parameter());
        return all;
    }

    /** Raw rewards of rows, [rows], in the open scope. */
    NDArray raw(TokenBatch rows) {
        return head.apply(rows.lastStates(base, rows.states(base, Optional.of(adapter))));
    }

    /** Normalised reward from a raw one. */
    public double normalise(double raw) {
        return gain * raw + bias;
    }

    @Override
    public void close() {
        adapter.close();
        head.close();
    }
}
