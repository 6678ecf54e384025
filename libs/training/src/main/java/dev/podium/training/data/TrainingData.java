package dev.podium.training.data;

import dev.podium.contracts.PreferenceSet;
import java.util.List;

/**
 * The preference sets of a round, as pinned, in a fixed order (by task id).
 *
 * @param train decided and undecided sets to learn from
 * @param heldOut sets kept for evaluation, see {@link Split}
 * @param missing tasks that were pinned but could not be read any more
 */
public record TrainingData(List<PreferenceSet> train, List<PreferenceSet> heldOut, int missing) {
    public static final TrainingData NONE = new TrainingData(List.of(), List.of(), 0);

    public TrainingData {
        train = List.copyOf(train);
        heldOut = List.copyOf(heldOut);
    }
}
