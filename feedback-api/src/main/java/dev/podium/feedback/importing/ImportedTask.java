package dev.podium.feedback.importing;

import dev.podium.contracts.Message;
import java.util.List;
import java.util.Optional;

/**
 * A task found in a line.
 *
 * @param outputs texts, in the line's order
 * @param ranking ordered tie groups of positions in {@code outputs}; empty when the line has none
 * @param priority higher ones are given out first
 * @param group what kind of prompt it is, where the line says so
 */
record ImportedTask(
        List<Message> prompt,
        List<String> outputs,
        List<List<Integer>> ranking,
        String labeler,
        int priority,
        Optional<String> group) {
    ImportedTask(
            List<Message> prompt,
            List<String> outputs,
            List<List<Integer>> ranking,
            String labeler,
            Optional<String> group) {
        this(prompt, outputs, ranking, labeler, 0, group);
    }
}
