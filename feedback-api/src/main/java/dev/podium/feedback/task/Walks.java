package dev.podium.feedback.task;

import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * How far each labeler has come in the order of open tasks, so that the next question does not look again at all that
 * the labeler had already. It is a hint and forgotten soon: a task that comes before that place later on, because it was
 * imported, freed or became more urgent through another instance, is looked at again after {@link #REMEMBERED}.
 */
@Singleton
public class Walks {
    /** After so long a labeler's walk begins at the beginning again. */
    static final Duration REMEMBERED = Duration.ofSeconds(10);

    /** Before any task. */
    static final Place BEGINNING =
            new Place(Integer.MIN_VALUE, Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY, Long.MIN_VALUE);

    private static final int MOST_LABELERS = 10_000;

    private final Map<String, Map<String, Walk>> walks = new ConcurrentHashMap<>();

    /** A task's place as the index has it: the lower the earlier, so that priority and both doubts are negated. */
    public record Place(int priority, float urgency, float disagreement, long position) {}

    private record Walk(Place reached, long begunNanos) {}

    /** Where to begin. */
    Place begin(String project, String labeler) {
        Walk walk = walk(project, labeler);
        return walk == null ? BEGINNING : walk.reached();
    }

    /** What this labeler was given: all before it, from where the walk began, the labeler has had. */
    void reached(String project, String labeler, Place place) {
        Walk before = walk(project, labeler);
        Map<String, Walk> ofProject = walks.computeIfAbsent(project, p -> new ConcurrentHashMap<>());
        if (ofProject.size() >= MOST_LABELERS) {
            ofProject.clear();
        }
        ofProject.put(labeler, new Walk(place, before == null ? System.nanoTime() : before.begunNanos()));
    }

    /** Whatever has changed in a project's order: all begin at the beginning again. */
    public void forget(String project) {
        walks.remove(project);
    }

    private @Nullable Walk walk(String project, String labeler) {
        Map<String, Walk> ofProject = walks.get(project);
        Walk walk = ofProject == null ? null : ofProject.get(labeler);
        return walk == null || System.nanoTime() - walk.begunNanos() > REMEMBERED.toNanos() ? null : walk;
    }
}
