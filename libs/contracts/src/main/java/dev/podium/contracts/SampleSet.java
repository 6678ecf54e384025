package dev.podium.contracts;

import java.time.Instant;
import java.util.List;

/**
 * A prompt with K fresh outputs of a SAMPLE round; feedback-api makes a task of it. Value of {@link Topics#SAMPLES}.
 *
 * @param index position of the prompt in its round; (round id, index) names the set, so that a repeat is harmless
 */
public record SampleSet(
        String projectId, String roundId, int index, List<Message> prompt, List<Output> outputs, Instant at) {
    public SampleSet {
        Require.text(projectId, "projectId");
        Require.text(roundId, "roundId");
        Require.that(index >= 0, "index is negative");
        prompt = List.copyOf(Require.present(prompt, "prompt"));
        outputs = List.copyOf(Require.present(outputs, "outputs"));
        Require.present(at, "at");
    }
}
