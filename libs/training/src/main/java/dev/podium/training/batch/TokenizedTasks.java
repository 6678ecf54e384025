package dev.podium.training.batch;

import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The tasks of a split as tokens, and what had to be left out; nothing is dropped in silence.
 *
 * @param tooLong outputs whose prompt plus completion is over the limit
 * @param boundaryMoved outputs whose first token grew together with the prompt's last
 * @param undecided tasks without a pair, from the start or after the above
 * @param encodedAnew outputs whose stored tokens are not this model's, so that their text was encoded
 */
public record TokenizedTasks(List<TaskTokens> tasks, int tooLong, int boundaryMoved, int undecided, int encodedAnew) {
    public TokenizedTasks {
        tasks = List.copyOf(tasks);
    }

    /** Tasks that are left, in both splits. */
    public static Set<String> ids(TokenizedTasks train, TokenizedTasks heldOut) {
        return Stream.of(train, heldOut)
                .flatMap(tasks -> tasks.tasks().stream())
                .map(TaskTokens::taskId)
                .collect(Collectors.toSet());
    }

    /** The same with each task changed. */
    public TokenizedTasks map(UnaryOperator<TaskTokens> change) {
        return new TokenizedTasks(tasks.stream().map(change).toList(), tooLong, boundaryMoved, undecided, encodedAnew);
    }

    public int pairs() {
        return tasks.stream().mapToInt(task -> task.pairs().size()).sum();
    }
}
