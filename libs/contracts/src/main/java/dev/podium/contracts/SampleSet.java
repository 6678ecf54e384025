package dev.podium.contracts;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A prompt with K fresh outputs of a SAMPLE round; feedback-api makes a task of it. Value of {@link Topics#SAMPLES}.
 *
 * @param index position of the prompt in its round; (round id, index) names the set, so that a repeat is harmless
 * @param group of the task whose prompt it was, see {@link Task#group()}
 * @param selection why the prompt was chosen, see {@link Task#selection()}
 */
public record SampleSet(
        String projectId,
        String roundId,
        int index,
        List<Message> prompt,
        List<Output> outputs,
        Instant at,
        Optional<String> group,
        Optional<Task.Selection> selection) {
    public SampleSet {
        Require.text(projectId, "projectId");
        Require.text(roundId, "roundId");
        Require.that(index >= 0, "index is negative");
        prompt = List.copyOf(Require.present(prompt, "prompt"));
        outputs = List.copyOf(Require.present(outputs, "outputs"));
        Require.present(at, "at");
        group = group == null ? Optional.empty() : group;
        selection = selection == null ? Optional.empty() : selection;
    }

    /** A set of no group, whose prompt nobody selected. */
    public SampleSet(
            String projectId, String roundId, int index, List<Message> prompt, List<Output> outputs, Instant at) {
        this(projectId, roundId, index, prompt, outputs, at, Optional.empty(), Optional.empty());
    }
}
