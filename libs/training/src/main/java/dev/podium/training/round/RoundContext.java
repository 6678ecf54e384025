package dev.podium.training.round;

import dev.podium.contracts.RoundCommand;
import dev.podium.llm.base.BaseModelFiles;
import dev.podium.llm.model.CausalLM;
import dev.podium.training.data.TrainingData;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * All that a trainer is given. Models and folders are opened, fetched and verified before, and closed by the caller.
 *
 * @param workDir folder of this round alone; checkpoints and the finished adapter live here
 * @param initialAdapter PEFT folder of the adapter to continue or to sample from
 * @param rewardModel what PPO scores with
 * @param cancelled turns true when the operator cancels; asked at every step
 * @param mixAdapter PEFT folder of another adapter that SAMPLE mixes in
 */
public record RoundContext(
        RoundCommand.StartRound command,
        TrainingData data,
        BaseModelFiles base,
        CausalLM model,
        Path workDir,
        Optional<Path> initialAdapter,
        Optional<RewardModel> rewardModel,
        RoundReporter reporter,
        BooleanSupplier cancelled,
        Optional<Path> mixAdapter) {

    /** A round that mixes nothing in. */
    public RoundContext(
            RoundCommand.StartRound command,
            TrainingData data,
            BaseModelFiles base,
            CausalLM model,
            Path workDir,
            Optional<Path> initialAdapter,
            Optional<RewardModel> rewardModel,
            RoundReporter reporter,
            BooleanSupplier cancelled) {
        this(command, data, base, model, workDir, initialAdapter, rewardModel, reporter, cancelled, Optional.empty());
    }

    /**
     * A reward adapter on disk.
     *
     * @param folder PEFT folder with {@code score.safetensors} beside it
     * @param gain normalised reward = gain * raw + bias
     */
    public record RewardModel(Path folder, double gain, double bias) {}

    /** Throws when the operator cancelled the round. */
    public void checkCancelled(int step) throws RoundCancelled {
        if (cancelled.getAsBoolean()) {
            throw new RoundCancelled(step);
        }
    }
}
