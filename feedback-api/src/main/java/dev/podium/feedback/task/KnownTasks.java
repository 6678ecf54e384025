package dev.podium.feedback.task;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.podium.contracts.Output;
import dev.podium.contracts.Task;
import dev.podium.feedback.rendering.SafeMarkdown;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Tasks that were shown a moment ago, read and rendered: the labelers of one task come soon after one another, and whoever
 * is shown a task submits it. Bounded by the characters of their bodies.
 */
@Singleton
public class KnownTasks {
    private static final long MOST_CHARACTERS = 3_000_000;

    private final Cache<String, Known> known = Caffeine.newBuilder()
            .maximumWeight(MOST_CHARACTERS)
            .weigher((String id, Known task) -> id.length() + task.body().length())
            .build();

    /**
     * A task as it is shown.
     *
     * @param body what it was read from
     * @param outputs by id
     */
    public record Known(String body, Task task, List<TaskView.Turn> prompt, Map<String, TaskView.Candidate> outputs) {
        static Known of(String body) {
            Task task = TaskRow.task(body);
            return new Known(
                    body,
                    task,
                    task.prompt().stream()
                            .map(m -> new TaskView.Turn(m.role(), m.content(), SafeMarkdown.toHtml(m.content())))
                            .toList(),
                    task.outputs().stream()
                            .collect(Collectors.toUnmodifiableMap(
                                    Output::id,
                                    o -> new TaskView.Candidate(o.id(), o.text(), SafeMarkdown.toHtml(o.text())))));
        }
    }

    /** The task of a row; what is known of it counts only where it was read from the same body. */
    public Known of(String id, String body) {
        Known before = known.getIfPresent(id);
        if (before != null && before.body().equals(body)) {
            return before;
        }
        Known now = Known.of(body);
        known.put(id, now);
        return now;
    }

    /** A task that was shown a moment ago. */
    public Optional<Task> find(String id) {
        return Optional.ofNullable(known.getIfPresent(id)).map(Known::task);
    }
}
