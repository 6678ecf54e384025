package dev.podium.training.round;

/** Does the work of one kind of round. Called on the one platform thread that does tensor work. */
public interface Trainer {
    /**
     * Runs a round to its end, or goes on from the newest checkpoint in {@link RoundContext#workDir()}.
     *
     * @throws RoundFailure when the round cannot have a result
     * @throws RoundCancelled when the operator asked for it
     */
    RoundResult train(RoundContext context) throws RoundFailure, RoundCancelled;
}
